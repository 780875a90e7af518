"""CPU per trade from the wire, side by side: a bare reader, our adapter, ccxt.pro; and latency at a steady rate."""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import connect

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, Trade
from alphaplus_tui.exchanges.binance import BinanceMarketData
from alphaplus_tui.kernel.clock import SystemClock, WallMarketClock
from alphaplus_tui.kernel.meters import Meters
from tests.support import REPOSITORY

SYMBOLS = 50


class BareTrade(msgspec.Struct):
    """What a reader without checks would decode."""

    e: str
    s: str
    t: int
    p: str
    q: str
    T: int
    m: bool


class BareFrame(msgspec.Struct):
    stream: str
    data: BareTrade


@contextmanager
def served(count: int, rate: float, symbols: int) -> Generator[int]:
    """The port of a frame server in a process of its own."""
    arguments = ("--count", count, "--symbols", symbols, "--rate", rate)
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.frame_server", *map(str, arguments)],
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        text=True,
    )
    try:
        assert server.stdout is not None
        yield int(server.stdout.readline())
    finally:
        server.terminate()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()


Result = tuple[float, list[float]]
"""CPU seconds per message; seconds from our first line to the value in hand."""


async def bare(port: int, count: int) -> Result:
    decoder = msgspec.json.Decoder(BareFrame)
    latencies: list[float] = []
    async with connect(f"ws://127.0.0.1:{port}/stream", compression=None, proxy=None, ping_interval=None) as socket:
        await socket.send('{"method":"SUBSCRIBE","params":[],"id":1}')
        await socket.recv()
        began = time.process_time()
        for _ in range(count):
            frame = await socket.recv(decode=False)
            heard = time.perf_counter_ns()
            decoder.decode(frame)
            latencies.append((time.perf_counter_ns() - heard) / 1e9)
        return (time.process_time() - began) / count, latencies


async def ours(port: int, count: int) -> Result:
    market = BinanceMarketData(
        "binance",
        rest_url=f"http://127.0.0.1:{port}",
        ws_url=f"ws://127.0.0.1:{port}",
        cache_dir=Path(tempfile.gettempdir()),
        clock=SystemClock(),
        market=WallMarketClock(),
        meters=Meters(),
    )
    names = [f"S{number:03d}" for number in range(SYMBOLS)]
    instruments = [Instrument("binance", f"{n}/USDT", f"{n}USDT", n, "USDT", 0.01, 0.01) for n in names]
    latencies: list[float] = []
    seen = 0
    began = time.process_time()
    async with market.stream(instruments, frozenset({Channel.TRADE})) as stream:
        async for received in stream:
            for event in received.events:
                if isinstance(event, Trade):
                    seen += 1
                    latencies.append((time.perf_counter_ns() - received.received_ns) / 1e9)
                    if seen % 256 == 0:
                        await asyncio.sleep(0)
            if seen == 1:
                began = time.process_time()
            if seen == count:
                break
        cpu = (time.process_time() - began) / count
    await market.close()
    return cpu, latencies


async def ccxt_pro(port: int, count: int) -> Result:
    import ccxt.pro

    exchange: Any = ccxt.pro.binance()
    exchange.newUpdates = True
    market = exchange.safe_market("S000USDT", None, None, "spot")
    market |= {"id": "S000USDT", "symbol": "S000/USDT", "type": "spot", "spot": True, "lowercaseId": "s000usdt"}
    exchange.set_markets([market])
    exchange.urls["api"]["ws"]["spot"] = f"ws://127.0.0.1:{port}/ws"
    last_id = 0
    began = time.process_time()
    while last_id < count:  # it keeps the newest 1,000 only, so counting them would not end
        last_id = int((await exchange.watch_trades("S000/USDT"))[-1]["id"])
    cpu = (time.process_time() - began) / count
    await exchange.close()
    return cpu, []


def run(
    work: Callable[[int, int], Coroutine[Any, Any, Result]], count: int, *, rate: float = 0.0, symbols: int = SYMBOLS
) -> Result:
    with served(count, rate, symbols) as port:
        return asyncio.run(work(port, count))


def main(count: int, rounds: int) -> None:
    print(f"CPU per trade at full speed, {count:,} trades of {SYMBOLS} symbols, median of {rounds} (µs)")
    medians: dict[str, float] = {}
    for name, work in (("bare websockets + msgspec", bare), ("our adapter", ours)):
        costs = [run(work, count)[0] * 1e6 for _ in range(rounds)]
        medians[name] = statistics.median(costs)
        print(f"  {name:28} {medians[name]:6.2f}   ({', '.join(f'{cost:.2f}' for cost in costs)})")
    print(f"  {'ours / bare':28} {medians['our adapter'] / medians['bare websockets + msgspec']:6.2f}")
    cost = statistics.median(run(ccxt_pro, count // 5, symbols=1)[0] * 1e6 for _ in range(rounds))
    print(f"  {'ccxt.pro watch_trades':28} {cost:6.2f}   (one symbol)")
    print(f"  {'ours / ccxt.pro':28} {medians['our adapter'] / cost:6.2f}")
    rate = 2000.0
    print(f"From our first line to the value in hand, {rate:,.0f} trades/s (µs)")
    for name, work in (("bare websockets + msgspec", bare), ("our adapter", ours)):
        cpu, latencies = run(work, 10_000, rate=rate)
        steps = statistics.quantiles(latencies, n=1000)
        print(f"  {name:28} p50 {steps[499] * 1e6:7.1f}  p99 {steps[989] * 1e6:7.1f}  CPU {cpu * 1e6:6.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    main(arguments.count, arguments.rounds)
