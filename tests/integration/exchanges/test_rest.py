"""Binance's REST: what we make of its answers, its refusals and its silence."""

import time
from pathlib import Path
from typing import Any

import pytest

from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import (
    ConfigError,
    Disconnected,
    ProtocolError,
    RateLimited,
    UnknownName,
    VenueUnavailable,
)
from alphaplus_tui.exchanges.binance import BinanceMarketData
from tests.integration.exchanges.listening import BTC, an_adapter
from tests.integration.exchanges.local_venue import LocalVenue, Page, local_venue

MINUTE = Timeframe("1m")
INFO: dict[str, Any] = {
    "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}],
    "symbols": [
        {
            "symbol": f"{base}USDT",
            "status": "TRADING",
            "baseAsset": base,
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": "0.01000000"},
                {"filterType": "LOT_SIZE", "stepSize": "0.00001000"},
                {"filterType": "ICEBERG_PARTS", "limit": 10},
            ],
        }
        for base in ("BTC", "ETH")
    ],
}


def an_adapter_of(venue: LocalVenue, folder: Path, **options: Any) -> BinanceMarketData:
    return an_adapter(f"http://{venue.url}", f"ws://{venue.url}", folder, **options)


async def test_instruments_are_asked_for_once_and_then_come_from_the_disk(tmp_path: Path) -> None:
    async with local_venue() as venue:
        venue.rest["/api/v3/exchangeInfo"] = INFO
        first = an_adapter_of(venue, tmp_path)
        assert await first.instruments(["BTC/USDT"]) == (BTC,)
        await first.close()
    second = an_adapter_of(venue, tmp_path)  # the exchange is gone
    assert await second.instruments(["BTC/USDT"]) == (BTC,)
    with pytest.raises(Disconnected):
        await second.instruments([])
    await second.close()
    assert len(venue.asked) == 1


async def test_a_damaged_cache_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "markets-binance.json").write_text('{"BTC/USDT": {"instrument": 5}}')
    async with local_venue() as venue:
        venue.rest["/api/v3/exchangeInfo"] = INFO
        adapter = an_adapter_of(venue, tmp_path)
        assert await adapter.instruments(["ETH/USDT", "BTC/USDT"]) == (await adapter.instruments(["ETH/USDT"]) + (BTC,))
        await adapter.close()


async def test_an_unknown_symbol_is_answered_with_the_nearest(tmp_path: Path) -> None:
    def answer() -> Any:
        if "symbols=" in venue.asked[-1]:
            return Page(400, '{"code":-1121,"msg":"Invalid symbol."}')
        return INFO

    async with local_venue() as venue:
        venue.rest["/api/v3/exchangeInfo"] = answer
        adapter = an_adapter_of(venue, tmp_path)
        with pytest.raises(UnknownName, match="did you mean 'BTC/USDT'"):
            await adapter.instruments(["BTC/USDTT"])
        await adapter.close()


def a_kline(minute: int, *, close: str = "101.0") -> list[Any]:
    opened = minute * 60_000
    return [opened, "100.0", "102.0", "99.0", close, "5.5", opened + 59_999, "550", 42, "2.25", "225", "0"]


async def test_candles_carry_the_number_of_trades_and_what_takers_bought(tmp_path: Path) -> None:
    this_minute = time.time_ns() // 60_000_000_000
    async with local_venue() as venue:
        venue.rest["/api/v3/klines"] = [a_kline(this_minute - 1), a_kline(this_minute + 1)]
        adapter = an_adapter_of(venue, tmp_path)
        closed, forming = await adapter.candles(BTC, MINUTE, since=0, limit=10)
        await adapter.close()
        assert (closed.open, closed.high, closed.low, closed.close, closed.volume) == (100, 102, 99, 101, 5.5)
        assert (closed.trades, closed.buy_volume, closed.provenance) == (42, 2.25, "backfilled")
        assert closed.open_time == (this_minute - 1) * 60_000_000_000
        assert [closed.forming, forming.forming] == [False, True]


