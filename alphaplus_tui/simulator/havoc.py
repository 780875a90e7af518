"""Carries faults out: on frames, connections, subscriptions and requests."""

import random
import re
from collections.abc import Iterable
from heapq import heappop, heappush

from aiohttp import web

from alphaplus_tui.simulator.faults import Fault
from alphaplus_tui.simulator.hub import MOST_UNSENT_BYTES, Client, Hub
from alphaplus_tui.simulator.rest import refusal

_QUANTITY = re.compile(rb'"e":"(?:trade|aggTrade)".*?"q":"|"e":"kline".*?"v":"')
_MAINTENANCE = """<html>
<head><title>503 Service Temporarily Unavailable</title></head>
<body><center><h1>503 Service Temporarily Unavailable</h1></center><p>System maintenance.</p></body>
</html>
"""


class Havoc:
    """The loaded fault script and what it holds back; ``tick`` gives it the time."""

    def __init__(self, hub: Hub, seed: int) -> None:
        self._hub = hub
        self._random = random.Random(f"{seed} faults")  # noqa: S311  a fault script, not a secret
        self._loaded_s = self._now_s = 0.0
        self.faults: list[Fault] = []
        self.counts: list[int] = []
        """How often each of them did something."""
        self._strikes: list[int] = []
        self._on: list[int] = []
        self._late: list[tuple[float, int, str, bytes]] = []
        self._held: dict[str, bytes] = {}
        self._number = 0

    def load(self, faults: list[Fault], now_s: float) -> None:
        """Replace the script; its times count from now."""
        self.faults, self.counts = faults, [0] * len(faults)
        self._strikes = [0] * len(faults)
        self._loaded_s = now_s
        largest = max((fault.size_bytes for fault in faults if fault.kind == "oversize"), default=0)
        self._hub.most_unsent_bytes = MOST_UNSENT_BYTES + 4 * largest
        self.tick(now_s)

    def tick(self, now_s: float) -> None:
        """See which faults are on at ``now_s`` (monotonic), strike connections, release what is due."""
        self._now_s = now_s
        since_s = now_s - self._loaded_s
        self._on = [place for place, fault in enumerate(self.faults) if fault.on(since_s)]
        for place, fault in enumerate(self.faults):
            if fault.group() == "connection":
                strikes = fault.strikes(since_s)
                if strikes > self._strikes[place]:
                    self._strikes[place] = strikes
                    self._strike(place, fault)
        frame_faults = [place for place in self._on if self.faults[place].group() == "frame"]
        self._hub.tamper = self._tamper if frame_faults else None
        while self._late and self._late[0][0] <= now_s:
            _, _, stream, payload = heappop(self._late)
            self._hub.deliver(stream, payload)
        if self._held and not any(self.faults[place].kind == "reorder" for place in frame_faults):
            held, self._held = self._held, {}
            for stream, payload in held.items():
                self._hub.deliver(stream, payload)

    def refuses_subscriptions(self) -> bool:
        return any(self._chosen(place) for place in self._on if self.faults[place].kind == "refuse")

    def outage(self, now_ms: int) -> web.Response | None:
        """What a REST request meets instead of its answer, if anything."""
        for place in self._on:
            fault = self.faults[place]
            if fault.group() != "request" or not self._chosen(place):
                continue
            if fault.kind == "503":
                return web.Response(status=503, text=_MAINTENANCE, content_type="text/html")
            return refusal(int(fault.kind), fault.retry_after_s, now_ms, used=0)
        return None

    def _strike(self, place: int, fault: Fault) -> None:
        for client in sorted(self._hub.clients, key=_joined):
            if self._chosen(place):
                match fault.kind:
                    case "cut":
                        client.cut()
                    case "close":
                        client.close(1001)
                    case _:
                        client.frozen = True

    def _tamper(self, stream: str, payload: bytes) -> Iterable[bytes]:
        payloads = [payload]
        for place in self._on:
            fault = self.faults[place]
            if fault.group() == "frame" and fault.touches(stream) and self._chosen(place):
                payloads = self._altered(fault, stream, payloads)
        held = self._held.pop(stream, None) if payloads else None
        return payloads if held is None else [*payloads, held]

    def _altered(self, fault: Fault, stream: str, payloads: list[bytes]) -> list[bytes]:
        match fault.kind:
            case "duplicate":
                return payloads * 2
            case "reorder":
                if stream in self._held or not payloads:
                    return payloads
                self._held[stream] = payloads[-1]
                return payloads[:-1]
            case "delay":
                for payload in payloads:
                    self._number += 1
                    heappush(self._late, (self._now_s + fault.delay_ms / 1000, self._number, stream, payload))
                return []
            case "alter":
                return [_altered(payload) for payload in payloads]
            case "garble":
                return [payload[: len(payload) // 2] for payload in payloads]
            case "oversize":
                return [_padded(payload, fault.size_bytes) for payload in payloads]
            case _:
                return []

    def _chosen(self, place: int) -> bool:
        probability = self.faults[place].probability
        chosen = probability >= 1 or self._random.random() < probability
        self.counts[place] += chosen
        return chosen


def _altered(payload: bytes) -> bytes:
    """The same with a digit before the quantity of a trade, or the volume of a candle."""
    return _QUANTITY.sub(rb"\g<0>7", payload, count=1)


def _padded(payload: bytes, size: int) -> bytes:
    """The same JSON object with a member that nobody knows, of ``size`` bytes or a little more."""
    if not payload.endswith(b"}"):
        return payload
    return b'%b,"padding":"%b"}' % (payload[:-1], b"x" * max(size - len(payload), 0))


def _joined(client: Client) -> int:
    return client.number
