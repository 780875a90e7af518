"""Decides what is given up when neither the database nor the disk can take more."""

from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct, structs

from alphaplus_tui.domain.events import TradesShed
from alphaplus_tui.domain.instrument import Instrument, InstrumentId, exchange_of, symbol_of
from alphaplus_tui.domain.market import Trade
from alphaplus_tui.ports.store import Batch


class _Shed(Struct, frozen=True):
    first_seq: int
    last_seq: int
    start: int
    end: int


class ShedTrades:
    """Remembers which trades were not kept, as runs of their numbers; without numbers from the first to the last."""

    def __init__(self) -> None:
        self._runs: dict[InstrumentId, list[_Shed]] = {}

    def lighten(self, batch: Batch) -> Batch:
        """The batch without its order books and trades; the trades are remembered."""
        self.remember(batch.trades)
        return structs.replace(batch, trades=(), books=(), covered=())

    def remember(self, trades: Iterable[Trade]) -> None:
        for trade in sorted(trades, key=lambda t: t.seq):
            runs = self._runs.setdefault(trade.instrument, [])
            follows = runs and (runs[-1].last_seq == trade.seq - 1 or trade.seq == trade.ts_event)
            if follows:
                runs[-1] = structs.replace(runs[-1], last_seq=trade.seq, end=trade.ts_event)
            else:
                runs.append(_Shed(trade.seq, trade.seq, trade.ts_event, trade.ts_event))

    def take(self, now: int) -> Iterator[TradesShed]:
        """What was not kept since the last time."""
        shed, self._runs = self._runs, {}
        for instrument, runs in shed.items():
            for run in runs:
                yield TradesShed(instrument, run.first_seq, run.last_seq, now, run.start, run.end)


def strangers(batch: Batch, known: Collection[InstrumentId]) -> tuple[Instrument, ...]:
    """What can be said of instruments that a batch of an earlier run names and this run does not follow."""
    rows = (*batch.trades, *batch.candles, *batch.gaps, *batch.books, *batch.signals)
    named = {row.instrument for row in rows} | {decision.prediction.instrument for decision in batch.decisions}
    named.update(alert.instrument for alert in batch.alerts if alert.instrument is not None)
    return tuple(_by_name(instrument) for instrument in sorted(named - set(known)))


def _by_name(instrument: InstrumentId) -> Instrument:
    symbol = symbol_of(instrument)
    base, _, quote = symbol.partition(":")[0].partition("/")
    return Instrument(exchange_of(instrument), symbol, base + quote, base, quote, price_step=0.0, quantity_step=0.0)
