"""Carries alerts to their channels, one after the other in each, with patience for those that are away."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from random import Random

import structlog

from alphaplus_tui.domain.alerts import Alert, Delivery, DeliveryState
from alphaplus_tui.errors import AlphaPlusError, FatalError, TransientError
from alphaplus_tui.kernel.backoff import full_jitter_s
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.notifier import Message, Notifier

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_TRIES = 8
_BASE_S, _CAP_S = 2.0, 300.0
_WAITING = 100
"""So many alerts may wait for one channel; then the oldest is given up."""

OnChange = Callable[[str, Delivery], None]


class Deliveries:
    """One queue and one task for each channel."""

    def __init__(self, notifier: Notifier, channels: Iterable[str], *, on_change: OnChange, rng: Random) -> None:
        """on_change: told the alert's id and what became of one of its deliveries."""
        self._notifier, self._on_change, self._rng = notifier, on_change, rng
        self._queues = {channel: _Queue() for channel in channels}
        self._away = dict.fromkeys(notifier.missing(self._queues), "it has no secret")

    def start(self, tasks: asyncio.TaskGroup, life: Life) -> None:
        self._tell(life)
        for channel, queue in self._queues.items():
            tasks.create_task(self._carry(channel, queue, life))

    def send(self, alert: Alert) -> None:
        """To each channel that still waits for it."""
        message = Message(alert.title, alert.text, alert.severity)
        for delivery in alert.deliveries:
            queue = self._queues.get(delivery.channel)
            if delivery.state is not DeliveryState.WAITING:
                continue
            if queue is None:
                self._on_change(alert.id, _failed(delivery.channel, 0, "the settings no longer name this channel"))
                continue
            for given_up in queue.put(alert.id, message):
                self._on_change(given_up, _failed(delivery.channel, 0, f"{_WAITING} newer alerts wait for the channel"))

    async def _carry(self, channel: str, queue: "_Queue", life: Life) -> None:
        while True:
            alert, message = await queue.first()
            for attempt in range(1, _TRIES + 1):
                try:
                    await self._notifier.send(channel, message)
                except TransientError as error:
                    self._broken(channel, error, life)
                    if attempt == _TRIES:
                        self._on_change(alert, _failed(channel, attempt, str(error)))
                        break
                    self._on_change(alert, Delivery(channel, DeliveryState.WAITING, attempt, str(error)))
                    await life.clock.sleep(full_jitter_s(attempt, base_s=_BASE_S, cap_s=_CAP_S, rng=self._rng))
                except FatalError as error:
                    self._broken(channel, error, life)
                    self._on_change(alert, _failed(channel, attempt, str(error)))
                    break
                else:
                    self._works(channel, life)
                    self._on_change(alert, Delivery(channel, DeliveryState.SENT, attempt))
                    break
            queue.done()

    def _broken(self, channel: str, error: AlphaPlusError, life: Life) -> None:
        if channel not in self._away:
            log.warning("alert_channel_away", channel=channel, error=str(error))
        self._away[channel] = str(error)
        self._tell(life)

    def _works(self, channel: str, life: Life) -> None:
        if self._away.pop(channel, None) is not None:
            log.info("alert_channel_back", channel=channel)
        self._tell(life)

    def _tell(self, life: Life) -> None:
        if self._away:
            life.degraded("; ".join(f"channel {name}: {reason}" for name, reason in sorted(self._away.items())))
        else:
            life.healthy()


class _Queue:
    """What waits for one channel, oldest first; the first stays in it until it is done."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, Message]] = deque()
        self._news = asyncio.Event()

    def put(self, alert: str, message: Message) -> list[str]:
        """Returns the alerts that are given up for it; the one under way is not among them."""
        self._waiting.append((alert, message))
        self._news.set()
        if len(self._waiting) <= _WAITING:
            return []
        given_up = self._waiting[1][0]
        del self._waiting[1]
        return [given_up]

    async def first(self) -> tuple[str, Message]:
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        return self._waiting[0]

    def done(self) -> None:
        self._waiting.popleft()


def _failed(channel: str, tries: int, reason: str) -> Delivery:
    return Delivery(channel, DeliveryState.FAILED, tries, reason)
