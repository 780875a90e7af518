"""The sections of the settings that are small: database, console, keys, log."""

import re
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from alphaplus_tui.settings.section import Section

EMBEDDED = "embedded"


def _check_database_url(url: str) -> str:
    if url == EMBEDDED:
        return url
    try:
        parts = urlsplit(url)
        password, _ = parts.password, parts.port
        in_query = "password" in parse_qs(parts.query, keep_blank_values=True)
    except ValueError as error:
        raise ValueError(f"must be {EMBEDDED!r} or postgresql://user@host:port/name ({error})") from None
    if password is not None or in_query:
        raise ValueError(
            "must hold no password; take it out and put it into the environment variable "
            "ALPHAPLUS_DATABASE__PASSWORD or into ~/.pgpass"
        )
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError(f"must be {EMBEDDED!r} or postgresql://user@host:port/name")
    return url


class DatabaseSettings(Section):
    """Where everything is kept."""

    url: Annotated[str, AfterValidator(_check_database_url)] = EMBEDDED
    """``embedded``, or ``postgresql://user@host:port/name`` without a password."""
    password: SecretStr | None = None
    """Only from the environment: ALPHAPLUS_DATABASE__PASSWORD."""
    pool_max_size: Annotated[int, Field(ge=2, le=100)] = 8
    """Connections at most."""
    statement_timeout_s: Annotated[float, Field(ge=0.1, le=3600)] = 10.0
    """The longest a query may take."""
    spool_max_mb: Annotated[int, Field(ge=64, le=1_000_000)] = 2048
    """Disk that may hold what waits for the database."""
    retain_trades_days: Annotated[int, Field(ge=0, le=36_500)] = 30
    """Age at which trades are deleted; 0 keeps them for ever."""
    retain_decisions_days: Annotated[int, Field(ge=0, le=36_500)] = 90
    """Age at which decisions are deleted; signals stay; 0 keeps them for ever."""
    retain_events_days: Annotated[int, Field(ge=0, le=36_500)] = 365
    """Age at which alerts, and what services did, are deleted; 0 keeps them for ever."""
    retain_candles_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    """Age at which candles are deleted; 0 keeps them for ever."""

    @property
    def embedded(self) -> bool:
        return self.url == EMBEDDED


class UiSettings(Section):
    """How the console looks; belongs to whoever looks, not to the engine."""

    theme: Annotated[str, Field(min_length=1, max_length=64)] = "alphaplus"
    """The name of a theme; the palette of the console lists them."""
    up_color: Literal["green", "red", "blue"] = "green"
    """The colour of rising prices; falling ones take the opposite."""
    symbols: Literal["braille", "block", "ascii"] = "braille"
    """What charts are drawn with."""
    fps: Annotated[int, Field(ge=1, le=30)] = 10
    """Frames per second at most."""
    bell: bool = False
    """Whether the terminal's bell rings with each alert."""
    desktop: Literal["off", "osc9", "osc777", "notify-send"] = "osc9"
    """How an alert reaches the desktop: by an escape sequence that the terminal turns into a notification, or by the
    program notify-send of this machine."""


class LoggingSettings(Section):
    """What is written to the log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important that is written."""
    max_mb: Annotated[int, Field(ge=1, le=1000)] = 20
    """Size at which a log file is put aside; five of them are kept."""


_KEYS = re.compile(r"[^\s,]+(?:\s*,\s*[^\s,]+)*")


def _check_keys(keys: str) -> str:
    if not _KEYS.fullmatch(keys.strip()):
        raise ValueError("must be a key such as 'f5' or 'ctrl+r', or several with commas between")
    return keys


ActionId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.\-]{0,63}$")]
Keys = Annotated[str, AfterValidator(_check_keys)]
