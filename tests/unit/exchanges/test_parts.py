"""The small parts: the registry, the mailbox, the budget, the pulse of an instrument."""

import asyncio
import sys
from pathlib import Path

import pytest

from alphaplus_tui.domain.market import Trade
from alphaplus_tui.errors import ConfigError, RateLimited, UnknownName
from alphaplus_tui.exchanges.binance import BinanceMarketData
from alphaplus_tui.exchanges.registry import exchange_factory, exchange_names
from alphaplus_tui.exchanges.shared.budget import WeightBudget
from alphaplus_tui.exchanges.shared.link import is_loopback, retry_after_s
from alphaplus_tui.exchanges.shared.mailbox import Mailbox
from alphaplus_tui.exchanges.shared.pulses import Pulse
from alphaplus_tui.kernel.clock import ManualMarketClock
from alphaplus_tui.ports.market_data import Received
from tests.fakes.clock import FakeClock
from tests.fakes.market_data import FakeMarketData, a_trade, an_instrument

BTC = an_instrument()
MINUTE_NS = 60 * 10**9


def test_exchanges_are_known_by_name() -> None:
    assert {"binance", "binanceusdm", "demo", "kraken", "okx"} <= set(exchange_names())
    assert exchange_names() == tuple(sorted(exchange_names()))
    assert exchange_factory("demo") is BinanceMarketData


def test_an_unknown_exchange_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="unknown exchange 'binace'; did you mean 'binance'"):
        exchange_factory("binace")


def offer(folder: Path, name: str, target: str) -> None:
    """A package beside ours that offers an exchange."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[alphaplus.exchanges]\n{name} = {target}\n")


def test_another_package_may_offer_an_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    offer(tmp_path, "elsewhere", "tests.fakes.market_data:FakeMarketData")
    offer(tmp_path, "broken", "no_such_module_anywhere:Exchange")
    assert {"binance", "broken", "demo", "elsewhere"} <= set(exchange_names())
    assert exchange_factory("elsewhere") is FakeMarketData
    with pytest.raises(ConfigError, match=r"'broken'.*cannot be loaded"):
        exchange_factory("broken")


async def test_a_mailbox_gives_everything_in_order_then_the_error() -> None:
    mailbox = Mailbox()
    for seq in range(3):
        mailbox.put(Received(0, (a_trade(BTC.id, seq),)))
    mailbox.fail(ValueError("a defect"))
    for seq in range(3):
        (event,) = (await anext(mailbox)).events
        assert isinstance(event, Trade)
        assert event.seq == seq
    with pytest.raises(ValueError, match="a defect"):
        await anext(mailbox)


async def test_a_mailbox_wakes_its_reader_and_ends_when_closed() -> None:
    mailbox = Mailbox()

    async def read() -> int:
        return len([received async for received in mailbox])

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    mailbox.put(Received(0, ()))
    await asyncio.sleep(0)
    mailbox.put(Received(0, ()))
    mailbox.close()
    assert await reading == 2


async def test_a_crowded_mailbox_calls_back_once_it_is_drained() -> None:
    mailbox = Mailbox(high=3, low=1)
    resumed: list[int] = []
    for _ in range(4):
        mailbox.put(Received(0, ()))
    assert mailbox.crowded
    mailbox.when_drained(lambda: resumed.append(len(mailbox)))
    for _ in range(2):
        await anext(mailbox)
        assert not resumed
    await anext(mailbox)
    assert resumed == [1]


def a_budget(clock: FakeClock, market: ManualMarketClock) -> WeightBudget:
    return WeightBudget(clock, market, limit=100)


def test_a_budget_refuses_before_the_exchange_would_and_is_new_each_minute() -> None:
    market = ManualMarketClock(10 * MINUTE_NS + 15 * 10**9)
    budget = a_budget(FakeClock(), market)
    budget.take(50, share=0.6)
    with pytest.raises(RateLimited) as refused:
        budget.take(20, share=0.6)
    assert refused.value.retry_after_s == pytest.approx(45.0)
    budget.take(20, share=0.9)
    market.advance_to(11 * MINUTE_NS)
    budget.take(50, share=0.6)


def test_a_budget_believes_what_the_exchange_counted() -> None:
    budget = a_budget(FakeClock(), ManualMarketClock(MINUTE_NS))
    budget.told(95)
    with pytest.raises(RateLimited):
        budget.take(1)


def test_one_request_fits_even_into_the_smallest_budget_and_a_second_does_not() -> None:
    budget = a_budget(FakeClock(), ManualMarketClock(MINUTE_NS))
    budget.take(5000)
    with pytest.raises(RateLimited, match="5000 of 100"):
        budget.take(1)


async def test_nothing_is_asked_while_the_exchange_bans_us() -> None:
    clock = FakeClock()
    budget = a_budget(clock, ManualMarketClock(MINUTE_NS))
    budget.block(RateLimited("banned", retry_after_s=120.0, banned=True))
    await clock.advance(100.0)
    with pytest.raises(RateLimited) as refused:
        budget.take(1)
    assert refused.value.banned
    assert refused.value.retry_after_s == pytest.approx(20.0)
    await clock.advance(21.0)
    budget.take(1)


def test_a_lively_instrument_is_suspect_soon_a_slow_one_late() -> None:
    lively, slow = Pulse(BTC), Pulse(BTC)
    for second in range(100):
        lively.trades += 10
        slow.trades += second % 5 == 0
        assert not lively.look(1.0)
        assert not slow.look(1.0)
    silent = {name: next(s for s in range(1000) if pulse.look(1.0)) for name, pulse in (("l", lively), ("s", slow))}
    assert silent["l"] == 6
    assert 25 <= silent["s"] <= 40


def test_a_suspect_that_was_asked_about_is_asked_about_less_and_less_often() -> None:
    pulse = Pulse(BTC)
    waits: list[int] = []
    for _ in range(4):
        waits.append(next(s for s in range(10_000) if pulse.look(1.0)))
        pulse.spare()
    assert waits == [6, 12, 24, 48]


def test_waits_that_an_exchange_asks_for() -> None:
    assert retry_after_s("7", otherwise=60.0) == 7.0
    assert retry_after_s(None, otherwise=60.0) == 60.0
    assert retry_after_s("Wed, 21 Oct 2026 07:28:00 GMT", otherwise=60.0) == 60.0


def test_loopback_needs_no_proxy() -> None:
    assert is_loopback("ws://127.0.0.1:99/stream")
    assert is_loopback("http://[::1]:99")
    assert is_loopback("http://localhost")
    assert not is_loopback("wss://stream.binance.com:9443")
