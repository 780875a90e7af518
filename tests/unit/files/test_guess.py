"""What a file is taken for, by its name and its first lines."""

import gzip
import zipfile
from pathlib import Path

import pytest
import zstandard

from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.files.candles import CandleFile, read_candles
from alphaplus_tui.files.guess import Guess, Wish, guess
from alphaplus_tui.files.rejected import Rejected
from alphaplus_tui.files.sources import Source, UnreadableFile, find_sources

KLINES = (
    "1704067200000,42283.58,42298.62,42261.02,42298.61,35.92724,1704067259999,1519032.3,1327,23.18766,980394.4,0\n"
    "1704067260000,42298.62,42320.00,42298.61,42320.00,21.16779,1704067319999,895580.6,1348,13.09999,554190.0,0\n"
)
KLINES_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore\n"
)


def file(folder: Path, name: str, text: str) -> Source:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(path.stem + ".csv", data)
    else:
        path.write_bytes(
            gzip.compress(data) if name.endswith(".gz") else zstandard.compress(data) if name.endswith(".zst") else data
        )
    (source,) = find_sources([path])
    return source


def read(source: Source, wish: Wish | None = None) -> tuple[Guess, CandleFile]:
    found = guess(source, wish or Wish())
    (only,) = read_candles(source, found, Rejected())
    return found, only


@pytest.mark.parametrize("name", ["{}.csv", "{}.csv.gz", "{}.csv.zst", "{}.zip"])
@pytest.mark.parametrize("header", ["", KLINES_HEADER])
@pytest.mark.parametrize("micro", [False, True])
def test_binances_dumps_of_klines_are_known_packed_or_not(tmp_path: Path, name: str, header: str, micro: bool) -> None:
    text = _in_micro(KLINES) if micro else KLINES
    found, candles = read(file(tmp_path, name.format("BTCUSDT-1m-2024-01"), header + text))
    assert (found.format_name, found.unit, found.header) == ("binance-klines", "µs" if micro else "ms", bool(header))
    assert (candles.symbol, candles.timeframe, len(candles)) == ("BTC/USDT", "1m", 2)
    assert candles.open_time.tolist() == [1704067200 * 10**9, 1704067260 * 10**9]
    assert [float(candles.columns[name][0]) for name in ("volume", "trades", "buy_volume")] == [
        35.92724,
        1327,
        23.18766,
    ]


def _in_micro(klines: str) -> str:
    rows = [line.split(",") for line in klines.splitlines()]
    return "".join(",".join([row[0] + "000", *row[1:6], row[6] + "999", *row[7:]]) + "\n" for row in rows)


def test_the_folder_of_perpetuals_makes_their_symbols(tmp_path: Path) -> None:
    _, candles = read(file(tmp_path, "futures/um/monthly/klines/BTCUSDT-1m-2024-01.zip", KLINES))
    assert candles.symbol == "BTC/USDT:USDT"


def test_columns_in_any_order_with_other_delimiters_are_found_by_their_names(tmp_path: Path) -> None:
    text = "Volume;Close;High;Low;Open;Timestamp\n5;10;11;9;10;1704067200\n6;10;11;9;10;1704067260\n"
    found, candles = read(file(tmp_path, "ethusdt_1m.csv", text))
    assert (found.format_name, found.delimiter, candles.symbol) == ("csv", ";", "ETH/USDT")
    assert candles.columns["volume"].tolist() == [5, 6]


def test_what_the_user_says_counts_before_the_guess(tmp_path: Path) -> None:
    source = file(tmp_path, "BTCUSDT-1m-2024-01.csv", KLINES)
    found, candles = read(source, Wish(symbol="ETH/USDT", timeframe=Timeframe("1s")))
    assert (found.symbol, candles.symbol, candles.timeframe) == ("ETH/USDT", "ETH/USDT", "1s")
    with pytest.raises(UnreadableFile, match="kraken-ohlcvt has 7"):
        guess(source, Wish("kraken-ohlcvt"))


