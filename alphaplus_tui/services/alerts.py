"""Raises alerts by the user's rules, and tells them to the channels; the engine never waits for either."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from random import Random

import structlog
from msgspec import structs

from alphaplus_tui.domain.alerts import Alert, Delivery, DeliveryState, Severity
from alphaplus_tui.domain.events import AlertChanged, SignalMade, TradeAccepted
from alphaplus_tui.domain.timeframe import DAY_NS, SECOND_NS
from alphaplus_tui.errors import AlphaPlusError, TransientError
from alphaplus_tui.kernel.bus import Bus, View
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.notifier import Notifier
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.services.alert_rules import Conditions, Cooldowns, Crossings
from alphaplus_tui.services.deliveries import Deliveries
from alphaplus_tui.settings.alerts import AlertRule, AlertSettings
from alphaplus_tui.state.view import StateView

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_LOOK_EVERY_S = 0.5
_EVENTS = 10_000
_REMEMBERED_NS = 7 * DAY_NS
_DELIVERED_LATE_NS = 900 * SECOND_NS
"""What an earlier run could not deliver is told when it is no older than this."""


class AlertService:
    """Publishes ``AlertChanged``: when an alert is raised, delivered (or not), and over."""

    name = "alerts"
    after: tuple[str, ...] = ("projection", "opinions")
    uses: tuple[str, ...] = ()

    def __init__(
        self,
        state: StateView,
        bus: Bus,
        reader: StoreReader,
        notifier: Notifier,
        settings: AlertSettings,
        *,
        market: MarketClock,
        rng: Random,
        recorded: bool,
        minute_of_day: Callable[[int], int] | None = None,
    ) -> None:
        """recorded: the market's clock is a recording's; nobody is told of what was long ago.

        minute_of_day: of a moment (UTC ns), in the zone of the quiet hours; this machine's unless told.
        """
        self._state, self._bus, self._reader, self._settings = state, bus, reader, settings
        self._market, self._recorded = market, recorded
        self._minute_of_day = minute_of_day or _local_minute
        self._cooldowns = Cooldowns()
        self._conditions = Conditions(settings.rules, self._cooldowns)
        self._crossings = Crossings(settings.rules, self._cooldowns)
        self._deliveries = Deliveries(notifier, settings.every_channel, on_change=self._delivered, rng=rng)
        self._alerts: dict[str, Alert] = {}
        """Those that still change: their deliveries are under way, or their condition lasts."""
        self._remembered = False

    async def run(self, life: Life) -> None:
        if not self._settings.rules:
            life.ready()
            await asyncio.Future[None]()
        events: tuple[type[SignalMade | TradeAccepted], ...] = (
            (SignalMade, TradeAccepted) if self._crossings.wants_trades else (SignalMade,)
        )
        with self._bus.view(events, size=_EVENTS, name=self.name) as view:
            life.ready()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hear(view))
                tasks.create_task(self._look(life))
                self._deliveries.start(tasks, life)

    async def _hear(self, view: View[SignalMade | TradeAccepted]) -> None:
        async for event in view:
            now = self._market.now()
            match event:
                case TradeAccepted(trade):
                    self._take(self._crossings.on_trade(trade, now))
                case SignalMade(signal):
                    self._take(self._crossings.on_signal(signal, now))

    async def _look(self, life: Life) -> None:
        while True:
            if not self._remembered:
                self._remembered = await self._remember()
            self._take(self._conditions.look(self._state, self._market.now()))
            await life.clock.sleep(_LOOK_EVERY_S)

    def _take(self, found: Iterable[tuple[AlertRule, Alert]]) -> None:
        for rule, alert in found:
            if alert.resolved_at is not None:
                self._change(structs.replace(self._alerts.get(alert.id, alert), resolved_at=alert.resolved_at))
                continue
            channels = () if self._recorded else self._settings.channels_of(rule)
            quiet = alert.severity is not Severity.ERROR and self._settings.quiet_at(
                self._minute_of_day(alert.raised_at)
            )
            waiting = () if quiet else tuple(Delivery(channel, DeliveryState.WAITING) for channel in channels)
            raised = structs.replace(alert, quiet=quiet, deliveries=waiting)
            log.info("alert_raised", rule=raised.rule, title=raised.title, severity=raised.severity, quiet=quiet)
            self._change(raised, fresh=True)
            self._deliveries.send(raised)

    def _delivered(self, alert: str, delivery: Delivery) -> None:
        known = self._alerts.get(alert)
        if known is not None:
            others = (delivery if one.channel == delivery.channel else one for one in known.deliveries)
            self._change(structs.replace(known, deliveries=tuple(others)))

    def _change(self, alert: Alert, *, fresh: bool = False) -> None:
        self._alerts[alert.id] = alert
        if not any(one.state is DeliveryState.WAITING for one in alert.deliveries) and not _lasts(alert):
            del self._alerts[alert.id]
        self._bus.publish(AlertChanged(alert, fresh))

    async def _remember(self) -> bool:
        """What an earlier run raised: its cooldowns, what it could not deliver, and what is no longer so."""
        now = self._market.now()
        try:
            past = await self._reader.alerts(None, since=max(0, now - _REMEMBERED_NS), before=now, limit=1000)
        except TransientError:
            return False  # the database is not there yet; asked again with the next look
        except AlphaPlusError as error:
            log.warning("alerts_not_remembered", error=str(error))
            return True
        for alert in reversed(past):
            if alert.id in self._alerts:
                continue
            self._cooldowns.remember(alert.rule, alert.subject, alert.raised_at)
            late = now - alert.raised_at > _DELIVERED_LATE_NS
            waiting = [one for one in alert.deliveries if one.state is DeliveryState.WAITING]
            if waiting and (late or self._recorded):
                over_at = now if _lasts(alert) else alert.resolved_at
                self._change(
                    structs.replace(alert, deliveries=tuple(map(_given_up, alert.deliveries)), resolved_at=over_at)
                )
            elif waiting:
                self._alerts[alert.id] = alert
                self._deliveries.send(alert)
            elif _lasts(alert):
                self._change(structs.replace(alert, resolved_at=now))  # raised anew should it still be so
        return True


def _lasts(alert: Alert) -> bool:
    """Whether its condition may still hold."""
    return alert.resolved_at is None and alert.kind not in {"price", "signal"}


def _given_up(delivery: Delivery) -> Delivery:
    if delivery.state is not DeliveryState.WAITING:
        return delivery
    return structs.replace(delivery, state=DeliveryState.FAILED, reason="AlphaPlus ended before it was told")


def _local_minute(ts: int) -> int:
    moment = datetime.fromtimestamp(ts / SECOND_NS).astimezone()
    return moment.hour * 60 + moment.minute
