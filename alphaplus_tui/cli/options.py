"""The options that every command takes, before or after its name, and what they come to."""

# ruff: noqa: PLC0415  settings are imported when they are read, so that --help is instant

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from alphaplus_tui.settings.paths import Mode, Paths
    from alphaplus_tui.settings.root import Loaded

_WITH_VALUE = ("--config", "--data-dir", "--log-level")
_FLAGS = ("--demo",)

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def hoist(arguments: Sequence[str]) -> list[str]:
    """The options of every command moved before the command's name; what follows ``--`` stays."""
    first: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            rest += [argument, *waiting]
            break
        if argument in _FLAGS or argument.startswith(tuple(f"{name}=" for name in _WITH_VALUE)):
            first.append(argument)
        elif argument in _WITH_VALUE:
            first += [argument, *waiting[:1]]
            waiting = waiting[1:]
        else:
            rest.append(argument)
    return first + rest


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was said before the command; kept in the context of the command line."""

    started_at: float
    """``time.monotonic()`` at the first line of the program."""
    config: Path | None = None
    data_dir: Path | None = None
    demo: bool = False
    log_level: str | None = None
    headless: bool = False
    duration_s: float | None = None

    def load(self) -> Loaded:
        """The settings; ConfigError with everything that is wrong."""
        from alphaplus_tui.exchanges.registry import exchange_names
        from alphaplus_tui.settings.paths import user_config_file
        from alphaplus_tui.settings.root import load_settings

        said: dict[str, tuple[object, str]] = {}
        if self.demo:
            said["exchange.id"] = ("demo", "--demo")
        if self.log_level is not None:
            said["logging.level"] = (self.log_level, "--log-level")
        return load_settings(
            self.config or user_config_file(),
            must_exist=self.config is not None,
            command_line=said,
            exchanges=exchange_names(),
        )

    def paths(self, loaded: Loaded, mode: Mode | None = None) -> Paths:
        """The folders of this run; ``mode`` by the exchange unless it is said."""
        from alphaplus_tui.settings.paths import locate

        return locate(mode or mode_of(loaded), data_dir=self.data_dir)


def mode_of(loaded: Loaded) -> Mode:
    return "demo" if loaded.settings.exchange.id == "demo" else "live"


def wishes(context: typer.Context) -> Wishes:
    found = context.find_object(Wishes)
    assert found is not None, "the root of the command line sets it"
    return found


def parse_duration(text: str) -> float:
    """Seconds of ``30s``, ``1.5m``, ``2h`` or ``90``."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(number) :] or "s"
    try:
        seconds = float(number) * _SECONDS[unit]
    except (ValueError, KeyError):
        raise typer.BadParameter(f"{text!r} is no duration; write 30s, 5m or 2h") from None
    if not 0 < seconds < 10 * 365 * 86400:
        raise typer.BadParameter(f"{text!r} is no duration that can be waited for; write 30s, 5m or 2h")
    return seconds


def parse_time(text: str) -> int:
    """UTC nanoseconds of a date or time in ISO 8601; without a zone it is UTC."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write 2026-01-31 or 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000) * 1_000_000
