"""Commands for the database."""

# ruff: noqa: PLC0415  each command imports what it needs when it runs, so that --help is instant

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alphaplus_tui.cli.commands.shared import EPILOG, AsJson, Force
from alphaplus_tui.cli.options import wishes

db_app = typer.Typer(help="The database.", no_args_is_help=True, epilog=EPILOG)


@db_app.command("status")
def db_status(context: typer.Context, as_json: AsJson = False) -> None:
    """Version, size and rows of the database."""
    from alphaplus_tui.cli.database import show_database

    show_database(wishes(context), as_json=as_json)


@db_app.command("migrate")
def db_migrate(
    context: typer.Context,
    *,
    backup: Annotated[
        bool, typer.Option("--backup/--no-backup", help="Back up first where a step changes what is stored.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Bring the database's schema up to this release."""
    from alphaplus_tui.cli.database import migrate

    migrate(wishes(context), backup=backup, as_json=as_json)


@db_app.command("backup")
def db_backup(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(help="A file that is not there yet, such as alphaplus.dump.")],
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write everything stored into a file. In pg_dump's custom format; an engine may go on meanwhile."""
    from alphaplus_tui.cli.database import back_up_database

    back_up_database(wishes(context), file, force=force, as_json=as_json)


@db_app.command("restore")
def db_restore(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(help="What `alphaplus db backup` wrote; only one that you trust.")],
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of what is stored. No engine may run; all of it, or nothing is changed."""
    from alphaplus_tui.cli.database import restore_database

    restore_database(wishes(context), file, force=force, as_json=as_json)


@db_app.command("prune")
def db_prune(context: typer.Context, as_json: AsJson = False) -> None:
    """Forget what is older than the settings keep. A running engine does so once an hour."""
    from alphaplus_tui.cli.database import prune

    prune(wishes(context), as_json=as_json)
