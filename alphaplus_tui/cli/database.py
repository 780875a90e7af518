"""``alphaplus db``: what the database holds, and its schema."""

from __future__ import annotations

import msgspec
import typer

from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.short import with_database
from alphaplus_tui.domain.text import clean
from alphaplus_tui.ports.store import DatabaseStatistics
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.settings.root import Settings


def show_database(wishes: Wishes, *, as_json: bool) -> None:
    async def work(_: Settings, database: ShortDatabase) -> DatabaseStatistics:
        return await database.statistics()

    found = with_database(wishes, "db status", work)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    typer.echo(clean(f"{found.kind} {found.version}"))
    typer.echo(f"schema {found.schema_version}, {found.size_bytes / 1e6:.1f} MB")
    for table, rows in found.rows.items():
        typer.echo(f"  {table:<24} {rows:>14,}")


def migrate(wishes: Wishes, *, as_json: bool) -> None:
    async def work(_: Settings, database: ShortDatabase) -> tuple[int, int]:
        before = (await database.statistics()).schema_version
        return before, await database.migrate()

    before, version = with_database(wishes, "db migrate", work)
    if as_json:
        typer.echo(msgspec.json.encode({"event": "migrated", "from": before, "to": version}).decode())
    elif before == version:
        typer.echo(f"the schema is up to date: version {version}")
    else:
        typer.echo(f"the schema went from version {before} to {version}")
