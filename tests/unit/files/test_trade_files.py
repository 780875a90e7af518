"""Trades from files: dumps of Binance with and without header, in any unit, and tables of others."""

from pathlib import Path

import pytest

from alphaplus_tui.domain.instrument import InstrumentId, instrument_id
from alphaplus_tui.domain.market import Provenance, Side, Trade
from alphaplus_tui.files.guess import Guess, Wish, guess
from alphaplus_tui.files.rejected import Rejected
from alphaplus_tui.files.sources import Source, UnreadableFile
from alphaplus_tui.files.trades import Numbers, read_trades
from tests.support import recorded


def of(exchange: str, symbol: str) -> InstrumentId:
    return instrument_id(exchange or "imported", symbol or "?")


def read(source: Source, rejected: Rejected | None = None) -> tuple[Guess, list[Trade]]:
    found = guess(source, Wish())
    pages = read_trades(source, found, of, rejected or Rejected())
    return found, [trade for page in pages for trade in page]


def file(folder: Path, name: str, text: str) -> Source:
    (folder / name).write_text(text)
    return Source(folder / name)


DUMPS = {
    "spot, µs": ("BTCUSDT-trades-2025-03-04.csv", "7,83000.1,0.5,41500.05,1741046401271497,True,True\n"),
    "spot, ms": ("BTCUSDT-trades-2024-03-04.csv", "7,83000.1,0.5,41500.05,1741046401271,True,True\n"),
    "perpetual with header": (
        "BTCUSDT-trades-2024-03-04.csv",
        "id,price,qty,quote_qty,time,is_buyer_maker\n7,83000.1,0.5,41500.05,1741046401271,true\n",
    ),
    "perpetual without": ("BTCUSDT-trades-2024-03-04.csv", "7,83000.1,0.5,41500.05,1741046401271,true\n"),
    "aggregates": (
        "BTCUSDT-aggTrades-2024-03-04.csv",
        (
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"
            "7,83000.1,0.5,11,12,1741046401271,true\n"
        ),
    ),
    "a table": (
        "BTC_USDT-trades.csv",
        "timestamp,id,type,side,price,amount,cost\n1741046401271,7,limit,sell,83000.1,0.5,41500.05\n",
    ),
    "our own export": (
        "trades.csv",
        (
            "exchange,symbol,trade_id,ts,price,quantity,side\n"
            "binance,BTC/USDT,7,2025-03-04T00:00:01.271Z,83000.1,0.5,sell\n"
        ),
    ),
}


@pytest.mark.parametrize("dump", DUMPS)
def test_one_trade_reads_the_same_from_every_maker(tmp_path: Path, dump: str) -> None:
    found, (trade,) = read(file(tmp_path, *DUMPS[dump]))
    assert found.kind == "trades"
    assert (trade.trade_id, trade.seq, trade.price, trade.quantity) == ("7", 7, 83000.1, 0.5)
    assert (trade.side, trade.provenance) == (Side.SELL, Provenance.IMPORTED)
    assert trade.ts_event // 10**6 == 1741046401271


def test_a_recorded_stream_keeps_both_times() -> None:
    path = recorded("stream_csv_binance_2025/test_positive_binance_trade_stream_spot_trxusdt_04-03-2025.csv.gz")
    found, trades = read(Source(path))
    assert (found.format_name, found.unit, len(trades)) == ("binance-stream", "µs", 10_000)
    first = trades[0]
    assert (first.ts_event, first.ts_recv) == (1741046401271497000, 1741046401272286000)
    assert (first.side, first.instrument) == (Side.SELL, "imported:TRXUSDT")
    assert trades[1].side is Side.BUY


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("8,nan,1,1,1741046401271,True,True", "not a number"),
        ("8,0,1,1,1741046401271,True,True", "a price that is not positive"),
        ("8,1,-1,1,1741046401271,True,True", "a quantity that is not positive"),
        (",1,1,1,1741046401271,True,True", "no id"),
        ("8,1,1,1,1741046401271,maybe,True", "no side"),
        ("8,1,1,1,soon,True,True", "not a row of the table"),
        ("8,1", "not a row of the table"),
    ],
)
def test_rows_that_cannot_be_trades_are_left_out_with_the_reason(tmp_path: Path, row: str, reason: str) -> None:
    rejected = Rejected()
    text = f"7,83000.1,0.5,41500.05,1741046401271,True,True\n{row}\n"
    _, trades = read(file(tmp_path, "BTCUSDT-trades-2024-03.csv", text), rejected)
    assert [trade.trade_id for trade in trades] == ["7"]
    assert rejected.counts == {reason: 1}
    assert rejected.examples == [f"line 2: {reason}: {row}"]


def test_ids_that_are_no_numbers_are_kept_and_ordered_by_time(tmp_path: Path) -> None:
    text = "id,ts,price,size,side\na-1,1741046401.5,1,2,buy\nb-2,1741046402,1,2,B\n"
    _, trades = read(file(tmp_path, "x.csv", text))
    assert [(trade.trade_id, trade.seq) for trade in trades] == [
        ("a-1", 1741046401_500_000_000),
        ("b-2", 1741046402_000_000_000),
    ]


def test_trades_of_which_nobody_knows_who_bought_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="who bought"):
        read(file(tmp_path, "x.csv", "id,ts,price,size\n1,1741046401,1,2\n"))


def test_missing_numbers_are_counted_whatever_the_order() -> None:
    numbers = Numbers()
    numbers.add([10, 8, 9, 20])
    numbers.add([12, 11, 9])
    assert numbers.holes() == [7]
    numbers.add([16])
    assert numbers.holes() == [3, 3]
