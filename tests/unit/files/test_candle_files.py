"""Candles from files: real ones of several makers, and ones with something wrong."""

import gzip
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from alphaplus_tui.domain.instrument import instrument_id
from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.resampling import resampled
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import UnknownName
from alphaplus_tui.files.candles import CandleFile, read_candles
from alphaplus_tui.files.guess import Wish, guess
from alphaplus_tui.files.rejected import Rejected
from alphaplus_tui.files.sources import Source, UnreadableFile, find_sources
from alphaplus_tui.files.times import parse_time
from tests.support import recorded

BTC = instrument_id("imported", "BTC/USDT")
SPOT = "ohlcv_binance_spot_2024"


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def table(tmp_path: Path, text: str, name: str = "x.csv") -> Path:
    file = tmp_path / name
    file.write_text(text)
    return file


def read(file: Path, rejected: Rejected | None = None, *, timeframe: str = "", format_name: str = "") -> CandleFile:
    source = Source(file)
    wish = Wish(format_name, timeframe=Timeframe(timeframe) if timeframe else None)
    (only,) = read_candles(source, guess(source, wish), rejected or Rejected())
    return only


def candles(path: str) -> list[Candle]:
    return list(read(recorded(path)).candles(BTC))


def test_a_freqtrade_file_says_symbol_and_timeframe_by_its_name() -> None:
    file = read(recorded(f"{SPOT}/BTC_USDT-5m.feather"))
    assert (file.symbol, file.timeframe, len(file)) == ("BTC/USDT", "5m", 71_769)
    assert file.holes == ()
    first = next(file.candles(BTC))
    assert first.provenance is Provenance.IMPORTED
    assert first.open_time == ns("2024-01-01T00:00:00")
    perpetual = read(recorded("ohlcv_binance_usdm_2025/ETH_USDT_USDT-1m-futures.feather"))
    assert (perpetual.symbol, perpetual.timeframe, len(perpetual)) == ("ETH/USDT:USDT", "1m", 60_191)


def test_holes_of_a_long_history_are_counted() -> None:
    file = read(recorded("ohlcv_binance_spot_long/BTC_USDT-1h.feather"))
    assert (len(file), len(file.holes), file.missing) == (58_419, 28, 128)


@pytest.mark.parametrize("target", ["15m", "1h", "4h", "1d"])
def test_resampled_candles_are_the_exchanges_own(target: str) -> None:
    golden = json.loads(recorded("golden/golden.json").read_text())
    assert golden, "the answers are there"
    theirs = {candle.open_time: candle for candle in candles(f"{SPOT}/BTC_USDT-{target}.feather")}
    ours = resampled(candles(f"{SPOT}/BTC_USDT-5m.feather"), Timeframe(target))
    compared = 0
    for candle in ours:
        other = theirs.get(candle.open_time)
        if candle.complete and other is not None:
            assert (candle.open, candle.high, candle.low, candle.close) == (
                other.open,
                other.high,
                other.low,
                other.close,
            )
            assert candle.volume == pytest.approx(other.volume, abs=1e-6)
            assert candle.provenance is Provenance.RESAMPLED
            compared += 1
    assert compared == {"15m": 23_923, "1h": 5_980, "4h": 1_495, "1d": 249}[target]


def test_closing_times_with_offsets_and_a_change_of_the_clock_become_opening_times_in_utc() -> None:
    rejected = Rejected()
    file = read(recorded("ohlcv_binance_spot_1m_dec2024/BTCUSDT_15m.csv.gz"), rejected)
    assert (file.timeframe, len(file), file.holes, rejected.counts) == ("15m", 34_945, (), {})
    theirs = {candle.open_time: candle.close for candle in candles(f"{SPOT}/BTC_USDT-15m.feather")}
    both = [candle for candle in file.candles(BTC) if candle.open_time in theirs]
    assert len(both) == 23_923
    assert all(candle.close == theirs[candle.open_time] for candle in both)
    assert both[0].trades is not None


def test_one_minute_candles_add_up_to_the_fifteen_minute_ones_of_the_same_maker() -> None:
    minutes = read(recorded("ohlcv_binance_spot_1m_dec2024/BTCUSDT_1m.csv.gz")).candles(BTC)
    theirs = {
        candle.open_time: candle
        for candle in read(recorded("ohlcv_binance_spot_1m_dec2024/BTCUSDT_15m.csv.gz")).candles(BTC)
    }
    ours = [candle for candle in resampled(minutes, Timeframe("15m")) if candle.complete]
    assert len(ours) == 2_784
    for candle in ours:
        other = theirs[candle.open_time]
        assert (candle.open, candle.high, candle.low, candle.close, candle.trades) == (
            other.open,
            other.high,
            other.low,
            other.close,
            other.trades,
        )


