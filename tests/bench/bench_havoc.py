"""Ten minutes of everything going wrong at once, or a program killed again and again: is the record still true?"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.havoc import Verdict, die_again_and_again, endure


async def main(seconds: float, cuts: int, kills: int, seed: int, symbols: int, rate: float) -> int:
    verdicts: list[Verdict] = []
    for name, wanted in (("havoc", seconds), ("kills", kills)):
        if not wanted:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            if name == "havoc":
                verdict = await endure(home, seconds=seconds, cuts=cuts, seed=seed, symbols=symbols, rate=rate)
            else:
                verdict = await die_again_and_again(home, kills=kills, seed=seed, symbols=symbols, rate=rate)
        print(f"{name}, seed {seed}, {symbols} symbols, {rate:g} trades/s asked, {time.monotonic() - began:.0f} s")
        for line in verdict.lines():
            print(f"  {line}")
        verdicts.append(verdict)
    return 1 if any(verdict.differences or verdict.gaps_open for verdict in verdicts) else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_havoc", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of havoc, at least (%(default)s)")
    parser.add_argument("--cuts", type=int, default=0, help="until so many connections were cut (%(default)s)")
    parser.add_argument("--kills", type=int, default=5, help="how often it is killed (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--symbols", type=int, default=10)
    parser.add_argument("--rate", type=float, default=200.0)
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.seconds, asked.cuts, asked.kills, asked.seed, asked.symbols, asked.rate)))
