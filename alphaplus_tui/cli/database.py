"""``alphaplus db``: what the database holds, its schema, its backups."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import typer
from msgspec import structs

from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.short import with_data_folder, with_database
from alphaplus_tui.domain.instants import iso_second
from alphaplus_tui.domain.text import clean
from alphaplus_tui.ports.store import DatabaseStatistics
from alphaplus_tui.runtime.backup import back_up, back_up_before_migration, restore
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.settings.paths import Paths
from alphaplus_tui.settings.root import Settings
from alphaplus_tui.storage.backup import Backup


def show_database(wishes: Wishes, *, as_json: bool) -> None:
    async def work(_: Settings, database: ShortDatabase) -> DatabaseStatistics:
        return await database.statistics()

    found = with_database(wishes, "db status", work)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    typer.echo(clean(f"{found.kind} {found.version}"))
    typer.echo(f"schema {found.schema_version}, {found.size_bytes / 1e6:.1f} MB, {clean(found.layout)}")
    for table, rows in found.rows.items():
        typer.echo(f"  {table:<24} {rows:>14,}")


def migrate(wishes: Wishes, *, backup: bool, as_json: bool) -> None:
    """backup: before steps that change rows which are there."""

    async def secure(settings: Settings, paths: Paths) -> tuple[Backup | None, tuple[str, ...]]:
        return await back_up_before_migration(settings, paths)

    async def work(_: Settings, database: ShortDatabase) -> tuple[int, int]:
        before = (await database.statistics()).schema_version
        return before, await database.migrate()

    kept, steps = with_data_folder(wishes, "db migrate", secure) if backup else (None, ())
    if kept is not None and not as_json:
        typer.echo(clean(f"{', '.join(steps)} changes what is stored; it was backed up to {kept.file}", limit=500))
    before, version = with_database(wishes, "db migrate", work)
    if as_json:
        told = {"event": "migrated", "from": before, "to": version, "backup": kept.file if kept else None}
        typer.echo(msgspec.json.encode(told).decode())
    elif before == version:
        typer.echo(f"the schema is up to date: version {version}")
    else:
        typer.echo(f"the schema went from version {before} to {version}")


def back_up_database(wishes: Wishes, file: Path, *, force: bool, as_json: bool) -> None:
    made = with_data_folder(
        wishes, "db backup", lambda settings, paths: back_up(settings, paths, file.absolute(), replace=force)
    )
    _tell(made, "backed up to", as_json=as_json)


def restore_database(wishes: Wishes, file: Path, *, force: bool, as_json: bool) -> None:
    restored = with_data_folder(
        wishes,
        "db restore",
        lambda settings, paths: restore(settings, paths, file.absolute(), replace=force),
        alone=True,
    )
    _tell(restored, "restored from", as_json=as_json)


def _tell(backup: Backup, done: str, *, as_json: bool) -> None:
    if as_json:
        event = "backup" if done.startswith("backed") else "restored"
        typer.echo(msgspec.json.encode({**structs.asdict(backup), "event": event}).decode())
        return
    rows = sum(backup.rows.values())
    moment = f", as of {iso_second(backup.taken_at)}" if done.startswith("backed") else ""
    typer.echo(
        clean(
            f"{done} {backup.file}: {rows:,} rows, schema {backup.schema_version}, {backup.bytes / 1e6:.1f} MB"
            f"{moment}; every row was counted",
            limit=500,
        )
    )


def prune(wishes: Wishes, *, as_json: bool) -> None:
    """What the engine does once an hour, now: forgets what is older than the settings keep."""

    async def work(settings: Settings, database: ShortDatabase) -> dict[str, int]:
        kept = settings.database
        return await database.writer.prune(
            time.time_ns(),
            trades_days=kept.retain_trades_days,
            candles_days=kept.retain_candles_days,
            decisions_days=kept.retain_decisions_days,
            events_days=kept.retain_events_days,
        )

    gone = with_database(wishes, "db prune", work)
    if as_json:
        typer.echo(msgspec.json.encode({"event": "pruned", "rows": gone}).decode())
        return
    for table, rows in gone.items():
        typer.echo(f"  {table:<24} {rows:>14,} rows forgotten")
    if not gone:
        typer.echo("the settings keep everything for ever")
