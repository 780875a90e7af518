"""The options that every command takes, before or after its name, and what they come to."""

# ruff: noqa: PLC0415  settings are imported when they are read, so that --help is instant

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pydantic import SecretStr

    from alphaplus_tui.domain.timeframe import Timeframe
    from alphaplus_tui.settings.paths import Mode, Paths
    from alphaplus_tui.settings.root import Loaded
    from alphaplus_tui.settings.vault import Vault

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
        loaded = load_settings(
            self.config or user_config_file(),
            must_exist=self.config is not None,
            command_line=said,
            exchanges=exchange_names(),
        )
        return loaded if loaded.settings.database.embedded else with_password(loaded, self.vault())

    def vault(self) -> Vault:
        """Where secrets are kept."""
        from alphaplus_tui.settings.paths import user_secrets_file
        from alphaplus_tui.settings.vault import Vault

        return Vault(user_secrets_file())

    def addresses(self, loaded: Loaded) -> dict[str, SecretStr]:
        """The Apprise URLs of the channels that the settings name; those that cannot be had are left out."""
        from alphaplus_tui.settings.vault import NoKeyring

        found: dict[str, SecretStr] = {}
        vault = self.vault()
        for channel in loaded.settings.alerts.every_channel:
            with suppress(NoKeyring):  # the service and the doctor say which are missing
                if (secret := vault.find(channel)) is not None:
                    found[channel] = secret.value
        return found

    def paths(self, loaded: Loaded, mode: Mode | None = None) -> Paths:
        """The folders of this run; ``mode`` by the exchange unless it is said."""
        from alphaplus_tui.settings.paths import locate

        return locate(mode or mode_of(loaded), data_dir=self.data_dir)


def with_password(loaded: Loaded, vault: Vault) -> Loaded:
    """With the database's password where a secret holds it; without one ~/.pgpass may."""
    from alphaplus_tui.settings.secret_names import DATABASE_PASSWORD
    from alphaplus_tui.settings.vault import NoKeyring

    if loaded.settings.database.password is not None:
        return loaded
    try:
        found = vault.find(DATABASE_PASSWORD)
    except NoKeyring:
        found = None
    if found is None:
        return loaded
    database = loaded.settings.database.model_copy(update={"password": found.value})
    settings = loaded.settings.model_copy(update={"database": database})
    return replace(loaded, settings=settings, origins={**loaded.origins, DATABASE_PASSWORD: found.origin})


def mode_of(loaded: Loaded) -> Mode:
    return "demo" if loaded.settings.exchange.id == "demo" else "live"


def wishes(context: typer.Context) -> Wishes:
    found = context.find_object(Wishes)
    assert found is not None, "the root of the command line sets it"
    return found


def check_span(since: int | None, until: int | None) -> None:
    """UsageError for a stretch of time (UTC ns) that ends before it begins."""
    from alphaplus_tui.errors import UsageError

    if since is not None and until is not None and since >= until:
        raise UsageError("--since is not before --until")


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


def timeframe_of(name: str) -> Timeframe:
    """UsageError where there is none of this name."""
    from alphaplus_tui.domain.timeframe import parse_timeframe
    from alphaplus_tui.errors import UnknownName, UsageError

    try:
        return parse_timeframe(name)
    except UnknownName as error:
        raise UsageError(f"--timeframe: {error}") from None


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
