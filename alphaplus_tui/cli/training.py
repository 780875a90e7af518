"""``alphaplus train``: a candidate from stored history, by the running engine or here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from alphaplus_tui.cli.guard import say
from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.short import engine_socket, with_database
from alphaplus_tui.cli.signals import run_short
from alphaplus_tui.domain.analysis import TrainingRun
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import UsageError
from alphaplus_tui.remote.client import ask_query, ask_status, send_command
from alphaplus_tui.runtime.model_work import TrainingFailed, keeper_of, train_here
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.services.training import TrainingWish
from alphaplus_tui.session.commands import CancelTraining, Refused, Train
from alphaplus_tui.session.queries import ModelReport
from alphaplus_tui.settings.root import Settings
from alphaplus_tui.state.slices import TrainingRow

_LOOK_EVERY_S = 0.5
_BEGINS_WITHIN_S = 30.0
ENSEMBLE = "ensemble"


def train(wishes: Wishes, wish: TrainingWish, *, as_json: bool) -> None:
    loaded = wishes.load()
    paths = wishes.paths(loaded)
    socket = engine_socket(paths)
    progress = _Progress()
    if socket is not None:
        model, reason, report = run_short(lambda: _ask_engine(socket, wish, progress))
    else:

        async def work(settings: Settings, database: ShortDatabase) -> TrainingRun:
            return await train_here(settings, paths, database, wish, progress)

        run = with_database(wishes, "train", work)
        model, reason, report = run.model, run.reason, keeper_of(paths).report(run.model)
    found: dict[str, Any] = json.loads(report)
    if as_json:
        typer.echo(json.dumps(report_line(model, found)))
    else:
        typer.echo("\n".join(report_text(model, reason, found)))


class _Progress:
    """A line on stderr for each step."""

    def __init__(self) -> None:
        self._told = ""

    def __call__(self, step: str, share: float) -> None:
        if step != self._told:
            self._told = step
            say(f"{share:4.0%}  {step}")


async def _ask_engine(socket: Path, wish: TrainingWish, progress: _Progress) -> tuple[str, str, str]:
    """Model, why it was promoted or not, and its report; leaving early cancels the training."""
    before = (await ask_status(socket)).training
    reply = await send_command(socket, Train(wish.symbols, wish.timeframe, wish.engines))
    if isinstance(reply, Refused):
        raise UsageError(reply.reason)
    try:
        row = await _follow(socket, before.id if before is not None else "", progress)
    except asyncio.CancelledError:
        await send_command(socket, CancelTraining())
        raise
    if row.state != "done":
        raise TrainingFailed(row.reason or f"the training was {row.state}")
    return row.id, row.reason, await ask_query(socket, ModelReport(row.id))


async def _follow(socket: Path, before: str, progress: _Progress) -> TrainingRow:
    loop = asyncio.get_running_loop()
    begins_by = loop.time() + _BEGINS_WITHIN_S
    while True:
        row = (await ask_status(socket)).training
        if row is not None and row.id != before:
            progress(row.step, row.share)
            if row.state != "running":
                return row
        elif loop.time() > begins_by:
            raise TrainingFailed(
                "the running AlphaPlus took the wish and did not begin; `alphaplus status` may say why"
            )
        await asyncio.sleep(_LOOK_EVERY_S)


def report_line(model: str, report: Mapping[str, Any]) -> dict[str, Any]:
    """What scripts read; of the ensemble."""
    value = report["signals"]["value"]
    return {
        "event": "report",
        "model": model,
        "verdict": report["verdict"],
        "rows": report["rows"],
        "folds": [
            {name: fold["scores"][ENSEMBLE][name] for name in ("log_loss", "baseline", "gain_pct")}
            for fold in report["folds"]
        ],
        "pooled": _scores(report["pooled"]),
        "holdout": _scores(report["holdout"]),
        "signals": {"n": value["rows"], "mean_bps": value["mean"], "low": value["low"], "high": value["high"]},
    }


def _scores(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {name: scores[ENSEMBLE][name] for name in ("log_loss", "gain_pct", "auc_direction", "ece")}


def report_text(model: str, reason: str, report: Mapping[str, Any]) -> list[str]:
    """What people read: the verdict, what became of the model, and the figures."""
    verdict = f"{model}: {report['verdict']}"
    return [clean(line, limit=500) for line in (verdict, reason) if line] + report_table(report)


def report_table(report: Mapping[str, Any]) -> list[str]:
    """What it was trained on, and its scores, as lines."""
    instruments = ", ".join(report["instruments"])
    lines = [f"{report['rows']:,} rows of {instruments}, {report['timeframe']} candles, {report['seconds']:.0f} s"]
    lines.append(f"{'':<10}{'log loss':>10}{'baseline':>10}{'gain':>8}{'AUC dir.':>10}{'ECE':>8}")
    for number, fold in enumerate(report["folds"], 1):
        lines.append(_row(f"fold {number}", fold["scores"][ENSEMBLE]))
    for name, scores in report["pooled"].items():
        lines.append(_row(name, scores))
    lines.append(_row("hold-out", report["holdout"][ENSEMBLE]))
    lines.extend(f"{engine} is not installed: {install}" for engine, install in report["missing_engines"].items())
    return [clean(line, limit=500) for line in lines]


def _row(name: str, scores: Mapping[str, Any]) -> str:
    return (
        f"{name:<10}{scores['log_loss']:>10.4f}{scores['baseline']:>10.4f}{scores['gain_pct']:>7.1f}%"
        f"{scores['auc_direction']:>10.3f}{scores['ece']:>8.3f}"
    )
