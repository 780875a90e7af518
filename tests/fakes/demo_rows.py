"""Rows of a small market that is the same every time: what a demo looks like after a few minutes."""

import math
import random

from msgspec import structs

from alphaplus_tui.domain.coverage import Cover, CoverageRow
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance, Side, Trade
from alphaplus_tui.domain.timeframe import MINUTE_NS, SECOND_NS, Timeframe, duration_ns
from alphaplus_tui.session.queries import CandlesBetween, LogLine
from alphaplus_tui.state import slices as rows
from alphaplus_tui.state.slices import FeedState, Mode
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY

NOW = 1_790_000_000 * SECOND_NS + 431_000_000
TIMEFRAMES = (Timeframe("1m"), Timeframe("5m"), Timeframe("1h"))
MARKET = (
    ("BTC", 64_210.50, 0.01, 1e-5),
    ("ETH", 3_101.22, 0.01, 1e-4),
    ("SOL", 148.37, 0.01, 1e-3),
    ("BNB", 581.4, 0.01, 1e-3),
    ("XRP", 0.6213, 0.0001, 0.1),
    ("DOGE", 0.13912, 0.00001, 1.0),
    ("ADA", 0.4587, 0.0001, 0.1),
    ("TRX", 0.12533, 0.0001, 0.1),
    ("AVAX", 28.71, 0.01, 0.01),
    ("LINK", 14.522, 0.001, 0.01),
    ("DOT", 6.114, 0.001, 0.01),
    ("LTC", 78.05, 0.01, 0.001),
)


def name_of(base: str) -> InstrumentId:
    return InstrumentId(f"demo:{base}/USDT")


def walk(instrument: InstrumentId, timeframe: Timeframe, price: float, end: int, count: int) -> list[Candle]:
    """``count`` candles that end with ``price`` in the span that holds ``end``; the last is forming."""
    source = random.Random(f"{instrument}{timeframe}")
    length = duration_ns(timeframe)
    last_open = end - end % length
    swing = 0.0006 * math.sqrt(length / MINUTE_NS)
    closes = [price]
    for at in range(count):
        drift = 0.25 * swing * math.sin(at / 17)
        closes.append(closes[-1] * math.exp(source.gauss(0, swing) + drift))
    closes.reverse()
    candles: list[Candle] = []
    for at in range(count):
        start, stop = closes[at], closes[at + 1]
        reach = abs(source.gauss(0, swing)) * start
        candles.append(
            Candle(
                instrument=instrument,
                timeframe=timeframe,
                open_time=last_open - (count - 1 - at) * length,
                open=start,
                high=max(start, stop) + reach * source.random(),
                low=min(start, stop) - reach * source.random(),
                close=stop,
                volume=round(abs(source.gauss(1, 0.5)) * (1 + 40 * abs(stop / start - 1) / swing / 10) * 12, 3),
                trades=source.randrange(20, 400),
                provenance=Provenance.LIVE,
                forming=at == count - 1,
            )
        )
    return candles


def fill(store: StateStore) -> None:
    """All slices, as a running demo leaves them."""
    store.system.put(ONLY, rows.SystemRow(Mode.DEMO, "0.1.0", "demo", NOW - 431 * SECOND_NS, 1.84, NOW, 0.0))
    for position, (base, price, step, quantity_step) in enumerate(MARKET):
        _instrument(store, position, base, price, step, quantity_step)
    _services(store)
    _figures(store)