async def test_more_candles_than_one_answer_holds_are_asked_for_in_turn(tmp_path: Path) -> None:
    asked: list[int] = []

    def answer() -> Any:
        query = dict(part.split("=") for part in venue.asked[-1].partition("?")[2].split("&"))
        first = int(query["startTime"]) // 60_000
        asked.append(first)
        return [a_kline(minute) for minute in range(first, min(first + int(query["limit"]), 2500))]

    async with local_venue() as venue:
        venue.rest["/api/v3/klines"] = answer
        adapter = an_adapter_of(venue, tmp_path)
        candles = await adapter.candles(BTC, MINUTE, since=0, limit=2300)
        await adapter.close()
    assert [candle.open_time // 60_000_000_000 for candle in candles] == list(range(2300))
    assert asked == [0, 1000, 2000]


async def test_a_candle_that_cannot_be_is_refused(tmp_path: Path) -> None:
    async with local_venue() as venue:
        venue.rest["/api/v3/klines"] = [a_kline(5, close="nan")]
        adapter = an_adapter_of(venue, tmp_path)
        with pytest.raises(ProtocolError, match="cannot be"):
            await adapter.candles(BTC, MINUTE, since=0, limit=10)
        await adapter.close()


@pytest.mark.parametrize("page", [Page(503, "<html>"), Page(502, ""), Page(403, "<html>"), Page(200, "<html>")])
async def test_a_page_instead_of_an_answer_is_an_exchange_that_is_away(tmp_path: Path, page: Page) -> None:
    async with local_venue() as venue:
        venue.rest["/api/v3/klines"] = page
        adapter = an_adapter_of(venue, tmp_path)
        with pytest.raises(VenueUnavailable):
            await adapter.candles(BTC, MINUTE, since=0, limit=10)
        await adapter.close()


async def test_a_refusal_is_told_in_the_exchange_s_words_made_harmless(tmp_path: Path) -> None:
    async with local_venue() as venue:
        venue.rest["/api/v3/klines"] = Page(400, '{"code":-1102,"msg":"Mandatory\\u001b[2J parameter"}')
        adapter = an_adapter_of(venue, tmp_path)
        with pytest.raises(ProtocolError, match=r"Mandatory \[2J parameter \(code -1102\)"):
            await adapter.candles(BTC, MINUTE, since=0, limit=10)
        await adapter.close()


@pytest.mark.parametrize(("status", "banned"), [(429, False), (418, True)])
async def test_after_a_rate_limit_nothing_is_asked_until_it_ends(tmp_path: Path, status: int, banned: bool) -> None:
    async with local_venue() as venue:
        venue.rest["/api/v3/historicalTrades"] = Page(status, '{"code":-1003,"msg":"too much"}')
        venue.headers = {"Retry-After": "30"}
        adapter = an_adapter_of(venue, tmp_path)
        for _ in range(3):
            with pytest.raises(RateLimited) as limited:
                await adapter.trades(BTC, from_seq=1, since=0, limit=10)
            assert limited.value.banned is banned
            assert 29 < limited.value.retry_after_s <= 30
        await adapter.close()
        assert len(venue.asked) == 1


async def test_the_budget_that_the_exchange_counts_is_kept(tmp_path: Path) -> None:
    async with local_venue() as venue:
        venue.rest["/api/v3/historicalTrades"] = []
        venue.headers = {"X-MBX-USED-WEIGHT-1M": "5390"}
        adapter = an_adapter_of(venue, tmp_path)
        assert await adapter.trades(BTC, from_seq=1, since=0, limit=10) == ()
        with pytest.raises(RateLimited, match="5390 of 6000"):
            await adapter.trades(BTC, from_seq=1, since=0, limit=10)
        await adapter.close()


async def test_the_exchange_s_clock_is_compared_with_ours(tmp_path: Path) -> None:
    async with local_venue() as venue:
        venue.rest["/api/v3/time"] = lambda: {"serverTime": time.time_ns() // 1_000_000 + 5000}
        adapter = an_adapter_of(venue, tmp_path)
        assert abs(await adapter.clock_offset_ns() - 5_000_000_000) < 500_000_000
        await adapter.close()


def test_the_demo_market_needs_its_addresses(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rest_url"):
        an_adapter("", "", tmp_path, exchange="demo")
