"""Keeps the inference process running and asks it; what it left unanswered is asked again of the next one."""

import asyncio
import fcntl
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from contextlib import suppress

import msgspec
import structlog

from alphaplus_tui.domain.analysis import Role
from alphaplus_tui.errors import DeadlineExceeded, FatalError, TransientError
from alphaplus_tui.kernel.clock import Clock
from alphaplus_tui.models.frames import (
    LENGTH,
    Answered,
    Ask,
    Declined,
    Hello,
    Load,
    Loaded,
    Reply,
    Request,
    Unload,
    frame,
)
from alphaplus_tui.ports.model import Opinions, ServedModel, ServerStatus, WindowBatch

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_MODULE = "alphaplus_tui.models.serve"
_TRIES = 3
"""Processes that one request may cost."""
_GONE_WITHIN_S = 1.0
_LONGEST_DELAY_S = 30.0
_LAST_WORDS = 400
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # glibc: columns of 30,000 rows are not given back and asked for anew each time, which took a quarter of the time
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
}
_PIPE_BYTES = 2**20
"""What Linux lets anybody have."""


class ServerGone(TransientError):
    """The inference process ended over a request, again and again."""

    title = "Inference process gone"


class RequestDeclined(FatalError):
    """The inference process says that it cannot be done."""

    title = "Model refused"


class _Pending:
    """A request that is not answered yet."""

    def __init__(self, request: Request, deadline_s: float | None) -> None:
        self.request, self.content, self.deadline_s = request, frame(request), deadline_s
        self.answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.sent_to: set[int] = set()
        """Processes that it was sent to, by their count."""


