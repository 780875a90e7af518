"""``alphaplus models``: the registry, read from its folder and changed by whoever holds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import typer

from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.short import engine_socket, held, with_database
from alphaplus_tui.cli.signals import run_short
from alphaplus_tui.cli.training import report_table
from alphaplus_tui.domain.instants import iso_second
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import UnknownName, UsageError
from alphaplus_tui.ports.store import ModelRecord
from alphaplus_tui.ports.trainer import ModelKeeper
from alphaplus_tui.remote.client import send_command
from alphaplus_tui.runtime.model_work import import_onnx, keeper_of
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.session.commands import (
    Command,
    NoticeModel,
    PinModel,
    PromoteModel,
    Refused,
    RollBackModel,
    UnpinModel,
)
from alphaplus_tui.settings.root import Settings


def list_models(wishes: Wishes, *, as_json: bool) -> None:
    records = _keeper(wishes).records()
    if as_json:
        typer.echo(msgspec.json.encode({"event": "models", "models": records}).decode())
    elif not records:
        typer.echo("no models; `alphaplus train` makes one")
    else:
        for record in records:
            typer.echo(_line(record))


def show_model(wishes: Wishes, model: str, *, as_json: bool) -> None:
    keeper = _keeper(wishes)
    record = _find(keeper, model)
    trained_here = not record.trouble and record.origin == "trained"
    report: dict[str, Any] | None = json.loads(keeper.report(model)) if trained_here else None
    if as_json:
        answer = {"event": "model", "model": msgspec.to_builtins(record), "report": report}
        typer.echo(json.dumps(answer))
        return
    typer.echo(_line(record))
    typer.echo(clean(f"{record.stage} since {iso_second(record.changed_at)}: {record.reason}", limit=500))
    if report is None:
        return
    typer.echo(f"trained on {iso_second(record.trained_from)} to {iso_second(record.trained_until)}")
    typer.echo("\n".join(report_table(report)))


def promote(wishes: Wishes, model: str, *, as_json: bool) -> None:
    def here(keeper: ModelKeeper) -> None:
        keeper.promote(model, "promoted by the user", by_user=True)

    _change(wishes, PromoteModel(model), here, as_json=as_json)


def pin(wishes: Wishes, model: str, *, as_json: bool) -> None:
    _change(wishes, PinModel(model), lambda keeper: keeper.pin(model), as_json=as_json)


def unpin(wishes: Wishes, *, as_json: bool) -> None:
    _change(wishes, UnpinModel(), lambda keeper: keeper.unpin(), as_json=as_json)


def roll_back(wishes: Wishes, *, as_json: bool) -> None:
    def here(keeper: ModelKeeper) -> None:
        keeper.roll_back()

    _change(wishes, RollBackModel(), here, as_json=as_json)


def import_model(wishes: Wishes, file: Path, *, name: str, as_json: bool) -> None:
    paths = wishes.paths(wishes.load())
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file")

    async def work(_: Settings, database: ShortDatabase) -> str:
        return await import_onnx(paths, database, file, name=name)

    model = with_database(wishes, "models import", work)
    socket = engine_socket(paths)
    if socket is not None:
        run_short(lambda: send_command(socket, NoticeModel(model)))
    if as_json:
        typer.echo(json.dumps({"event": "model imported", "model": model}))
    else:
        typer.echo(f"{model} is a candidate: it runs in the shadow until `alphaplus models promote {model}`")


def _change(wishes: Wishes, command: Command, here: Callable[[ModelKeeper], None], *, as_json: bool) -> None:
    """By the running engine, which swaps its models; else in the folder, under its lock."""
    paths = wishes.paths(wishes.load())
    socket = engine_socket(paths)
    if socket is not None:
        reply = run_short(lambda: send_command(socket, command))
        if isinstance(reply, Refused):
            raise UsageError(reply.reason)
    else:
        paths.prepare()
        with held(paths, "models"):
            here(keeper_of(paths))
    champion = next((record for record in keeper_of(paths).records() if record.stage == "champion"), None)
    if as_json:
        answer = {
            "event": "champion",
            "model": champion.id if champion else None,
            "pinned": bool(champion and champion.pinned),
        }
        typer.echo(json.dumps(answer))
    elif champion is None:
        typer.echo("there is no champion")
    else:
        typer.echo(f"champion: {champion.id}{', pinned' if champion.pinned else ''}")


def _keeper(wishes: Wishes) -> ModelKeeper:
    return keeper_of(wishes.paths(wishes.load()))


def _find(keeper: ModelKeeper, model: str) -> ModelRecord:
    records = {record.id: record for record in keeper.records()}
    if model not in records:
        raise UnknownName("model", model, records)
    return records[model]


def _line(record: ModelRecord) -> str:
    pinned = ", pinned" if record.pinned else ""
    told = f"REFUSED: {record.trouble}" if record.trouble else record.verdict
    return clean(f"{record.id:<24} {record.stage + pinned:<18} {','.join(record.engines):<28} {told}", limit=500)
