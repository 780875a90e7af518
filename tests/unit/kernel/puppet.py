"""A service that does what the test tells it."""

import asyncio
from collections.abc import Callable

from alphaplus_tui.kernel.service import Life

Journal = list[tuple[str, str]]
Order = Callable[[Life], None]


class Puppet:
    """Writes ``("start", name)`` and ``("end", name)`` into a journal; obeys one order after the other."""

    def __init__(
        self,
        name: str,
        *,
        after: tuple[str, ...] = (),
        uses: tuple[str, ...] = (),
        journal: Journal | None = None,
        ready_at_once: bool = True,
        cleanup_s: float = 0.0,
    ) -> None:
        self.name, self.after, self.uses = name, after, uses
        self.journal: Journal = [] if journal is None else journal
        self.ready_at_once, self.cleanup_s = ready_at_once, cleanup_s
        self.stubborn = False
        """Ignores the next cancellation: the manager sends only one, the end of the test another."""
        self.starts = 0
        self.bound_s = 0.0
        self.hanging = False
        self.inside = 0
        """How many runs there are at this moment."""
        self.life: Life | None = None
        self._orders: asyncio.Queue[Order] = asyncio.Queue()

    async def run(self, life: Life) -> None:
        self.starts += 1
        self.inside += 1
        self.journal.append(("start", self.name))
        self.life = life
        self._orders = asyncio.Queue()
        try:
            if self.ready_at_once:
                life.ready()
            await self._obey(life)
            if self.cleanup_s:
                await life.clock.sleep(self.cleanup_s)
        except asyncio.CancelledError:
            if self.cleanup_s:
                await life.clock.sleep(self.cleanup_s)
            raise
        finally:
            self.inside -= 1
            self.journal.append(("end", self.name))

    async def _obey(self, life: Life) -> None:
        while True:
            try:
                order = await self._orders.get()
                if order is not _hang:
                    order(life)
                    continue
                self.hanging = True
                async with life.work(within_s=self.bound_s):
                    await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.hanging = False
                if not self.stubborn:
                    raise
                self.stubborn = False
            except StopIteration:
                return

    def becomes_ready(self) -> None:
        self._orders.put_nowait(Life.ready)

    def says(self, say: Callable[[Life], None]) -> None:
        self._orders.put_nowait(say)

    def raises(self, error: BaseException) -> None:
        def throw(_: Life) -> None:
            raise error

        self._orders.put_nowait(throw)

    def returns(self) -> None:
        self.raises(StopIteration())

    def hangs(self, within_s: float) -> None:
        self.bound_s = within_s
        self._orders.put_nowait(_hang)

    def gives_in(self) -> None:
        """A stubborn one that was cancelled ends after all."""
        self.raises(asyncio.CancelledError())


def _hang(_: Life) -> None:
    """Told apart by identity."""
