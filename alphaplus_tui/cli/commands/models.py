"""Commands for models, and for what they think."""

# ruff: noqa: PLC0415  each command imports what it needs when it runs, so that --help is instant

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alphaplus_tui.cli.commands.shared import EPILOG, AsJson, Limit, Model, Since, Symbols
from alphaplus_tui.cli.options import parse_time, wishes

app = typer.Typer()
models_app = typer.Typer(help="The models of the data folder.", no_args_is_help=True, epilog=EPILOG)


@app.command()
def train(
    context: typer.Context,
    *,
    symbol: Symbols = None,
    timeframe: Annotated[str, typer.Option("--timeframe", help="Default: training.timeframe.")] = "",
    engine: Annotated[
        list[str] | None, typer.Option("--engine", help="xgboost,lightgbm,catboost. Default: training.engines.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a candidate from stored history. Validates, exports and registers it."""
    from alphaplus_tui.cli.training import train as train_model
    from alphaplus_tui.services.training import TrainingWish

    engines = tuple(name.strip() for one in engine or () for name in one.split(",") if name.strip())
    train_model(wishes(context), TrainingWish(tuple(symbol or ()), timeframe, engines), as_json=as_json)


@app.command()
def signals(
    context: typer.Context,
    *,
    symbol: Symbols = None,
    since: Since = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """The newest signals, and what became of them."""
    from alphaplus_tui.cli.opinions import show_signals

    show_signals(wishes(context), tuple(symbol or ()), since=since, limit=limit, as_json=as_json)


@app.command()
def why(
    context: typer.Context,
    *,
    symbol: Annotated[str, typer.Argument(help="BTC/USDT, or kraken:BTC/USD.")],
    at: Annotated[
        int | None,
        typer.Option("--at", parser=parse_time, metavar="TIME", help="This moment. Default: the newest decision."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The full decision trace for a moment. Also when nothing was signalled."""
    from alphaplus_tui.cli.opinions import show_why

    show_why(wishes(context), symbol, at=at, as_json=as_json)


@models_app.command("list")
def models_list(context: typer.Context, as_json: AsJson = False) -> None:
    """All models, newest first."""
    from alphaplus_tui.cli.models import list_models

    list_models(wishes(context), as_json=as_json)


@models_app.command("show")
def models_show(context: typer.Context, model: Model, as_json: AsJson = False) -> None:
    """One model and the report of its training."""
    from alphaplus_tui.cli.models import show_model

    show_model(wishes(context), model, as_json=as_json)


@models_app.command("promote")
def models_promote(context: typer.Context, model: Model, as_json: AsJson = False) -> None:
    """Make a model the champion."""
    from alphaplus_tui.cli.models import promote

    promote(wishes(context), model, as_json=as_json)


@models_app.command("pin")
def models_pin(context: typer.Context, model: Model, as_json: AsJson = False) -> None:
    """Make a model the champion, which nobody but you changes."""
    from alphaplus_tui.cli.models import pin

    pin(wishes(context), model, as_json=as_json)


@models_app.command("unpin")
def models_unpin(context: typer.Context, as_json: AsJson = False) -> None:
    """Let a better candidate follow the champion again."""
    from alphaplus_tui.cli.models import unpin

    unpin(wishes(context), as_json=as_json)


@models_app.command("rollback")
def models_rollback(context: typer.Context, as_json: AsJson = False) -> None:
    """The champion before this one serves again, and is pinned."""
    from alphaplus_tui.cli.models import roll_back

    roll_back(wishes(context), as_json=as_json)


@models_app.command("import")
def models_import(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="An .onnx file of yours that says which features it wants.")],
    name: Annotated[str, typer.Option("--name", help="What to call it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Put an ONNX model of your own into the registry, as a candidate."""
    from alphaplus_tui.cli.models import import_model

    import_model(wishes(context), file, name=name, as_json=as_json)