def _instrument(store: StateStore, position: int, base: str, price: float, step: float, quantity_step: float) -> None:
    name = name_of(base)
    source = random.Random(base)
    places = max(0, round(-math.log10(step)))

    def rounded(value: float) -> float:
        return round(value, places)

    instrument = Instrument("demo", f"{base}/USDT", f"{base}USDT", base, "USDT", step, quantity_step)
    store.instruments.put(name, rows.InstrumentRow(instrument, position))
    for timeframe in TIMEFRAMES:
        candles = walk(name, timeframe, price, NOW, 500)
        store.charts.put((name, timeframe), rows.ChartRow(name, timeframe, tuple(candles[:-1]), candles[-1]))
    spark = tuple(candle.close for candle in store.charts[name, TIMEFRAMES[0]].closed[-60:])
    age = source.choice((120_000_000, 340_000_000, 900_000_000, 2_100_000_000, 4_000_000_000))
    bid, ask = rounded(price - step), rounded(price + step * source.choice((0, 1, 2)))
    store.prices.put(
        name,
        rows.PriceRow(
            name,
            last=rounded(price),
            direction=source.choice((1, -1)),
            bid=bid,
            bid_quantity=1.2,
            ask=ask,
            ask_quantity=0.8,
            change_pct=source.gauss(0.2, 1.8),
            high=price * 1.02,
            low=price * 0.98,
            volume=source.random() * 1e4,
            quote_volume=source.random() * 10 ** source.randint(6, 9),
            trades=source.randrange(100, 9000),
            ts_event=NOW - age,
            ts_recv=NOW - age,
            last_changed=999.8 if position in {0, 4} else 900.0,
            sparkline=spark,
        ),
    )
    _book_and_tape(store, name, price, step, quantity_step, source)
    store.feeds.put(name, rows.FeedRow(name, FeedState.LIVE, "", NOW - 400 * SECOND_NS))


def _book_and_tape(
    store: StateStore, name: InstrumentId, price: float, step: float, quantity_step: float, source: random.Random
) -> None:
    places = max(0, round(-math.log10(step)))
    lot = max(0, round(-math.log10(quantity_step)))

    def quantity() -> float:
        return round(abs(source.gauss(0.6, 1.4)) * 2000 / price + quantity_step, lot)

    bids = tuple((round(price - step * (1 + 3 * at), places), quantity()) for at in range(40))
    asks = tuple((round(price + step * (1 + 3 * at), places), quantity()) for at in range(40))
    store.books.put(name, rows.BookRow(name, bids, asks, 1, NOW - 80_000_000, NOW - 80_000_000))
    trades: list[Trade] = []
    at = NOW - 120_000_000
    for number in range(100):
        side = source.choice((Side.BUY, Side.SELL))
        paid = round(price + step * source.randint(-3, 3), places)
        trades.append(Trade(name, str(9000 - number), 9000 - number, paid, quantity(), side, at, at))
        at -= int(source.expovariate(1) * SECOND_NS)
    store.tapes.put(name, rows.TapeRow(name, tuple(trades)))


def _services(store: StateStore) -> None:
    tree = (
        ("persistence", ()),
        ("projection", ()),
        ("candles", ("projection", "persistence")),
        ("continuity", ("candles",)),
        ("backfill", ("continuity",)),
        ("ingestion", ("continuity", "backfill")),
        ("monitor", ("projection",)),
    )
    for name, after in tree:
        store.services.put(
            name, rows.ServiceRow(name, "RUNNING", "OK", "", after, 0, "", running_since=569.0, next_try_at=None)
        )
    store.services.put(
        "backfill",
        rows.ServiceRow(
            "backfill",
            "RUNNING",
            "DEGRADED",
            "waiting for the rate limit",
            ("continuity",),
            2,
            "VenueUnavailable: 503 from the exchange",
            running_since=958.0,
            next_try_at=None,
        ),
    )


def _figures(store: StateStore) -> None:
    for name, middle, count in (
        ("wire_to_state", 0.09, 48_211),
        ("wire_to_commit", 31.0, 47_990),
        ("event_loop_lag", 0.4, 4_300),
        ("state_to_screen", 58.0, 3_912),
        ("db_query:candles", 0.7, 96),
    ):
        buckets = tuple(
            (middle * 10 ** (step / 10), max(1, round(count * math.exp(-(((step - 1) / 4) ** 2)) / 7)))
            for step in range(-8, 14)
        )
        store.latencies.put(
            name, rows.LatencyRow(name, count, middle, middle * 2.1, middle * 4.7, middle * 19, buckets)
        )
    for name, value, per_s in (
        ("messages", 188_402, 436.0),
        ("trades_received", 17_240, 40.2),
        ("trades_committed", 17_236, 40.1),
        ("trades_backfilled", 120, 0.0),
        ("candles_closed", 84, 0.2),
        ("duplicates", 3, 0.0),
        ("reconnects", 1, 0.0),
        ("frames_rejected", 0, 0.0),
        ("db_write_rows", 17_330, 41.0),
        ("bus_dropped", 0, 0.0),
    ):
        store.counters.put(name, rows.CounterRow(name, value, per_s))
    store.database.put(
        ONLY,
        rows.DatabaseRow(
            kind="embedded",
            connected=True,
            reason="",
            version="18.1",
            schema_version=3,
            size_bytes=48_300_000,
            ping_ms=0.42,
            rows={"trades": 17_236, "candles": 12_480, "gaps": 2, "order_book_snapshots": 410},
            spool_bytes=0,
            buffered_rows=14,
            disk_free_bytes=71_000_000_000,
        ),
    )
    store.resources.put(ONLY, rows.ResourceRow(182.4, 11.5, 31, 9, 44))
    for at, name in enumerate(("demo-1", "demo-2")):
        store.connections.put(name, rows.ConnectionRow(name, "demo", True, "", 6, at, NOW - 400 * SECOND_NS))
    gap = rows.GapRow(name_of("DOGE"), 8_100, 8_219, 0, "", NOW - 200 * SECOND_NS)
    store.gaps.put((gap.instrument, gap.first_seq), gap)


