"""What stays is not looked through, and what comes later still is."""

import gc
from collections.abc import Generator

import pytest

from alphaplus_tui.cli import collector


@pytest.fixture(autouse=True)
def as_it_was() -> Generator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_once_started_only_what_came_later_is_looked_through() -> None:
    collector.starting()
    kept = [[number] for number in range(1_000)]
    collector.started()
    assert gc.get_freeze_count() > len(kept)
    later: list[object] = []
    tracked = {id(one) for one in gc.get_objects()}
    assert id(later) in tracked
    assert id(kept) not in tracked


def test_garbage_is_looked_for_more_often_once_it_runs() -> None:
    collector.starting()
    while_it_starts = gc.get_threshold()[0]
    collector.started()
    assert gc.isenabled()
    assert gc.get_threshold()[0] < while_it_starts
