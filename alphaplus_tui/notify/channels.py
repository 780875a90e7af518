"""Sends alerts through Apprise, each in a thread with a deadline, so that a channel that hangs hinders nobody."""

import asyncio
import logging
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from typing import TypeVar

from pydantic import SecretStr

from alphaplus_tui.domain.alerts import Severity
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import DeadlineExceeded, Disconnected, FatalError
from alphaplus_tui.logs.redaction import Redactor, secret_parts
from alphaplus_tui.ports.notifier import Message

T = TypeVar("T")

_WITHIN_S = 30.0
_LONGEST_REASON = 300
_TYPES = {Severity.INFORMATION: "info", Severity.WARNING: "warning", Severity.ERROR: "failure"}


class AppriseNotifier:
    """Satisfies ``Notifier``."""

    def __init__(self, addresses: Mapping[str, SecretStr], *, within_s: float = _WITHIN_S) -> None:
        """addresses: Apprise URLs by channel."""
        self._addresses, self._within_s = addresses, within_s

    def missing(self, channels: Iterable[str]) -> tuple[str, ...]:
        return tuple(channel for channel in channels if channel not in self._addresses)

    async def send(self, channel: str, message: Message) -> None:
        address = self._addresses.get(channel)
        if address is None:
            raise FatalError(f"there is no secret {channel!r}; `alphaplus secrets set {channel}` keeps its Apprise URL")
        url = address.get_secret_value()
        try:
            async with asyncio.timeout(self._within_s):
                trouble = await _in_a_thread(lambda: _send(url, message), name=f"alert to {channel}")
        except TimeoutError:
            raise DeadlineExceeded(f"{channel}: no answer within {self._within_s:g} s") from None
        if trouble is not None:
            told = Redactor(secret_parts(url)).text(trouble, limit=_LONGEST_REASON)
            raise Disconnected(f"{channel}: {told or 'it was not taken'}")


def _send(url: str, message: Message) -> str | None:
    """In a thread. Why it was not taken; None when it was."""
    import apprise  # noqa: PLC0415  half a second, and only where somebody is told something

    box = apprise.Apprise(asset=apprise.AppriseAsset(app_id="AlphaPlus", app_desc="AlphaPlus", secure_logging=True))
    if not box.add(url):  # pyright: ignore[reportUnknownMemberType] - Apprise also takes dictionaries of anything
        raise FatalError("its secret holds no URL that Apprise understands")
    if not all(server.verify_certificate for server in box):
        raise FatalError("its URL turns the check of certificates off (verify=no), which is not done")
    with _warnings_of_this_thread() as heard:
        try:
            taken = box.notify(
                title=clean(message.title, limit=200),
                body=clean(message.text),
                notify_type=_TYPES[message.severity],
                body_format="text",
            )
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises, the channel did not take it
            return f"{type(error).__name__}: {error}"
    return None if taken else (heard[-1] if heard else "")


@contextmanager
def _warnings_of_this_thread() -> Generator[list[str]]:
    """What Apprise says only to its log: why a channel did not take it."""
    heard: list[str] = []
    ours = threading.get_ident()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == ours:
                heard.append(record.getMessage())

    ear, logger = Ear(logging.WARNING), logging.getLogger("apprise")
    logger.addHandler(ear)
    try:
        yield heard
    finally:
        logger.removeHandler(ear)


async def _in_a_thread(work: Callable[[], T], *, name: str) -> T:
    """A thread of its own that the end of the program does not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return  # its deadline has passed
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # pyright: ignore[reportArgumentType] - T may be None

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except Exception as raised:  # noqa: BLE001 - it belongs to whoever waits
            error = raised
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await done
