"""What an engine is told beside its settings."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct


class ReplayOptions(Struct, frozen=True):
    """What to play instead of following an exchange."""

    files: tuple[Path, ...]
    exchange: str = "binance"
    speed: float | None = 1.0
    """1: the recording's own pace; None: as fast as it goes."""


def replay_options(files: Sequence[Path], *, exchange: str, speed: float | None) -> ReplayOptions:
    """exchange: whose the recordings are where they do not say so themselves. speed: as in ``ReplayOptions``."""
    from alphaplus_tui.exchanges.recording import recorded_exchange  # noqa: PLC0415  only a replay needs it

    return ReplayOptions(tuple(files), recorded_exchange(files) or exchange, speed)
