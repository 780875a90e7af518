"""Which running AlphaPlus a command means."""

from pathlib import Path

import pytest

from alphaplus_tui.cli.found import NotRunning, find_folders, find_running
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.settings.engine_lock import acquire
from alphaplus_tui.settings.paths import locate


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))


def test_who_asks_for_the_demo_means_no_other_mode() -> None:
    live, demo = locate("live"), locate("demo")
    live.prepare()
    with acquire(live.data):
        assert find_running(Wishes(0.0))[0] == live.data
        assert find_folders(Wishes(0.0)).data == live.data
        with pytest.raises(NotRunning, match=r"no AlphaPlus uses .*demo; start one with `alphaplus --demo`"):
            find_running(Wishes(0.0, demo=True))
        assert find_folders(Wishes(0.0, demo=True)).data == demo.data
