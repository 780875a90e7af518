"""Longer candles are made of shorter ones, and are those that the exchange itself gives."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import pytest
from msgspec import structs

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.resampling import resampled, source_of
from alphaplus_tui.domain.timeframe import DAY_NS, MINUTE_NS, Timeframe
from tests.support import recorded

BTC = InstrumentId("binance:BTC/USDT")
M1, M5, M15 = Timeframe("1m"), Timeframe("5m"), Timeframe("15m")
MONDAY_NS = 1_704_067_200_000_000_000
"""2024-01-01."""


def candle(minute: int, close: float = 2.0, **more: object) -> Candle:
    made = Candle(BTC, M1, MONDAY_NS + minute * MINUTE_NS, 1.0, 3.0 + minute, 0.5 - minute / 100, close, 1.5, 2, 0.5)
    return structs.replace(made, **more)


def test_five_minutes_become_one_candle_of_five() -> None:
    (made,) = resampled([candle(n, close=n) for n in range(5)], M5)
    assert made == Candle(BTC, M5, MONDAY_NS, 1.0, 7.0, 0.46, 4.0, 7.5, 10, 2.5, Provenance.RESAMPLED)


def test_a_span_that_misses_a_part_is_a_hole() -> None:
    minutes = [n for n in range(3, 17) if n != 7]
    assert [made.open_time for made in resampled(map(candle, minutes), M5)] == [MONDAY_NS + 10 * MINUTE_NS]


def test_what_one_part_does_not_know_the_whole_does_not_know() -> None:
    parts = [candle(0, trades=None), candle(1, buy_volume=None), *(candle(n, complete=n != 2) for n in (2, 3, 4))]
    (made,) = resampled(parts, M5)
    assert (made.trades, made.buy_volume, made.complete) == (None, None, False)


def test_a_correction_of_a_part_raises_the_revision_and_a_forming_part_does_not_count() -> None:
    (made,) = resampled([candle(n, revision=n) for n in range(5)], M5)
    assert made.revision == 10
    assert not list(resampled([*map(candle, range(4)), candle(4, forming=True)], M5))


def test_weeks_open_on_mondays() -> None:
    days = [structs.replace(candle(0), timeframe=Timeframe("1d"), open_time=MONDAY_NS + n * DAY_NS) for n in range(9)]
    (made,) = resampled(days, Timeframe("1w"))
    assert made.open_time == MONDAY_NS


@pytest.mark.parametrize(
    ("wanted", "stored", "source"),
    [
        ("15m", ("1m", "5m"), "5m"),
        ("15m", ("1m", "30m"), "1m"),
        ("12h", ("8h", "3m"), "3m"),
        ("1w", ("1d", "3d"), "1d"),
        ("1m", ("5m",), None),
        ("5m", ("5m",), None),
        ("1h", (), None),
    ],
)
def test_the_longest_timeframe_that_fits_is_the_source(wanted: str, stored: Sequence[str], source: str | None) -> None:
    assert source_of(Timeframe(wanted), [Timeframe(name) for name in stored]) == source


@pytest.mark.parametrize(("timeframe", "candles"), [("15m", 23_923), ("1h", 5_980), ("4h", 1_495), ("1d", 249)])
def test_recorded_five_minutes_make_the_exchanges_own_longer_candles(timeframe: str, candles: int) -> None:
    parts = feather("BTC_USDT-5m.feather", M5)
    own = {candle.open_time: candle for candle in feather(f"BTC_USDT-{timeframe}.feather", Timeframe(timeframe))}
    compared = 0
    for made in resampled(parts, Timeframe(timeframe)):
        if (theirs := own.get(made.open_time)) is None:
            continue
        assert (made.open, made.high, made.low, made.close) == (theirs.open, theirs.high, theirs.low, theirs.close)
        assert made.volume == pytest.approx(theirs.volume, abs=1e-6)
        compared += 1
    assert compared == candles


def feather(name: str, timeframe: Timeframe) -> list[Candle]:
    arrow: Any = import_module("pyarrow")  # Any: it has no types
    table = import_module("pyarrow.feather").read_table(str(recorded(f"ohlcv_binance_spot_2024/{name}")))
    times = table["date"].cast(arrow.timestamp("ns", "UTC")).cast(arrow.int64()).to_pylist()
    columns = [table[column].to_pylist() for column in ("open", "high", "low", "close", "volume")]
    return [Candle(BTC, timeframe, *row) for row in zip(times, *columns, strict=True)]
