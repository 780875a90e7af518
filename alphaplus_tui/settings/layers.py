"""Reads the sources of the settings into flat layers: each value under its path, with where it came from."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias, cast

from pydantic import BaseModel

from alphaplus_tui.errors import ConfigError
from alphaplus_tui.settings.secret_names import is_secret_variable

PREFIX = "ALPHAPLUS_"
SEPARATOR = "__"
_MOST_BYTES = 1_000_000

KeyPath: TypeAlias = tuple[str, ...]
Layer: TypeAlias = dict[KeyPath, tuple[object, str]]
"""Path of a key → (its value, its origin)."""


def flatten(tree: Mapping[str, object], above: KeyPath = ()) -> dict[KeyPath, object]:
    """Every leaf of nested tables under its path; an empty table is a leaf."""
    leaves: dict[KeyPath, object] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            leaves.update(flatten(cast("Mapping[str, object]", value), (*above, key)))
        else:
            leaves[*above, key] = value
    return leaves


def merge(layer: Layer, problems: list[str]) -> dict[str, object]:
    """Nested tables again; a value and a table under one key are a problem."""
    tree: dict[str, object] = {}
    for path, (value, origin) in sorted(layer.items()):
        table = tree
        for depth, key in enumerate(path[:-1]):
            below = table.setdefault(key, {})
            if not isinstance(below, dict):
                problems.append(f"{origin}: {'.'.join(path[: depth + 1])} is a value, not a table")
                break
            table = cast("dict[str, object]", below)
        else:
            if value == {}:
                table.setdefault(path[-1], {})
            else:
                table[path[-1]] = value
    return tree


def file_layer(file: Path, *, must_exist: bool, problems: list[str]) -> Layer | None:
    """What the file says; None when there is none. Secrets in it are problems; a file that is no TOML raises."""
    tree = _read(file, must_exist=must_exist)
    if tree is None:
        return None
    layer: Layer = {path: (value, f"file {file}") for path, value in flatten(tree).items()}
    if layer.pop(("database", "password"), None) is not None:
        problems.append(
            f"file {file}: database.password: a password does not belong here; delete the line and set the "
            "environment variable ALPHAPLUS_DATABASE__PASSWORD, or use ~/.pgpass"
        )
    return layer


def _read(file: Path, *, must_exist: bool) -> dict[str, object] | None:
    try:
        with file.open("rb") as stream:
            raw = stream.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        if must_exist:
            raise ConfigError(f"file {file}: there is no such file; `alphaplus config init` writes one") from None
        return None
    except OSError as error:
        raise ConfigError(f"file {file}: cannot be read ({error.strerror or error})") from None
    if len(raw) > _MOST_BYTES:
        raise ConfigError(f"file {file}: larger than 1 MB; this is no configuration")
    try:
        return tomllib.loads(raw.decode())
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"file {file}: line {line}: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"file {file}: not valid TOML: {error}") from None


def environment_layer(environ: Mapping[str, str], known: type[BaseModel], problems: list[str]) -> Layer:
    """What ``ALPHAPLUS_SECTION__KEY`` variables say."""
    layer: Layer = {}
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or is_secret_variable(name):
            continue
        section, *below = name.removeprefix(PREFIX).lower().split(SEPARATOR)
        if below:
            layer[section, *below] = (value, f"environment {name}")
        elif section in known.model_fields:
            problems.append(f"environment {name}: names a section; a value is set by {name}{SEPARATOR}KEY")
    return layer


def origin_of(path: Iterable[str], layer: Layer) -> tuple[KeyPath, object, str] | None:
    """The leaf that ``path`` lies in, or the first one below it: (its path, value, origin)."""
    wanted = tuple(path)
    for length in range(len(wanted), 0, -1):
        leaf = layer.get(wanted[:length])
        if leaf is not None:
            return wanted[:length], *leaf
    for below, leaf in sorted(layer.items()):
        if below[: len(wanted)] == wanted:
            return below, *leaf
    return None
