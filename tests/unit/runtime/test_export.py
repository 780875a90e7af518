"""What leaves the database as a table is what is in it, page by page."""

import csv
import io

import pytest

from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import MINUTE_NS, Timeframe
from alphaplus_tui.errors import AmbiguousName, UnknownName
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.runtime import export
from alphaplus_tui.runtime.export import export_candles, export_trades
from tests.fakes.market_data import a_trade, an_instrument
from tests.fakes.store import FakeStore

BTC, ETH = an_instrument("BTC/USDT"), an_instrument("ETH/USDT")
ONE_MINUTE = Timeframe("1m")
END = 2**62


async def a_store(candles: int) -> FakeStore:
    store = FakeStore()
    await store.register([BTC, ETH])
    trades = tuple(a_trade(instrument.id, seq) for instrument in (BTC, ETH) for seq in range(1, 8))
    past = tuple(
        Candle(BTC.id, ONE_MINUTE, number * MINUTE_NS, 1.0, 2.0, 0.5, 1.5, float(number)) for number in range(candles)
    )
    await store.write(Batch(trades=trades, candles=past))
    return store


def rows_of(stream: io.BytesIO) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(stream.getvalue().decode())))


async def test_trades_come_in_pages_and_miss_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 3)
    stream = io.BytesIO()
    assert await export_trades(await a_store(0), stream, "csv", end=END) == 14
    assert [(row["symbol"], row["trade_id"]) for row in rows_of(stream)] == [
        (symbol, str(seq)) for symbol in ("BTC/USDT", "ETH/USDT") for seq in range(1, 8)
    ]


@pytest.mark.parametrize("candles", [0, 1, 3, 4, 7])
async def test_candles_come_oldest_first_whatever_the_page(candles: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 3)
    stream = io.BytesIO()
    written = await export_candles(await a_store(candles), stream, "csv", timeframes=[ONE_MINUTE], end=END)
    assert written == candles
    assert [float(row["volume"]) for row in rows_of(stream)] == list(range(candles))


async def test_a_symbol_is_found_with_and_without_its_exchange() -> None:
    store = await a_store(0)
    for symbol in ("ETH/USDT", "fake:ETH/USDT"):
        stream = io.BytesIO()
        assert await export_trades(store, stream, "csv", symbols=[symbol], end=END) == 7
    nothing = io.BytesIO()
    with pytest.raises(UnknownName, match="unknown symbol 'ETH/USDC'; did you mean 'ETH/USDT'"):
        await export_trades(store, nothing, "csv", symbols=["ETH/USDC"], end=END)
    assert nothing.getvalue() == b""


@pytest.mark.parametrize(
    ("said", "meant"), [("eth/usdt", "ETH/USDT"), ("fake:eth/usdt", "fake:ETH/USDT"), ("Eth/Usd", "ETH/USDT")]
)
async def test_a_symbol_in_the_wrong_case_is_answered_with_the_right_one(said: str, meant: str) -> None:
    with pytest.raises(UnknownName, match=f"did you mean '{meant}'"):
        await export_trades(await a_store(0), io.BytesIO(), "csv", symbols=[said], end=END)


async def test_a_symbol_of_several_exchanges_is_never_mixed_up() -> None:
    store = await a_store(0)
    elsewhere = an_instrument("BTC/USDT", exchange="imported")
    await store.register([elsewhere])
    await store.write(Batch(trades=(a_trade(elsewhere.id, 1),)))
    with pytest.raises(AmbiguousName, match="several exchanges: say fake:BTC/USDT or imported:BTC/USDT") as wrong:
        await export_trades(store, io.BytesIO(), "csv", symbols=["BTC/USDT"], end=END)
    assert wrong.value.exit_code == 2
    assert await export_trades(store, io.BytesIO(), "csv", symbols=["imported:BTC/USDT"], end=END) == 1
    assert await export_trades(store, io.BytesIO(), "csv", end=END) == 15


async def test_of_an_unknown_symbol_not_even_a_header_is_written() -> None:
    stream = io.BytesIO()
    with pytest.raises(UnknownName, match="unknown symbol 'NOPE'"):
        await export_trades(FakeStore(), stream, "csv", symbols=["NOPE"], end=END)
    with pytest.raises(UnknownName, match="unknown symbol 'NOPE'"):
        await export_candles(FakeStore(), stream, "csv", symbols=["NOPE"], timeframes=[ONE_MINUTE], end=END)
    assert stream.getvalue() == b""
