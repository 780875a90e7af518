"""Commands for settings and secrets."""

# ruff: noqa: PLC0415  each command imports what it needs when it runs, so that --help is instant

from __future__ import annotations

from typing import Annotated

import typer

from alphaplus_tui.cli.commands.shared import EPILOG, AsJson, Secret
from alphaplus_tui.cli.options import wishes

config_app = typer.Typer(help="Settings, and where each value came from.", no_args_is_help=True, epilog=EPILOG)
secrets_app = typer.Typer(
    help="Passwords, keys and addresses of channels. In the system's keyring.", no_args_is_help=True, epilog=EPILOG
)


@config_app.command("show")
def config_show(
    context: typer.Context,
    *,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value came from.")] = False,
    as_json: AsJson = False,
) -> None:
    """Every setting as it counts now; secrets masked."""
    from alphaplus_tui.cli.configuration import show

    show(wishes(context), origin=origin, as_json=as_json)


@config_app.command("init")
def config_init(
    context: typer.Context,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a configuration file with every key, commented."""
    from alphaplus_tui.cli.configuration import init

    init(wishes(context), force=force, as_json=as_json)


@config_app.command("path")
def config_path(context: typer.Context, as_json: AsJson = False) -> None:
    """Where the configuration file is looked for."""
    from alphaplus_tui.cli.configuration import path

    path(wishes(context), as_json=as_json)


@config_app.command("schema")
def config_schema() -> None:
    """The JSON schema of the configuration file."""
    from alphaplus_tui.cli.configuration import schema

    schema()


@secrets_app.command("set")
def secrets_set(
    context: typer.Context,
    *,
    name: Secret,
    in_file: Annotated[
        bool, typer.Option("--file", help="Keep it in a file that only you can read, not in the keyring.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Keep a secret; its value is asked for, or read from stdin."""
    from alphaplus_tui.cli.secrets import keep

    keep(wishes(context), name, in_file=in_file, as_json=as_json)


@secrets_app.command("list")
def secrets_list(context: typer.Context, as_json: AsJson = False) -> None:
    """Names of secrets and where they are kept; never a value."""
    from alphaplus_tui.cli.secrets import list_names

    list_names(wishes(context), as_json=as_json)


@secrets_app.command("delete")
def secrets_delete(context: typer.Context, name: Secret, as_json: AsJson = False) -> None:
    """Forget a secret."""
    from alphaplus_tui.cli.secrets import forget

    forget(wishes(context), name, as_json=as_json)
