"""Puts the demo exchange together: one loop that lets the market happen, one port that serves it."""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
from aiohttp import web

from alphaplus_tui.simulator.answers import Answers
from alphaplus_tui.simulator.clock import MarketClock
from alphaplus_tui.simulator.faults import Fault, FaultError, parse_faults
from alphaplus_tui.simulator.havoc import Havoc
from alphaplus_tui.simulator.hub import Hub
from alphaplus_tui.simulator.journal import Journal
from alphaplus_tui.simulator.kinds import MarketKind
from alphaplus_tui.simulator.limits import WEIGHT_PER_MINUTE, Budget
from alphaplus_tui.simulator.market import Market
from alphaplus_tui.simulator.publisher import Publisher
from alphaplus_tui.simulator.rest import Rest
from alphaplus_tui.simulator.sockets import Sockets

_TICK_S = 0.010
_TENTH_S, _SECOND_S, _FLUSH_S = 0.1, 1.0, 0.2
_LONGEST_STEP_MS = 1000
"""Of market time per tick, when there is much to catch up with."""
_PING_EVERY_S, _PONG_WITHIN_S = 20.0, 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """What a simulator is started with."""

    market: MarketKind
    port: int = 0
    seed: int = 7
    symbols: int = 12
    rate: float = 40.0
    """Trades a second, over all symbols."""
    faults: tuple[Fault, ...] = ()
    journal: Path | None = None
    weight_per_minute: int = WEIGHT_PER_MINUTE
    exit_with_parent: bool = False


class Exchange:
    """The running market with its books, connections, faults and journal."""

    def __init__(self, options: Options) -> None:
        started_s = time.monotonic()
        self._clock = MarketClock()
        self.market = Market(options.market, options.seed, options.rate, options.symbols, now_ms=self._clock.now_ms())
        self.hub = Hub()
        self.publisher = Publisher(self.market, self.hub, options.seed)
        self.havoc = Havoc(self.hub, options.seed)
        self._journal = Journal(options.journal) if options.journal else None
        self._due = {
            self.publisher.tenth_of_a_second: _TENTH_S,
            self.publisher.second: _SECOND_S,
            self._keep_alive: _PING_EVERY_S,
            **({self._journal.flush: _FLUSH_S} if self._journal else {}),
        }
        self._next_s = {action: started_s + every_s for action, every_s in self._due.items()}
        self.havoc.load(list(options.faults), started_s)

    def routes(self, options: Options) -> list[web.RouteDef]:
        rest = Rest(
            self.market,
            Answers(self.market, self.publisher),
            Budget(options.weight_per_minute),
            lambda: self.havoc.outage(self.market.now_ms),
        )
        control = [
            web.get("/control/faults", self._show_faults),
            web.post("/control/faults", self._load_faults),
            web.get("/control/connections", self._show_connections),
            web.get("/control/requests", partial(_show_requests, rest)),
        ]
        return rest.routes() + control + Sockets(self.hub, self.havoc.refuses_subscriptions).routes()

    async def run(self) -> None:
        """Let time pass until cancelled; the journal is complete afterwards."""
        try:
            while True:
                started_s = time.monotonic()
                self._tick(started_s)
                await asyncio.sleep(max(0.0, _TICK_S - (time.monotonic() - started_s)))
        finally:
            if self._journal:
                self._journal.close()

    def _tick(self, now_s: float) -> None:
        self.havoc.tick(now_s)
        orders = self.market.advance(min(self._clock.now_ms(), self.market.now_ms + _LONGEST_STEP_MS))
        if self._journal:
            for order in orders:
                self._journal.write(order)
        self.publisher.happened(orders)
        for action, at_s in self._next_s.items():
            if now_s >= at_s:
                self._next_s[action] = max(at_s + self._due[action], now_s)
                action()
        self.hub.flush()

    def _keep_alive(self) -> None:
        now_s = asyncio.get_running_loop().time()
        for client in tuple(self.hub.clients):
            if client.frozen:
                continue
            if now_s - client.last_pong_s > _PONG_WITHIN_S:
                client.cut()
            else:
                client.ping(str(self.market.now_ms).encode())

    async def _show_faults(self, _request: web.Request) -> web.Response:
        rows = zip(self.havoc.faults, self.havoc.counts, strict=True)
        shown = [{**msgspec.to_builtins(fault), "count": count} for fault, count in rows]
        return web.json_response({"faults": shown})

    async def _show_connections(self, _request: web.Request) -> web.Response:
        clients = sorted(self.hub.clients, key=lambda client: client.number)
        shown = [{"number": client.number, "streams": [*client.streams]} for client in clients]
        return web.json_response({"connections": shown})

    async def _load_faults(self, request: web.Request) -> web.Response:
        try:
            faults = parse_faults(await request.read())
        except FaultError as error:
            return web.json_response({"error": str(error)}, status=400)
        self.havoc.load(faults, time.monotonic())
        return await self._show_faults(request)


async def serve(options: Options) -> None:
    """Run until SIGTERM, SIGINT or, if wished, the end of the parent."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.exit_with_parent:
        watch = threading.Thread(target=_wait_for_end_of_stdin, args=(loop, stop.set), daemon=True)
        watch.start()
    exchange = Exchange(options)
    application = web.Application()
    application.add_routes(exchange.routes(options))
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", options.port)
    await site.start()
    running = asyncio.create_task(exchange.run())
    print(json.dumps(_listening(runner)), flush=True)  # noqa: T201  the ready line is the interface
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        running.cancel()
        stopping.cancel()
        outcome = await asyncio.gather(running, return_exceptions=True)
        for client in tuple(exchange.hub.clients):
            client.cut()
        await runner.cleanup()
    if isinstance(outcome[0], Exception):
        raise outcome[0]


async def _show_requests(rest: Rest, _request: web.Request) -> web.Response:
    return web.json_response({"requests": rest.asked})


def _listening(runner: web.AppRunner) -> dict[str, object]:
    host, port = runner.addresses[0][:2]
    return {
        "event": "listening",
        "rest_url": f"http://{host}:{port}",
        "ws_url": f"ws://{host}:{port}",
        "port": port,
        "pid": os.getpid(),
    }


def _wait_for_end_of_stdin(loop: asyncio.AbstractEventLoop, ended: Callable[[], None]) -> None:
    """The parent holds the other end of our standard input; when it dies, reading ends."""
    try:
        while os.read(sys.stdin.fileno(), 4096):
            pass
    except OSError:
        pass
    if not loop.is_closed():
        loop.call_soon_threadsafe(ended)
