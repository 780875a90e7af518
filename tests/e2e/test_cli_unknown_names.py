"""Names that are not known end every command in the same way, with or without a running AlphaPlus."""

import asyncio
from pathlib import Path

from tests.e2e.harness import run, started

OF_THE_FOLDER = (
    ("models", "promote", "nope"),
    ("train", "--symbol", "NOPE/USDT"),
    ("why", "NOPE/USDT"),
)
"""Answered by the engine where one runs."""
OTHERS = (
    ("models", "show", "nope"),
    ("alerts", "list", "--symbol", "NOPE/USDT"),
    ("export", "trades", "--symbol", "NOPE/USDT"),
    ("export", "candles", "--timeframe", "7m"),
    ("backfill", "--symbol", "NOPE/USDT", "--since", "2026-01-01", "--timeframe", "1m"),
    ("secrets", "delete", "nope"),
)


async def _is_wrong_usage(home: Path, arguments: tuple[str, ...]) -> None:
    done = await run(home, *arguments, "--demo")
    assert (done.code, done.stdout) == (2, ""), (arguments, done)
    assert "known: " in done.stderr or "did you mean" in done.stderr, arguments


async def test_an_unknown_name_is_wrong_usage_whether_alphaplus_runs_or_not(tmp_path: Path) -> None:
    async with started(tmp_path, "--headless", "--demo") as engine:
        await engine.line("ready", within_s=60)
        await asyncio.gather(*(_is_wrong_usage(tmp_path, arguments) for arguments in (*OF_THE_FOLDER, *OTHERS)))
    for arguments in OF_THE_FOLDER:
        await _is_wrong_usage(tmp_path, arguments)
