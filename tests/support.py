"""What tests of every kind need: waiting for a condition, and the recorded market data."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("ALPHAPLUS_TEST_DATA", str(REPOSITORY.parent / "shared" / "data")))
"""Where the recorded market data are, if they are."""


async def eventually(condition: Callable[[], object], *, within_s: float = 10.0) -> None:
    """Give way until ``condition()`` is true; fail, naming it, when it is not within ``within_s``."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not condition():
        if loop.time() > deadline:
            pytest.fail(f"not true within {within_s} s: {condition!r}")
        await asyncio.sleep(0.005)


def recorded(path: str) -> Path:
    """A file of the recorded market data, or a skip that says what is missing."""
    found = DATA / path
    if not found.exists():
        pytest.skip(f"no recorded market data at {found}: set ALPHAPLUS_TEST_DATA to the folder that holds it")
    return found


def need_tool(name: str, *, package: str) -> str:
    """The path of a system tool; a skip where it is missing, a failure under ALPHAPLUS_TEST_STRICT=1."""
    from shutil import which

    found = which(name)
    if found:
        return found
    message = f"{name} is not installed: `make system` installs the package {package}"
    if os.environ.get("ALPHAPLUS_TEST_STRICT") == "1":
        pytest.fail(message)
    pytest.skip(message)
