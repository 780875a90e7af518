"""Loads history from an exchange into the database, from where the stored ends."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from random import Random
from typing import Protocol

from msgspec import Struct

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import FatalError, UsageError
from alphaplus_tui.kernel.clock import MarketClock, SystemClock, WallMarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.ports.store import StoreReader, StoreWriter
from alphaplus_tui.runtime.demo import DemoExchange, demo_running, free_port
from alphaplus_tui.runtime.following import open_exchange
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.services.asking import PatientAsker
from alphaplus_tui.services.past_candles import PastCandles
from alphaplus_tui.services.past_trades import PastTrades
from alphaplus_tui.settings.exchange import DEMO, split_symbol
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings

USUAL_PATIENCE_S = 60.0


class BackfillWish(Struct, frozen=True):
    """What to load; from ``since`` until ``until`` (UTC ns, not included)."""

    symbols: tuple[str, ...]
    timeframes: tuple[Timeframe, ...]
    """Empty when only trades are wanted."""
    since: int
    until: int
    trades: bool = False
    patience_s: float = USUAL_PATIENCE_S
    """So long an exchange that does not answer is asked again."""


class Backfilled(Struct, frozen=True):
    """What became of an instrument's candles of one timeframe, or of its trades."""

    instrument: str
    timeframe: str = ""
    """Empty for trades."""
    fetched: int = 0
    new: int = 0
    missing: int = 0
    """Candles that the exchange has not, or numbers of trades it does not serve."""
    trouble: str = ""


class BackfillListener(Protocol):
    """Hears how it goes."""

    def progress(self, what: str, rows: int, until: int) -> None:
        """``rows`` so far of ``what``, which is loaded up to the moment ``until`` (UTC ns)."""
        ...

    def trouble(self, reason: str) -> None:
        """Why the exchange does not answer; empty when it does again."""
        ...

    def done(self, what: Backfilled) -> None: ...


async def backfill(
    settings: Settings, paths: Paths, database: ShortDatabase, wish: BackfillWish, listener: BackfillListener
) -> tuple[Backfilled, ...]:
    """One series after the other; what is stored already is not asked for again.

    Cancelled, what was written stays, and the next call goes on from there. ``UsageError``, ``UnknownName``; what one
    exchange refuses stops no other series.
    """
    if wish.since >= wish.until:
        raise UsageError("--since is not before --until, or lies in the future")
    by_exchange: dict[str, list[str]] = {}
    for symbol in wish.symbols:
        exchange, plain = split_symbol(symbol)
        by_exchange.setdefault(exchange or settings.exchange.id, []).append(plain)
    done: list[Backfilled] = []
    market = WallMarketClock()
    for exchange, symbols in by_exchange.items():
        async with _opened(settings, paths, exchange, market) as data:
            done += await backfill_from(
                data, symbols, wish, listener, writer=database.writer, reader=database.reader, market=market
            )
    return tuple(done)


def check_beside_demo(settings: Settings, symbols: Sequence[str]) -> None:
    """``UsageError`` for a real exchange where the settings follow the demo market, whose data folder is used then."""
    for symbol in symbols:
        exchange, _ = split_symbol(symbol)
        if settings.exchange.id == DEMO and exchange not in ("", DEMO):
            raise UsageError(
                f"--symbol {symbol}: in the demo market's data folder only {DEMO} can be loaded: invented prices never "
                f'stand beside real ones; without --demo, settings with exchange.id = "{exchange}" can load it'
            )


async def backfill_from(
    data: MarketData,
    symbols: Sequence[str],
    wish: BackfillWish,
    listener: BackfillListener,
    *,
    writer: StoreWriter,
    reader: StoreReader,
    market: MarketClock,
) -> list[Backfilled]:
    """From one exchange."""
    rng = Random()  # noqa: S311  jitter, not a secret
    asker = PatientAsker(
        data.exchange, clock=SystemClock(), rng=rng, on_trouble=listener.trouble, patience_s=wish.patience_s
    )
    instruments = await asker.ask(lambda: data.instruments(symbols))
    await writer.register(instruments)
    done: list[Backfilled] = []
    for instrument in instruments:
        for timeframe in wish.timeframes:
            candles = PastCandles(data, writer, reader, asker, market)
            done.append(await _series(candles, instrument, timeframe, wish, listener))
        if wish.trades:
            trades = PastTrades(data, writer, reader, asker, market)
            done.append(await _series(trades, instrument, "", wish, listener))
    return done


async def _series(
    past: PastCandles | PastTrades,
    instrument: Instrument,
    timeframe: str,
    wish: BackfillWish,
    listener: BackfillListener,
) -> Backfilled:
    what = _what(instrument.id, timeframe)
    trouble = ""
    try:
        if isinstance(past, PastCandles):
            steps = past.load(instrument, Timeframe(timeframe), start=wish.since, end=wish.until)
        else:
            steps = past.load(instrument, start=wish.since, end=wish.until)
        async with aclosing(steps):
            async for until in steps:
                listener.progress(what, past.fetched, until)
    except FatalError as error:
        trouble = str(error)
    done = Backfilled(instrument.id, timeframe, past.fetched, past.new, past.missing, trouble)
    listener.done(done)
    return done


def _what(instrument: InstrumentId, timeframe: str) -> str:
    return f"{instrument} {timeframe or 'trades'}"


@asynccontextmanager
async def _opened(settings: Settings, paths: Paths, exchange: str, market: MarketClock) -> AsyncGenerator[MarketData]:
    """Its adapter; the demo exchange is started for a moment where no address says where it runs."""
    rest_url, _ = settings.exchange.endpoints(exchange)
    clock = SystemClock()
    demo = DemoExchange(settings.demo, port=free_port()) if exchange == DEMO and not rest_url else None
    data = open_exchange(exchange, settings.exchange, paths, clock=clock, market=market, meters=Meters(), demo=demo)
    try:
        if demo is None:
            yield data
        else:
            async with demo_running(demo, clock):
                yield data
    finally:
        await data.close()
