"""The HTTP API: how fast health is told, also with everything outside frozen or gone, and what a flood costs."""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

from tests.e2e.harness import Program, pointed_at, started
from tests.support_simulator import running_simulator

HEALTH = ("/livez", "/readyz")
FLOODERS = 64


@dataclass
class Asked:
    """What asking one path again and again came to."""

    path: str
    ms: list[float] = field(default_factory=list[float])
    statuses: Counter[int] = field(default_factory=Counter[int])

    def __str__(self) -> str:
        ordered = sorted(self.ms)
        told = ", ".join(f"{count} × {status}" for status, count in sorted(self.statuses.items()))
        return f"p50 {_at(ordered, 0.5):>7.2f} ms   p99 {_at(ordered, 0.99):>7.2f} ms   ({told})"


async def main(seconds: float, symbols: int, rate: float) -> int:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with running_simulator(symbols=symbols, rate=rate, weight_per_minute=1_000_000) as market:
            extra = pointed_at(market.rest_url, market.ws_url)
            async with started(home, "--headless", extra=extra) as program:
                url = (await program.line("ready", within_s=120))["api"]
                token = (program.data / "api-token").read_text().strip()
                await _ready(url, token)
                print(f"{symbols} symbols, {rate:g} trades/s, {seconds:g} s each")
                await _tell("quiet", await _health(url, token, seconds))
                before = await _metrics(url, token)
                flood, told = await asyncio.gather(_flood(url, seconds), _health(url, token, seconds))
                after = await _metrics(url, token)
                await _tell("in a flood", told)
                print(f"  the flood            {FLOODERS} clients: {flood}")
                for name in ("wire_to_state", "event_loop_lag"):
                    print(f"  {name:<20} p99 of the flood at most {_p99_ms(before, after, name):.3f} ms")
                servers = _servers(program)
                for server in servers:
                    server.suspend()
                market.process.kill()
                await _tell("database frozen, exchange gone", await _health(url, token, seconds))
                for server in servers:
                    with suppress(psutil.NoSuchProcess):
                        server.resume()
    return 0


async def _ready(url: str, token: str) -> None:
    """The database of a fresh folder is made while markets are followed already."""
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as http, asyncio.timeout(120):
        while True:
            async with http.get(url + "/readyz") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.25)


async def _tell(when: str, found: list[Asked]) -> None:
    for one in found:
        print(f"  {one.path:<8} {when:<32} {one}")


async def _health(url: str, token: str, seconds: float) -> list[Asked]:
    """Fifty times a second, one connection each."""
    found = [Asked(path) for path in HEALTH]
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            for one in found:
                began = time.perf_counter()
                try:
                    async with http.get(url + one.path) as answer:
                        await answer.read()
                        one.statuses[answer.status] += 1
                    one.ms.append((time.perf_counter() - began) * 1e3)
                except aiohttp.ClientError:
                    one.statuses[0] += 1  # refused at accept
            await asyncio.sleep(0.02)
    return found


async def _flood(url: str, seconds: float) -> str:
    """Clients without a token that ask as fast as they are answered, and dial again when they are refused."""
    seen: Counter[str] = Counter()
    ends_at = time.monotonic() + seconds
    host, port = url.removeprefix("http://").split(":")

    async def one() -> None:
        request = f"GET /api/v1/tickers HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        while time.monotonic() < ends_at:
            try:
                reader, writer = await asyncio.open_connection(host, int(port))
                while time.monotonic() < ends_at:
                    writer.write(request)
                    line = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
                    seen[line.split()[1].decode()] += 1
                    length = int(line.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                    await reader.readexactly(length)
                writer.close()
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                seen["refused"] += 1
                await asyncio.sleep(0.005)

    await asyncio.gather(*(one() for _ in range(FLOODERS)))
    return ", ".join(f"{count} × {what}" for what, count in sorted(seen.items()))


def _servers(program: Program) -> list[psutil.Process]:
    return [process for process in program.family() if process.name() == "postgres"]


async def _metrics(url: str, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    while True:
        with suppress(aiohttp.ClientError):  # the flood's connections may not be gone yet
            async with aiohttp.ClientSession(headers=headers) as http, http.get(url + "/metrics") as answer:
                if answer.status == 200:
                    return await answer.text()
        await asyncio.sleep(0.1)


def _p99_ms(before: str, after: str, name: str) -> float:
    """The bound of the bucket that holds the 99th percentile of what came between two scrapes."""
    then, now = _buckets(before, name), _buckets(after, name)
    seen = {bound: count - then.get(bound, 0.0) for bound, count in now.items()}
    wanted = 0.99 * max(seen.values())
    return min(bound for bound, count in seen.items() if count >= wanted) * 1e3


def _buckets(metrics: str, name: str) -> dict[float, float]:
    """How many were not above each bound, in seconds."""
    found = re.findall(rf'^alphaplus_{name}_seconds_bucket{{le="([^"]+)"}} (\S+)$', metrics, re.MULTILINE)
    return {float(bound): float(count) for bound, count in found}


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--rate", type=float, default=2000.0)
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.seconds, asked.symbols, asked.rate)))
