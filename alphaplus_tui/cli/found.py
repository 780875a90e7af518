"""Finds the running AlphaPlus that a command means."""

from __future__ import annotations

import time
from pathlib import Path

from alphaplus_tui.cli.options import Wishes, mode_of
from alphaplus_tui.errors import AlphaPlusError
from alphaplus_tui.settings.engine_lock import EngineInfo, running
from alphaplus_tui.settings.paths import Mode, Paths, locate

_MODES: tuple[Mode, ...] = ("live", "demo", "replay")
_SAYS_WITHIN_S = 1.0
_POLL_S = 0.05


class NotRunning(AlphaPlusError):
    title = "Not running"


def find_running(wishes: Wishes) -> tuple[Path, EngineInfo]:
    """Who uses the settings' own data folder, else another mode's; ``NotRunning`` when nobody does."""
    folders = list(dict.fromkeys(paths.data for paths in _candidates(wishes)))
    for folder in folders:
        info = running(folder)
        if info is not None:
            return folder, info
    start = "alphaplus --demo" if wishes.demo else "alphaplus"
    raise NotRunning(f"no AlphaPlus uses {folders[0]}; start one with `{start}` or `{start} --headless`")


def find_folders(wishes: Wishes) -> Paths:
    """The folders of the running AlphaPlus, or where none runs, or the demo was asked for, the settings' own."""
    candidates = _candidates(wishes)
    return next((paths for paths in candidates if running(paths.data) is not None), candidates[0])


def _candidates(wishes: Wishes) -> list[Paths]:
    """The settings' own folders, then those of each mode; where the demo was asked for, its own alone."""
    usual = mode_of(wishes.load())
    modes = (usual,) if wishes.demo else (usual, *_MODES)
    return [locate(mode, data_dir=wishes.data_dir) for mode in modes]


def running_engine(data: Path) -> EngineInfo | None:
    """The engine of ``data`` with its control socket, waited for a moment while it starts; None when none runs."""
    deadline = time.monotonic() + _SAYS_WITHIN_S
    while (info := running(data)) is not None and not info.is_command:
        if info.control_socket is not None:
            return info
        if time.monotonic() > deadline:
            return None
        time.sleep(_POLL_S)
    return None
