"""Runs every benchmark, one after the other, and prints what each prints; ``--long`` for the ten-minute versions."""

import argparse
import subprocess
import sys
import time

BENCHES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("bench_start", (), ()),
    ("bench_wire", (), ()),
    ("bench_candles", (), ()),
    ("bench_spine", (), ()),
    ("bench_storage", (), ()),
    ("bench_coverage", (), ("--rows", "20000000")),
    ("bench_books", (), ("--rounds", "200")),
    ("bench_console", (), ()),
    ("learning_serving", (), ()),
    ("bench_inference", (), ()),
    ("bench_decisions", (), ()),
    ("bench_api", (), ("--seconds", "60")),
    ("bench_headless", ("--seconds", "60"), ("--seconds", "600")),
    ("bench_attach", ("--seconds", "60"), ("--seconds", "600")),
    ("bench_headless", ("--seconds", "60", "--cut"), ("--seconds", "600", "--cut")),
    ("bench_havoc", ("--seconds", "60", "--kills", "5"), ("--seconds", "600", "--cuts", "1000", "--kills", "50")),
)
"""Module, its options, and its options in the long version."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("only", nargs="*", help="names such as start or wire; all when left out")
    asked = parser.parse_args()
    failed: list[str] = []
    for module, options, long_options in BENCHES:
        name = module.removeprefix("bench_").removeprefix("learning_")
        if asked.only and name not in asked.only:
            continue
        chosen = long_options if asked.long else options
        print(f"\n== {name} {' '.join(chosen)}".rstrip(), flush=True)
        began = time.monotonic()
        code = subprocess.call([sys.executable, "-m", f"tests.bench.{module}", *chosen])
        print(f"   ({time.monotonic() - began:.0f} s)", flush=True)
        if code:
            failed.append(name)
    if failed:
        print(f"\nwithout a result: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
