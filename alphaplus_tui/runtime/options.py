"""What an engine is told beside its settings."""

from pathlib import Path

from msgspec import Struct


class ReplayOptions(Struct, frozen=True):
    """What to play instead of following an exchange."""

    files: tuple[Path, ...]
    exchange: str = "binance"
    speed: float | None = 1.0
    """1: the recording's own pace; None: as fast as it goes."""
