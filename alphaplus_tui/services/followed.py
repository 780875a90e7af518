"""Which instruments are followed, and of which the database knows and was asked where the last run ended."""

from alphaplus_tui.domain.events import InstrumentsKnown, LastTradesKnown
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.ports.store import Batch, StoreReader, StoreWriter
from alphaplus_tui.services.shedding import strangers


class FollowedInstruments:
    """Hears InstrumentsKnown; its coroutines raise TransientError where the database does not answer."""

    def __init__(self, writer: StoreWriter, reader: StoreReader, bus: Bus) -> None:
        self._writer, self._reader, self._bus = writer, reader, bus
        self._followed: tuple[InstrumentId, ...] = ()
        self._unregistered: dict[InstrumentId, Instrument] = {}
        self._registered: set[InstrumentId] = set()
        self._last_trades_told: set[InstrumentId] = set()
        bus.on(InstrumentsKnown, self._on_instruments)

    def __len__(self) -> int:
        return len(self._followed)

    def untold(self) -> tuple[InstrumentId, ...]:
        """Followed instruments of which it was not told where the last run ended."""
        return tuple(name for name in self._followed if name not in self._last_trades_told)

    async def tell_last_trades(self) -> None:
        """Publish LastTradesKnown of each followed instrument once, before anything of this run is written."""
        while untold := self.untold():
            await self.register()
            last = await self._reader.last_trades(untold)
            self._last_trades_told.update(untold)
            self._bus.publish(
                LastTradesKnown(tuple((instrument, trade.seq, trade.ts_event) for instrument, trade in last.items()))
            )

    async def register(self) -> None:
        """Make those known to the database that it may not know."""
        if self._unregistered:
            instruments = tuple(self._unregistered.values())
            await self._writer.register(instruments)
            for instrument in instruments:
                self._registered.add(instrument.id)
                self._unregistered.pop(instrument.id, None)

    async def register_strangers(self, batch: Batch) -> None:
        """A batch of an earlier run may name instruments that this one does not follow."""
        if strangers(batch, self._registered | self._unregistered.keys()):
            self._registered.update(instrument.id for instrument in await self._reader.instruments())
            for stranger in strangers(batch, self._registered | self._unregistered.keys()):
                self._unregistered[stranger.id] = stranger
        await self.register()

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        self._followed = tuple(instrument.id for instrument in event.instruments)
        self._unregistered.update((instrument.id, instrument) for instrument in event.instruments)
