"""Several AlphaPlus on one database divide the instruments: each has one owner, and what a lost one had is taken."""

import asyncio
from random import Random

from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.storage.ownership import Ownership
from alphaplus_tui.storage.pool import Address
from tests.integration.storage.server import connected

NAMES = tuple(f"binance:C{number}/USDT" for number in range(40))


def member(url: str, seed: int, names: tuple[str, ...] = NAMES) -> Ownership:
    return Ownership(Address(dsn=url), names, rng=Random(seed))


async def test_one_alone_owns_everything(url: str) -> None:
    alone = member(url, 1)
    assert await alone.look() == frozenset(NAMES)
    assert await alone.look() == frozenset(NAMES)
    await alone.close()


async def test_a_second_one_gets_its_half_once_the_first_has_let_go(url: str) -> None:
    first, second = member(url, 1), member(url, 2)
    await first.look()
    assert await second.look() == frozenset(), "the first has not heard of it yet"
    kept = await first.look()
    assert len(kept) == 20
    assert await second.look() == frozenset(), "the first follows them still"
    await first.give_back(frozenset(NAMES))
    assert await second.look() == frozenset(), "likewise"
    await first.give_back(kept)
    assert await second.look() == frozenset(NAMES) - kept
    assert await first.look() == kept
    await first.close()
    await second.close()


async def test_what_a_lost_one_had_is_taken_and_the_lost_one_stands_back(url: str) -> None:
    first, second = member(url, 1), member(url, 2)
    await first.look()
    await second.look()
    await first.look()
    await first.give_back(await first.look())
    await second.look()
    async with connected(url) as beside:
        await beside.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objsubid = 2 AND objid = $1", first.member
        )

        async with asyncio.timeout(10):
            while await second.look() != frozenset(NAMES):
                pass
    assert await first.look() == frozenset(), "it is back, and all is the other's"
    await second.look()
    await second.give_back(await second.look())
    assert len(await first.look()) == 20
    await first.close()
    await second.close()


async def test_of_three_nobody_owns_what_another_does(url: str) -> None:
    members = [member(url, seed) for seed in (1, 2, 3)]
    for _ in range(3):
        owned = [await one.look() for one in members]
        assert sum(len(part) for part in owned) == len(frozenset[str]().union(*owned))
        for one in members:
            await one.give_back(await one.look())
    assert [len(await one.look()) for one in members] in ([14, 13, 13], [13, 14, 13], [13, 13, 14])
    for one in members:
        await one.close()


async def test_one_that_looks_no_more_loses_what_it_had(url: str) -> None:
    frozen, other = member(url, 1), member(url, 2)
    await frozen.look()
    assert await other.look() == frozenset()
    clock = SystemClock()
    async with asyncio.timeout(30):
        while await other.look() != frozenset(NAMES):
            await clock.sleep(0.2)  # the server ends a silent session after five seconds
    await other.close()
    await frozen.close()
