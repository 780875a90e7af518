"""``alphaplus secrets``: keeps, names and forgets secrets; a value comes by prompt or stdin and is never shown."""

from __future__ import annotations

import getpass
import json
import sys

import typer

from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.errors import UnknownName, UsageError
from alphaplus_tui.settings.secret_names import DATABASE_PASSWORD, check_secret_name, variables
from alphaplus_tui.settings.vault import NoKeyring, Vault

_LONGEST = 10_000


def keep(wishes: Wishes, name: str, *, in_file: bool, as_json: bool) -> None:
    _check(name)
    value = _value(name)
    try:
        origin = wishes.vault().keep(name, value, in_file=in_file)
    except NoKeyring as error:
        raise NoKeyring(
            f"{error}; `alphaplus secrets set {name} --file` keeps it in {wishes.vault().file}, which only you can "
            f"read, and the environment variable {variables(name)[0]} is heeded everywhere"
        ) from None
    shadow = next((variable for variable in variables(name) if wishes.vault().in_environment(variable)), "")
    if as_json:
        typer.echo(json.dumps({"event": "secret_kept", "name": name, "origin": origin, "shadowed_by": shadow}))
        return
    typer.echo(f"{name} is kept in the {origin}" if origin == "keyring" else f"{name} is kept in {origin}")
    if shadow:
        typer.echo(f"the environment variable {shadow} goes before it as long as it is set")


def list_names(wishes: Wishes, *, as_json: bool) -> None:
    vault = wishes.vault()
    named = [DATABASE_PASSWORD, *wishes.load().settings.alerts.every_channel]
    rows = {name: _origin(vault, name) for name in sorted({*named, *vault.names()})}
    if as_json:
        secrets = [{"name": name, "origin": origin} for name, origin in rows.items()]
        typer.echo(json.dumps({"event": "secrets", "secrets": secrets}))
        return
    for name, origin in rows.items():
        typer.echo(f"{name:<24} {origin or 'not set'}")


def forget(wishes: Wishes, name: str, *, as_json: bool) -> None:
    _check(name)
    gone = wishes.vault().forget(name)
    if not gone:
        raise UnknownName("secret", name, wishes.vault().names())
    if as_json:
        typer.echo(json.dumps({"event": "secret_deleted", "name": name, "from": gone}))
    else:
        typer.echo(f"{name} is deleted from {' and '.join(gone)}")


def _origin(vault: Vault, name: str) -> str:
    try:
        found = vault.find(name)
    except NoKeyring as error:
        return f"keyring, which cannot be read now: {error}"
    return found.origin if found else ""


def _check(name: str) -> None:
    try:
        check_secret_name(name)
    except ValueError as error:
        raise UsageError(f"NAME {error}") from None


def _value(name: str) -> str:
    asked = sys.stdin.isatty()
    value = getpass.getpass(f"{name} (it is not shown): ") if asked else sys.stdin.readline(_LONGEST + 1)
    value = value.rstrip("\r\n")
    if not value:
        raise UsageError(f"nothing was given for {name}; type it when asked, or send one line to stdin")
    if len(value) > _LONGEST or not value.isprintable():
        raise UsageError(f"what was given for {name} is no secret: one line of at most {_LONGEST} printable characters")
    return value
