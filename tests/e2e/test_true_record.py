"""The stored record is what happened, whatever went wrong meanwhile; bench_havoc does the same for ten minutes."""

from pathlib import Path

import pytest

from tests.e2e.havoc import die_again_and_again, endure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("machine")]


async def test_frames_lost_doubled_mixed_up_and_late_and_connections_cut_at_random_change_nothing(
    tmp_path: Path,
) -> None:
    verdict = await endure(tmp_path, seconds=10, seed=11)
    assert verdict.differences == []
    assert (verdict.restarts, verdict.gaps_open) == (0, 0)
    assert verdict.cuts >= 5
    assert verdict.trades > 500
    assert verdict.backfilled > 0


async def test_killed_at_random_instants_it_goes_on_with_nothing_lost_and_nothing_twice(tmp_path: Path) -> None:
    verdict = await die_again_and_again(tmp_path, kills=3, seed=12)
    assert verdict.differences == []
    assert verdict.gaps_open == 0
    assert verdict.kills == 3
    assert verdict.trades > 500
