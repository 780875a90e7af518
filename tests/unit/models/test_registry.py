"""The registry: candidates become champions, champions retire, the user pins and rolls back, and nothing is lost."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec import structs

from alphaplus_tui.errors import UnknownName, UsageError
from alphaplus_tui.models.artefact import ModelRefused
from alphaplus_tui.models.promotion import DayDifference, judge_promotion
from alphaplus_tui.models.registry import Registry, Stage
from tests.unit.models.making import graph, manifest

FILES = {"own.onnx": graph(), "report.json": b"{}"}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    moments = iter(range(1_000_000))
    made = Registry(tmp_path / "models", lambda: next(moments))
    for name in ("a", "b", "c"):
        made.add(manifest(name), FILES)
    return made


def stages(registry: Registry) -> dict[str, str]:
    return {entry.id: entry.stage.value for entry in registry.index.entries}


def test_a_new_model_is_a_candidate_and_the_newest_challenges(registry: Registry) -> None:
    assert set(stages(registry).values()) == {"candidate"}
    assert registry.champion is None
    assert registry.challenger is not None
    assert registry.challenger.id == "c"


def test_a_promoted_model_serves_and_the_old_one_retires(registry: Registry) -> None:
    registry.promote("a", "first")
    registry.promote("b", "better")
    assert stages(registry) == {"a": "retired", "b": "champion", "c": "candidate"}
    assert registry.entry("b").reason == "better"
    assert registry.promote("b", "again").stage is Stage.CHAMPION


def test_rolling_back_walks_through_earlier_champions_and_pins(registry: Registry) -> None:
    for name in ("a", "b", "c"):
        registry.promote(name, "better")
    assert registry.rollback().id == "b"
    assert registry.rollback().id == "a"
    assert stages(registry) == {"a": "champion", "b": "retired", "c": "retired"}
    with pytest.raises(UsageError, match="no earlier champion"):
        registry.rollback()
    with pytest.raises(UsageError, match="pinned"):
        registry.promote("c", "drift", by_user=False)


def test_a_pinned_champion_is_changed_by_the_user_only(registry: Registry) -> None:
    registry.pin("a")
    with pytest.raises(UsageError, match="pinned"):
        registry.promote("b", "retrained", by_user=False)
    registry.promote("b", "I want it")
    registry.unpin()
    registry.promote("c", "retrained", by_user=False)
    assert registry.champion is not None
    assert registry.champion.id == "c"


def test_an_altered_model_is_not_promoted_and_the_champion_stays(registry: Registry) -> None:
    registry.promote("a", "first")
    file = registry.path("b") / "own.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelRefused):
        registry.promote("b", "better")
    assert registry.champion is not None
    assert registry.champion.id == "a"


def test_another_process_sees_what_was_written(registry: Registry, tmp_path: Path) -> None:
    registry.promote("a", "first")
    assert stages(Registry(tmp_path / "models", lambda: 0)) == stages(registry)


def test_models_that_come_from_many_sides_at_once_are_all_kept(registry: Registry, tmp_path: Path) -> None:
    def add(number: int) -> None:
        mine = Registry(tmp_path / "models", lambda: 1)
        mine.add(manifest(f"n{number}"), FILES)
        mine.promote(f"n{number}", "first")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    found = stages(registry)
    assert set(found) == {"a", "b", "c", *(f"n{number}" for number in range(24))}
    assert sorted(found.values()).count("champion") == 1
    assert sorted(found.values()).count("retired") == 23
    assert len(registry.index.before) == 23


def test_a_model_with_other_features_or_a_known_name_is_not_taken(registry: Registry) -> None:
    profile = structs.replace(manifest("x").features[0], version=2)
    with pytest.raises(ModelRefused, match="version 2"):
        registry.add(structs.replace(manifest("x"), features=(profile, *manifest("x").features[1:])), FILES)
    with pytest.raises(UsageError, match="already"):
        registry.add(manifest("a"), FILES)
    with pytest.raises(UnknownName):
        registry.promote("nobody", "")


def test_a_broken_index_is_said(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "models" / "registry.json").write_text("{")
    with pytest.raises(ModelRefused, match=r"registry\.json"):
        _ = registry.champion


def days(differences: list[float], rows: int = 300) -> list[DayDifference]:
    return [DayDifference(day, rows, rows * difference) for day, difference in enumerate(differences)]


def test_a_candidate_is_promoted_when_it_is_better_beyond_doubt() -> None:
    assert judge_promotion(days([-0.02, -0.01, -0.03, -0.015] * 5)).promoted


@pytest.mark.parametrize(
    ("differences", "rows", "why"),
    [
        ([0.02, 0.01, 0.03] * 5, 300, "cannot be excluded"),
        ([-0.03, 0.02, -0.02, 0.025] * 5, 300, "cannot be excluded"),
        ([-0.03] * 5, 300, "1500 candles compared"),
        ([-0.03], 3000, "single day"),
    ],
)
def test_a_worse_a_doubtful_or_a_little_tested_candidate_never_is(
    differences: list[float], rows: int, why: str
) -> None:
    answer = judge_promotion(days(differences, rows))
    assert not answer.promoted
    assert why in answer.reason