class ModelProcess:
    """``alphaplus_tui.models.serve`` as a direct child; ``run`` must be called from the main thread."""

    def __init__(self, *, clock: Clock, threads: int = 1) -> None:
        self._clock, self._threads = clock, threads
        self._status = ServerStatus(running=False, pid=0, restarts=0, reason="not started")
        self._on_change: Callable[[ServerStatus], None] = lambda _: None
        self._child: Process | None = None
        self._births = 0
        self._greeted = False
        self._numbers = 0
        self._roles: dict[Role, tuple[str, str]] = {}
        self._pending: dict[int, _Pending] = {}
        self._reloads: set[int] = set()
        """Numbers of the loads that a new process got from us."""

    @property
    def status(self) -> ServerStatus:
        return self._status

    async def run(self, on_change: Callable[[ServerStatus], None]) -> None:
        self._on_change = on_change
        delay_s = 0.0
        while True:
            self._greeted = False
            reason = await self._one_life()
            # one that came up and died is replaced at once; one that does not come up is not tried ever faster
            delay_s = 0.0 if self._greeted else min(_LONGEST_DELAY_S, max(0.5, 2 * delay_s))
            log.warning("inference_process_ended", reason=reason, next_try_in_s=delay_s)
            self._tell(running=False, pid=0, reason=reason, restarts=self._status.restarts + 1)
            self._give_up_on_costly()
            await self._clock.sleep(delay_s)

    async def load(self, role: Role, folder: str, seal: str) -> ServedModel:
        reply = await self._ask(lambda number: Load(number, role, folder, seal), None)
        assert isinstance(reply, Loaded)
        self._roles[role] = folder, seal
        return reply.served

    async def unload(self, role: Role) -> None:
        self._roles.pop(role, None)
        await self._ask(lambda number: Unload(number, role), None)

    async def predict(self, batch: WindowBatch, *, deadline_s: float | None) -> tuple[Opinions, ...]:
        reply = await self._ask(lambda number: Ask(number, batch), deadline_s)
        assert isinstance(reply, Answered)
        return reply.opinions

    async def _ask(self, make: Callable[[int], Request], deadline_s: float | None) -> Reply:
        self._numbers += 1
        pending = self._pending[self._numbers] = _Pending(make(self._numbers), deadline_s)
        try:
            if self._greeted:
                self._send(pending)
            reply = await self._answered(pending)
        finally:
            self._pending.pop(pending.request.number, None)
        if isinstance(reply, Declined):
            raise RequestDeclined(reply.reason)
        return reply

    async def _answered(self, pending: _Pending) -> Reply:
        """Replaces a process that is late with it."""
        if pending.deadline_s is None:
            return await pending.answer
        while not pending.answer.done():
            tries = len(pending.sent_to)
            await asyncio.wait({pending.answer}, timeout=pending.deadline_s)
            if pending.answer.done() or self._births not in pending.sent_to or len(pending.sent_to) != tries:
                continue  # answered, or its process is just starting, or it has just been sent again
            log.warning("inference_late", deadline_s=pending.deadline_s, tries=tries)
            self._kill()
            if tries >= _TRIES:
                raise DeadlineExceeded(f"no prediction within {pending.deadline_s:g} s, {tries} times")
        return pending.answer.result()

    def _send(self, pending: _Pending) -> None:
        pending.sent_to.add(self._births)
        self._write(pending.content)

    def _write(self, content: bytes) -> None:
        child = self._child
        if child is not None and child.stdin is not None and not child.stdin.is_closing():
            child.stdin.write(content)

    async def _one_life(self) -> str:
        """Start a process, hear it until it ends; returns why it did."""
        try:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                _MODULE,
                str(self._threads),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, **_ENVIRONMENT},
                start_new_session=True,  # Ctrl-C reaches us alone; it ends with its standard input
            )
        except OSError as error:
            return f"it cannot be started: {error}"
        self._child = child
        self._births += 1
        assert child.stdout is not None
        assert child.stderr is not None
        _widen(child)
        words = asyncio.create_task(_last_words(child.stderr), name="inference process stderr")
        try:
            await self._listen(child.stdout)
            code = await child.wait()
            said = await words
            return f"it ended with {_named(code)}{': ' + said if said else ''}"
        finally:
            self._child = None
            words.cancel()
            await _end(child)

    async def _listen(self, stdout: asyncio.StreamReader) -> None:
        decoder = msgspec.msgpack.Decoder(Reply)
        while True:
            try:
                length = int.from_bytes(await stdout.readexactly(LENGTH), "big")
                content = await stdout.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            try:
                reply: Reply = decoder.decode(content)
            except msgspec.DecodeError:
                log.error("inference_answer_unreadable", size=length)  # noqa: TRY400  the trace says nothing
                self._kill()
                return
            self._hear(reply)

    def _hear(self, reply: Reply) -> None:
        if isinstance(reply, Hello):
            self._greet()
            return
        if reply.number in self._reloads:
            self._reloads.discard(reply.number)
            if isinstance(reply, Declined):
                log.error("model_not_served_again", reason=reply.reason)
            return
        pending = self._pending.get(reply.number)
        if pending is not None and not pending.answer.done():
            pending.answer.set_result(reply)

    def _greet(self) -> None:
        """It is there: it gets its models back, then all that nobody answered, in order."""
        self._greeted = True
        self._reloads.clear()
        for role, (folder, seal) in self._roles.items():
            self._numbers += 1
            self._reloads.add(self._numbers)
            self._write(frame(Load(self._numbers, role, folder, seal)))
        for pending in list(self._pending.values()):
            self._send(pending)
        assert self._child is not None
        log.info("inference_process_ready", pid=self._child.pid)
        self._tell(running=True, pid=self._child.pid, reason="", restarts=self._status.restarts)

    def _give_up_on_costly(self) -> None:
        for pending in self._pending.values():
            if len(pending.sent_to) >= _TRIES and not pending.answer.done():
                text = f"the inference process ended {len(pending.sent_to)} times over one request"
                pending.answer.set_exception(ServerGone(text))

    def _kill(self) -> None:
        if self._child is not None and self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.kill()

    def _tell(self, *, running: bool, pid: int, reason: str, restarts: int) -> None:
        self._status = ServerStatus(running, pid, restarts, reason)
        self._on_change(self._status)


async def _last_words(stream: asyncio.StreamReader) -> str:
    """Reads to the end, so that the child never blocks on a full pipe; returns the end of what it said."""
    words = b""
    while chunk := await stream.read(65_536):
        words = (words + chunk)[-_LAST_WORDS:]
    return words.decode(errors="replace").strip()


def _widen(child: Process) -> None:
    """Lets a batch of windows go through in a few pieces, not in one of 64 KiB for each turn of the event loop."""
    command = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux has it
    transport = getattr(child.stdin, "transport", None)
    pipe = transport.get_extra_info("pipe") if transport is not None else None
    if command is not None and pipe is not None:
        with suppress(OSError):  # somebody may not; it is slower then
            fcntl.fcntl(pipe.fileno(), command, _PIPE_BYTES)


async def _end(child: Process) -> None:
    if child.stdin is not None:
        child.stdin.close()
    if child.returncode is not None:
        return
    try:
        await asyncio.wait_for(child.wait(), _GONE_WITHIN_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def _named(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
