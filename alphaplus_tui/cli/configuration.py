"""``alphaplus config``: shows settings and their origins, writes the documented file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

import typer

from alphaplus_tui.cli.console_settings import check_console_settings
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.errors import UsageError
from alphaplus_tui.resources import read_resource
from alphaplus_tui.settings.layers import flatten
from alphaplus_tui.settings.paths import locate, user_config_file
from alphaplus_tui.settings.root import Loaded, Settings

MASK = "********"


def show(wishes: Wishes, *, origin: bool, as_json: bool) -> None:
    loaded = wishes.load()
    check_console_settings(loaded)
    values = masked(loaded)
    if as_json:
        told = {".".join(path): value for path, value in values.items()}
        if origin:
            typer.echo(json.dumps({key: {"value": value, "origin": loaded.origin(key)} for key, value in told.items()}))
        else:
            typer.echo(json.dumps(told))
        return
    section = ""
    for path, value in values.items():
        if path[0] != section:
            typer.echo(("\n" if section else "") + f"[{path[0]}]")
            section = path[0]
        if len(path) == 1:
            continue  # a section without values
        line = f"{'.'.join(_key(part) for part in path[1:])} = {_toml(value)}"
        typer.echo(f"{line:<50}  # {loaded.origin('.'.join(path))}" if origin else line)


def init(wishes: Wishes, *, force: bool, as_json: bool) -> None:
    file = wishes.config or user_config_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        descriptor = os.open(file, flags, 0o600)
    except FileExistsError:
        raise UsageError(f"{file} is there already; --force replaces it") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(read_resource("config/alphaplus.toml"))
    if as_json:
        typer.echo(json.dumps({"event": "config", "file": str(file)}))
    else:
        typer.echo(file)


def path(wishes: Wishes, *, as_json: bool) -> None:
    file = wishes.config or user_config_file()
    if not as_json:
        typer.echo(file)
        return
    folders = {mode: str(locate(mode, data_dir=wishes.data_dir).data) for mode in ("live", "demo", "replay")}
    cache = locate("live").cache
    typer.echo(json.dumps({"config": str(file), "exists": file.exists(), "data": folders, "cache": str(cache)}))


def schema() -> None:
    json.dump(Settings.model_json_schema(), sys.stdout, indent=2)
    typer.echo()


def masked(loaded: Loaded) -> Mapping[tuple[str, ...], object]:
    values = flatten(loaded.settings.model_dump(mode="json"))
    return {path: MASK if path[-1] == "password" and value is not None else value for path, value in values.items()}


def _key(part: str) -> str:
    return part if part.replace("_", "").replace("-", "").isalnum() else json.dumps(part)


def _toml(value: object) -> str:
    return '""' if value is None else json.dumps(value, ensure_ascii=False)
