"""Rules raise alerts at edges, once; channels that are away are tried again, and nobody waits for them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from msgspec import structs

from alphaplus_tui.domain.alerts import Alert, Delivery, DeliveryState, Severity
from alphaplus_tui.domain.events import AlertChanged, SignalMade, TradeAccepted
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Provenance
from alphaplus_tui.domain.timeframe import MINUTE_NS, SECOND_NS
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import ManualMarketClock
from alphaplus_tui.kernel.service import Health, Life
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.services.alerts import AlertService
from alphaplus_tui.settings.alerts import AlertSettings
from alphaplus_tui.state.slices import DatabaseRow, FeedRow, FeedState, GapRow, NoticeRow, ServiceRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY
from tests.contracts.test_opinions_contract import signal
from tests.contracts.test_store_contract import BTC, ETH, NOON, trade
from tests.fakes.clock import FakeClock
from tests.fakes.notifier import FakeNotifier
from tests.fakes.store import FakeStore
from tests.support import eventually


class Watch:
    """The service with what surrounds it; its clocks move by hand."""

    def __init__(
        self, *rules: dict[str, Any], channels: tuple[str, ...] = (), quiet: str = "", recorded: bool = False
    ) -> None:
        self.state, self.store, self.clock = StateStore(), FakeStore(), FakeClock()
        self.notifier = FakeNotifier("ops", "mail")
        self.bus, self.market = Bus(clock=self.clock), ManualMarketClock(NOON)
        self.life = Life("alerts", self.clock)
        self.told: list[AlertChanged] = []
        self.bus.on(AlertChanged, self.told.append)
        self.service = AlertService(
            self.state,
            self.bus,
            self.store,
            self.notifier,
            AlertSettings.model_validate({"channels": channels, "rules": rules, "quiet_hours": quiet}),
            market=self.market,
            rng=Random(7),
            recorded=recorded,
            minute_of_day=lambda ts: ts // MINUTE_NS % 1440,
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(self.service.run(self.life))
        try:
            await eventually(lambda: self.life.ready_at is not None)
            await self.clock.settle()
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def pass_s(self, seconds: float) -> None:
        self.market.advance_to(self.market.now() + int(seconds * SECOND_NS))
        await self.clock.advance(seconds)
        await self.clock.settle()

    async def price(self, value: float, *, of: InstrumentId = BTC.id, provenance: Provenance = Provenance.LIVE) -> None:
        self.bus.publish(TradeAccepted(structs.replace(trade(1), instrument=of, price=value, provenance=provenance)))
        await self.clock.settle()

    def feed(self, state: FeedState, of: InstrumentId = BTC.id) -> None:
        self.state.feeds.put(of, FeedRow(of, state, "silent", self.market.now()))

    @property
    def raised(self) -> list[Alert]:
        return [event.alert for event in self.told if event.fresh]

    @property
    def last(self) -> Alert:
        return self.told[-1].alert


ABOVE = {"when": "price", "symbols": ["BTC/USDT"], "above": 100.0, "cooldown_s": 60.0}
STALE = {"when": "feed_stale", "after_s": 10.0, "cooldown_s": 60.0}


async def test_a_price_that_crosses_is_told_once_until_the_cooldown_is_over() -> None:
    watch = Watch(ABOVE)
    async with watch.running():
        for value in (99.0, 100.0, 101.0, 99.0, 102.0):
            await watch.price(value)
        assert [one.title for one in watch.raised] == ["BTC/USDT rose to 100"]
        assert watch.raised[0].text == "the last price is 100, after 99"
        assert watch.raised[0].instrument == BTC.id
        await watch.pass_s(60)
        await watch.price(99.0)
        await watch.price(100.5)
        assert len(watch.raised) == 2


async def test_a_first_price_another_symbol_and_a_price_of_the_past_are_no_crossing() -> None:
    watch = Watch(ABOVE, {"when": "price", "symbols": ["binance:ETH/USDT"], "below": 50.0})
    async with watch.running():
        await watch.price(150.0)
        await watch.price(99.0)
        await watch.price(150.0, provenance=Provenance.BACKFILLED)
        assert watch.raised == []
        await watch.price(60.0, of=ETH.id)
        await watch.price(50.0, of=ETH.id)
        assert [one.title for one in watch.raised] == ["ETH/USDT fell to 50"]


async def test_a_signal_is_told_with_what_it_says() -> None:
    watch = Watch({"when": "signal", "direction": "short"}, {"when": "signal", "name": "every signal"})
    async with watch.running():
        watch.bus.publish(SignalMade(signal(1)))
        await watch.clock.settle()
        assert [(one.rule, one.title) for one in watch.raised] == [("every signal", "LONG BTC/USDT 5m")]
        assert "entry 61,828.01" in watch.raised[0].text


async def test_a_feed_is_told_when_it_stays_stale_and_again_when_it_is_back() -> None:
    watch = Watch(STALE)
    async with watch.running():
        watch.feed(FeedState.STALE)
        await watch.pass_s(9)
        assert watch.raised == []
        await watch.pass_s(2)
        assert [(one.title, one.text) for one in watch.raised] == [("Feeds stale", "BTC/USDT STALE (silent)")]
        await watch.pass_s(30)
        assert len(watch.told) == 1
        watch.feed(FeedState.LIVE)
        await watch.pass_s(1)
        assert watch.last.id == watch.raised[0].id
        assert watch.last.resolved_at is not None


async def test_all_feeds_that_fall_silent_together_are_one_alert_and_a_later_one_another() -> None:
    watch = Watch(STALE)
    async with watch.running():
        for n in range(7):
            watch.feed(FeedState.RECONNECTING, InstrumentId(f"binance:C{n}/USDT"))
        await watch.pass_s(11)
        assert len(watch.raised) == 1
        assert watch.raised[0].text.endswith("C4/USDT RECONNECTING (silent), and 2 more")
        watch.feed(FeedState.STALE)
        await watch.pass_s(20)
        assert len(watch.raised) == 1
        await watch.pass_s(60)
        assert [one.text for one in watch.raised[1:]] == ["BTC/USDT STALE (silent)"]


async def test_gaps_services_and_disk_have_rules_of_their_own() -> None:
    watch = Watch(
        {"when": "gap", "after_s": 5.0},
        {"when": "service_failed", "after_s": 5.0, "services": ["backfill"]},
        {"when": "disk", "free_mb": 100, "after_s": 0.0},
    )
    async with watch.running():
        watch.state.gaps.put((BTC.id, 5), GapRow(BTC.id, 5, 9, 5, "the exchange has no more", watch.market.now()))
        for name in ("backfill", "sentiment"):
            watch.state.services.put(name, ServiceRow(name, "FAILED", "OK", "no key", (), 3, "", None, None))
        watch.state.database.put(ONLY, DatabaseRow("", True, "", "", 1, 1, 1.0, {}, 0, 0, disk_free_bytes=99_000_000))
        await watch.pass_s(1)  # since when a service is down is what the service has seen itself
        await watch.pass_s(6)
        told = {one.title: (one.severity, one.text) for one in watch.raised}
        assert told == {
            "Trades missing": (Severity.WARNING, "BTC/USDT misses 5 trades: the exchange has no more"),
            "Service backfill failed": (Severity.ERROR, "FAILED: no key"),
            "Disk nearly full": (Severity.ERROR, "99 MB are left on the disk of the data folder"),
        }


async def test_hostile_text_in_a_reason_becomes_harmless() -> None:
    watch = Watch({"when": "service_failed", "after_s": 0.0})
    async with watch.running():
        hostile = "\x1b]52;c;aGk=\x07[red]x[/]\u202e" + "y" * 5000
        watch.state.services.put("x", ServiceRow("x", "FAILED", "OK", hostile, (), 0, "", None, None))
        await watch.pass_s(1)
        assert watch.raised[0].text.isprintable()
        assert len(watch.raised[0].text) <= 600


async def test_an_alert_is_told_to_the_channels_of_its_rule_or_else_to_all() -> None:
    watch = Watch(ABOVE, {**ABOVE, "name": "mail only", "channels": ["mail"]}, channels=("ops",))
    async with watch.running():
        await watch.price(99.0)
        await watch.price(101.0)
        await watch.clock.settle()
        assert {channel: len(taken) for channel, taken in watch.notifier.taken.items()} == {"ops": 1, "mail": 1}
        assert watch.last.deliveries[0].state is DeliveryState.SENT
        assert watch.life.health is Health.OK


async def test_a_channel_that_is_away_is_tried_again_and_hinders_no_other() -> None:
    watch = Watch(ABOVE, {**STALE, "channels": ["mail"]}, channels=("ops",))
    watch.notifier.away = {"ops"}
    async with watch.running():
        await watch.price(99.0)
        await watch.price(101.0)
        assert watch.life.health is Health.DEGRADED
        assert "channel ops" in (watch.life.reason or "")
        watch.feed(FeedState.STALE)
        await watch.pass_s(11)
        assert len(watch.notifier.taken["mail"]) == 1
        watch.notifier.away = set()
        await watch.pass_s(300)
        assert len(watch.notifier.taken["ops"]) == 1
        assert watch.life.health is Health.OK


async def test_a_channel_that_stays_away_is_given_up_for_an_alert_and_says_why() -> None:
    watch = Watch(ABOVE, channels=("ops",))
    watch.notifier.away = {"ops"}
    async with watch.running():
        await watch.price(99.0)
        await watch.price(101.0)
        await watch.pass_s(3600)
        assert watch.notifier.tries == 8
        assert watch.last.deliveries == (Delivery("ops", DeliveryState.FAILED, 8, "ops: nobody there"),)


async def test_a_channel_without_a_secret_degrades_the_service_and_nothing_else() -> None:
    watch = Watch(ABOVE, channels=("pager",))
    async with watch.running():
        assert watch.life.reason == "channel pager: it has no secret"
        await watch.price(99.0)
        await watch.price(101.0)
        assert watch.raised
        assert watch.last.deliveries[0].state is DeliveryState.FAILED


async def test_alerts_that_pile_up_before_a_hanging_channel_are_bounded() -> None:
    watch = Watch(
        {"when": "service_failed", "after_s": 0.0, "cooldown_s": 0.0, "severity": "warning"}, channels=("ops",)
    )
    watch.notifier.hanging = {"ops"}
    async with watch.running():
        for n in range(130):
            watch.state.services.put(f"s{n}", ServiceRow(f"s{n}", "FAILED", "OK", "", (), 0, "", None, None))
        await watch.pass_s(1)
        states = {event.alert.subject: event.alert.deliveries[0].state for event in watch.told}
        assert sum(state is DeliveryState.FAILED for state in states.values()) == 30
        assert states["s129"] is DeliveryState.WAITING


async def test_quiet_hours_keep_all_but_errors_from_the_channels() -> None:
    watch = Watch(
        ABOVE, {**ABOVE, "name": "urgent", "severity": "error"}, channels=("ops",), quiet="11:00-13:00"
    )  # NOON
    async with watch.running():
        await watch.price(99.0)
        await watch.price(101.0)
        assert [(one.rule, one.quiet) for one in watch.raised] == [("price", True), ("urgent", False)]
        assert [one.severity for one in watch.notifier.taken["ops"]] == [Severity.ERROR]


def test_quiet_hours_may_go_over_midnight() -> None:
    settings = AlertSettings(quiet_hours="22:30-07:00")
    quiet = {hour: settings.quiet_at(hour * 60) for hour in (0, 6, 7, 12, 22, 23)}
    assert quiet == {0: True, 6: True, 7: False, 12: False, 22: False, 23: True}


async def test_a_replay_raises_alerts_and_calls_nobody() -> None:
    watch = Watch(ABOVE, channels=("ops",), recorded=True)
    async with watch.running():
        await watch.price(99.0)
        await watch.price(101.0)
        assert watch.raised[0].deliveries == ()
        assert watch.notifier.tries == 0


def past(watch: Watch, *, seconds_ago: float, **changed: Any) -> Alert:
    raised = Alert(
        id=f"past-{seconds_ago:g}",
        rule="price",
        kind="price",  # pyright: ignore[reportArgumentType] - as it comes from a database
        severity=Severity.WARNING,
        instrument=BTC.id,
        subject=BTC.id,
        title="BTC/USDT rose to 100",
        text="",
        raised_at=watch.market.now() - int(seconds_ago * SECOND_NS),
    )
    return structs.replace(raised, **changed)


async def test_a_restart_keeps_the_cooldown_and_tells_what_was_left_untold() -> None:
    watch = Watch(ABOVE, channels=("ops",))
    waiting = (Delivery("ops", DeliveryState.WAITING, 2, "away"),)
    recent, old = past(watch, seconds_ago=30, deliveries=waiting), past(watch, seconds_ago=5000, deliveries=waiting)
    await watch.store.write(Batch(alerts=(recent, old)))
    async with watch.running():
        await watch.price(99.0)
        await watch.price(101.0)
        assert watch.raised == []
        assert len(watch.notifier.taken["ops"]) == 1
        became = {event.alert.id: event.alert.deliveries[0].state for event in watch.told}
        assert became == {recent.id: DeliveryState.SENT, old.id: DeliveryState.FAILED}


async def test_a_database_that_is_not_there_yet_does_not_keep_alerts_from_being_raised() -> None:
    watch = Watch(ABOVE)
    watch.store.available = False
    async with watch.running():
        await watch.price(99.0)
        await watch.price(101.0)
        assert len(watch.raised) == 1


async def test_an_alert_is_shown_among_the_notices() -> None:
    from alphaplus_tui.services.rows.notices import NoticeRows

    watch = Watch(ABOVE)
    rows = NoticeRows(watch.state, watch.market)
    watch.bus.on(AlertChanged, rows.on_alert)
    async with watch.running():
        await watch.price(99.0)
        await watch.price(101.0)
    notices = list(watch.state.notices.values())
    assert notices == [
        NoticeRow(1, "information", "BTC/USDT rose to 100", "the last price is 101, after 99", NOON, alert=True)
    ]