def candles_before(query: CandlesBetween) -> tuple[Candle, ...]:
    """Stored candles: a walk that goes back 3,000 spans from the newest."""
    price = next(price for base, price, _, _ in MARKET if name_of(base) == query.instrument)
    oldest = NOW - 3000 * duration_ns(query.timeframe)
    found = walk(query.instrument, query.timeframe, price, query.end - 1, query.limit)
    first = max(oldest, query.start)
    return tuple(structs.replace(candle, forming=False) for candle in found if candle.open_time >= first)


def log_lines() -> list[LogLine]:
    """Six hundred lines of an ordinary quarter of an hour."""
    source = random.Random(5)
    kinds = (
        ("info", "ingestion", "subscribed", (("streams", "48"), ("connection", "demo-1"))),
        ("debug", "persistence", "batch committed", (("rows", "41"), ("ms", "12.4"))),
        ("info", "candles", "candle closed", (("instrument", "demo:BTC/USDT"), ("timeframe", "1m"))),
        ("warning", "backfill", "rate limited", (("retry_after_s", "2.0"),)),
        ("info", "monitor", "retention", (("trades", "0"), ("candles", "0"))),
        ("error", "backfill", "request failed", (("url", "/api/v3/historicalTrades"), ("status", "503"))),
    )
    lines: list[LogLine] = []
    ts = NOW - 900 * SECOND_NS
    for number in range(600):
        level, service, event, fields = source.choices(kinds, weights=(4, 30, 30, 3, 3, 1))[0]
        trace = (
            "Traceback (most recent call last):\n  VenueUnavailable: 503 from the exchange" if level == "error" else ""
        )
        ts += int(source.expovariate(0.7) * SECOND_NS)
        lines.append(LogLine(str(number), ts, level, service, event, fields, trace))
    return lines


def coverage_rows() -> tuple[CoverageRow, ...]:
    """What is stored after 400 s: of DOGE a stretch was fetched later; candles go back an hour."""
    found: list[CoverageRow] = []
    for base, *_ in MARKET:
        found += stretches(base, (Cover.LIVE, 400, 0), timeframe="")
        minutes = ((Cover.BACKFILLED, 3_600, 420), (Cover.LIVE, 420, 0))
        found += [
            row for cover, since, until in minutes for row in stretches(base, (cover, since, until), timeframe="1m")
        ]
    doge = [
        row
        for part in ((Cover.LIVE, 400, 240), (Cover.BACKFILLED, 240, 200), (Cover.LIVE, 200, 0))
        for row in stretches("DOGE", part)
    ]
    found = [row for row in found if (row.instrument, row.timeframe) != (name_of("DOGE"), "")] + doge
    return tuple(sorted(found, key=lambda row: (row.instrument, row.timeframe, row.start)))


def stretches(
    base: str, part: tuple[Cover, int, int], *, timeframe: str = "", missing: int = 0, reason: str = ""
) -> tuple[CoverageRow, ...]:
    """part: how it came, and how many seconds before NOW it began and ended."""
    cover, since, until = part
    start, end = NOW - since * SECOND_NS, NOW - until * SECOND_NS
    return (CoverageRow(name_of(base), timeframe, cover, start, end, 10_000 - since, 9_999 - until, missing, reason),)
