"""The registry on disk, as users and rules change it."""

from pathlib import Path

import pytest
from msgspec import structs

from alphaplus_tui.errors import FatalError, UnknownName, UsageError
from alphaplus_tui.models.keeper import RegistryKeeper
from tests.fakes.artefacts import START_NS, a_registry, shelve


@pytest.fixture
def keeper(tmp_path: Path) -> RegistryKeeper:
    registry = a_registry(tmp_path)
    for name in ("m1", "m2"):
        shelve(registry, name)
    return RegistryKeeper(tmp_path, lambda: START_NS)


def stages(keeper: RegistryKeeper) -> dict[str, tuple[str, bool]]:
    return {record.id: (record.stage, record.pinned) for record in keeper.records()}


def test_records_say_what_the_manifests_say_newest_first(keeper: RegistryKeeper) -> None:
    newest, older = keeper.records()
    assert (newest.id, older.id) == ("m2", "m1")
    assert older == structs.replace(newest, id="m1", added_at=older.added_at, changed_at=older.changed_at)
    assert (older.timeframe, older.engines, older.verdict) == ("5m", ("linear",), "edge: +9.0 bps per signal")
    assert (older.metrics, older.rows, older.trouble) == ({"pooled_brier": 0.6}, 1000, "")
    assert keeper.report("m1") == "{}"


def test_promoting_pinning_and_rolling_back(keeper: RegistryKeeper) -> None:
    keeper.promote("m1", "better", by_user=False)
    keeper.pin("m2")
    assert stages(keeper) == {"m1": ("retired", False), "m2": ("champion", True)}
    with pytest.raises(UsageError, match="pinned"):
        keeper.promote("m1", "better", by_user=False)
    assert keeper.roll_back() == "m1"
    assert stages(keeper) == {"m1": ("champion", True), "m2": ("retired", False)}
    keeper.unpin()
    keeper.promote("m2", "better", by_user=False)
    assert stages(keeper) == {"m1": ("retired", False), "m2": ("champion", False)}


def test_a_model_that_was_altered_is_listed_with_its_trouble_and_cannot_serve(
    keeper: RegistryKeeper, tmp_path: Path
) -> None:
    file = tmp_path / "m1" / "linear.onnx"
    file.write_bytes(file.read_bytes()[:-1])
    troubled = {record.id: record for record in keeper.records()}["m1"]
    assert "altered" in troubled.trouble
    assert (troubled.stage, troubled.verdict) == ("candidate", "")
    with pytest.raises(FatalError, match="altered"):
        keeper.promote("m1", "by the user", by_user=True)
    with pytest.raises(UnknownName, match="m2"):
        keeper.promote("m3", "by the user", by_user=True)


def test_without_a_folder_there_are_no_models(tmp_path: Path) -> None:
    assert RegistryKeeper(tmp_path / "models", lambda: START_NS).records() == ()