def test_a_dump_without_header_and_with_thousands_of_holes_is_read() -> None:
    file = read(recorded("ohlcv_kraken_1h/XBTUSD_60.csv.gz"))
    assert (len(file), file.timeframe, len(file.holes), file.missing) == (70_253, "1h", 3_254, 10_856)


def test_newest_first_with_remarks_and_odd_times_is_put_in_order() -> None:
    file = read(recorded("ohlcv_messy_csv/Coinbase_BTCUSD_1h.csv.gz"))
    assert (file.timeframe, len(file)) == ("1h", 20_111)
    assert file.open_time[0] == ns("2017-07-01T11:00:00")
    assert all(before < after for before, after in pairwise(file.open_time.tolist()))
    last = list(file.candles(BTC))[-1]
    assert (last.open, last.volume) == (8051.0, 61.25)


def test_volumes_that_change_places_in_the_middle_of_a_file_are_told_apart() -> None:
    file = read(recorded("ohlcv_messy_csv/bitstamp_BTC_USD-Hourly.csv.gz"))
    assert len(file) == 33_259
    assert file.columns["volume"].max() < 10_000, "a volume in dollars would be a thousand times larger"


HEADER = "date,open,high,low,close,volume\n"


def rows(moments: Iterable[int], text: str = "10,11,9,10,5") -> str:
    return "".join(f"{moment},{text}\n" for moment in moments)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("180,10,11,9,nan,5", "not a number"),
        ("180,10,11,9,0,5", "a price that is not positive"),
        ("180,10,11,9,10,-5", "a negative volume"),
        ("180,10,10.5,9,11,5", "high and low do not hold open and close"),
        ("185,10,11,9,10,5", "not at the opening of a 1m candle"),
        ("120,10,11,9,10,5", "twice"),
        ("soon,10,11,9,10,5", "not a row of the table"),
        ("180,10,11", "not a row of the table"),
    ],
)
def test_rows_that_cannot_be_candles_are_left_out_with_the_reason(tmp_path: Path, row: str, reason: str) -> None:
    rejected = Rejected()
    text = HEADER + rows((0, 60, 120)) + row + "\n" + rows((240,))
    file = read(table(tmp_path, text), rejected, timeframe="1m")
    assert rejected.counts == {reason: 1}
    assert rejected.examples[0].startswith(f"line 5: {reason}: ")
    assert file.open_time.tolist() == [moment * 10**9 for moment in (0, 60, 120, 240)]
    assert file.missing == 1


def test_what_holds_no_candles_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no header"):
        read(table(tmp_path, "a,b\n1,2\n"))
    with pytest.raises(UnreadableFile, match="no row could be read"):
        read(table(tmp_path, HEADER))
    with pytest.raises(UnreadableFile, match="it is empty"):
        read(table(tmp_path, ""))
    with pytest.raises(UnreadableFile, match="no timeframe"):
        read(table(tmp_path, HEADER + rows((0, 7, 14))))
    with pytest.raises(UnreadableFile, match="holds funding rates"):
        read(recorded("ohlcv_binance_usdm_2025/BTC_USDT_USDT-8h-funding_rate.feather"))
    with pytest.raises(UnknownName, match="feather"):
        read(table(tmp_path, HEADER), format_name="feathr")


def test_broken_files_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "x.feather"
    broken.write_bytes(b"ARROW1 no more")
    cut = tmp_path / "y.csv.gz"
    cut.write_bytes(gzip.compress(HEADER.encode() * 100)[:40])
    no_zip = tmp_path / "z.zip"
    no_zip.write_bytes(b"PK no zip")
    for file in (broken, cut, no_zip):
        with pytest.raises(UnreadableFile):
            read(file)


@pytest.mark.parametrize(
    "text",
    ["1700000040", "1700000040000", "1700000040000000", "1700000040000000000", "2023-11-14T22:14:00Z",
     "2023-11-14 23:14:00+01:00", "2023-11-14 22:14:00"],
)  # fmt: skip
def test_times_are_read_in_every_unit(text: str) -> None:
    assert parse_time(text) == 1_700_000_040 * 10**9


def test_a_folder_gives_the_files_that_can_be_read_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.csv", "a.feather", "c.csv.gz", "d.csv.zst", "deep/e.parquet", "notes.txt", "f.jsonl.zst"):
        table(tmp_path, "", name)
    assert [source.name for source in find_sources([tmp_path])] == [
        "a.feather",
        "b.csv",
        "c.csv.gz",
        "d.csv.zst",
        "e.parquet",
    ]