def test_a_guess_is_told_in_one_line(tmp_path: Path) -> None:
    text = "1381095600,123.5,124.0,123.5,124.0,4.2,3\n1381099200,124.0,124.0,124.0,124.0,1.0,1\n"
    assert str(guess(file(tmp_path, "XBTUSD_60.csv", text), Wish())) == (
        "kraken-ohlcvt · times in s, UTC · columns unix open high low close volume trades (no header) · BTC/USD · 1h"
    )


def test_a_table_of_several_instruments_gives_each_its_own(tmp_path: Path) -> None:
    rows = ["exchange,symbol,timeframe,open_time,open,high,low,close,volume,trades,provenance"]
    for symbol in ("BTC/USDT", "ETH/USDT"):
        for timeframe, distance in (("1m", 60), ("5m", 300)):
            rows += [f"kraken,{symbol},{timeframe},{1704067200 + n * distance},1,2,0.5,1,3,,live" for n in range(3)]
    source = file(tmp_path, "candles.csv", "\n".join(rows))
    found = read_candles(source, guess(source, Wish()), Rejected())
    assert [(one.exchange, one.symbol, one.timeframe, len(one), one.missing) for one in found] == [
        ("kraken", "BTC/USDT", "1m", 3, 0),
        ("kraken", "BTC/USDT", "5m", 3, 0),
        ("kraken", "ETH/USDT", "1m", 3, 0),
        ("kraken", "ETH/USDT", "5m", 3, 0),
    ]
    assert next(found[0].candles("kraken:BTC/USDT")).trades is None  # pyright: ignore[reportArgumentType] - NewType


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("XBTUSD.csv", "1381095600.5,123.5,4.2\n1381099200.1,124.0,1.0\n", "without ids and sides"),
        ("depth.csv", "EventTime,FirstUpdateId,FinalUpdateId,Price\n1,2,3,4\n", "changes of an order book"),
        ("news.csv", "date,headline,sentiment\n2024-01-01,up,1\n", "headlines"),
        ("BTC_USDT_USDT-8h-mark.csv", "date,open,high,low,close,volume\n", "holds marks"),
        ("BINANCE.jsonl.gz", '{"t": "header", "ts": 1}\n', "another program"),
        ("x.csv", "what,is,this\na,b,c\n", "what, is, this"),
    ],
)
def test_what_is_no_history_is_refused_by_name(tmp_path: Path, name: str, text: str, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        guess(file(tmp_path, name, text), Wish())


def test_shares_in_leans_zips_have_scaled_prices_and_new_yorks_midnight(tmp_path: Path) -> None:
    folder = tmp_path / "equity" / "usa" / "minute" / "spyusd"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "20131007_trade.zip", "w") as archive:
        archive.writestr("20131007_spyusd_minute_trade.csv", "34200000,1679200,1679300,1679100,1679200,5000\n")
    (source,) = find_sources([folder])
    _, candles = read(source)
    assert candles.columns["open"].tolist() == [167.92]
    assert candles.open_time.tolist() == [1381152600 * 10**9], "half past nine in New York, which is 13:30 UTC"
    assert candles.holes == (), "the exchange is closed at night"


def test_candles_made_of_quotes_never_pass_for_whole_ones(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "20131007_quote.zip", "w") as archive:
        archive.writestr("20131007_btcusd_minute_quote.csv", "0,10,12,8,11,5,12,14,10,13,5\n60000,,,,,,12,14,10,13,5\n")
    (source,) = find_sources([tmp_path])
    rejected = Rejected()
    (candles,) = read_candles(source, guess(source, Wish()), rejected)
    assert [candles.columns[name].tolist() for name in ("open", "high", "low", "close", "volume")] == [
        [11], [13], [9], [12], [0],
    ]  # fmt: skip
    assert not candles.complete
    assert rejected.counts == {"not a number": 1}
