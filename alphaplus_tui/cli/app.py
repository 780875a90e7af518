"""The root of the command line: the options of every command, and the commands under their names."""

# ruff: noqa: PLC0415  each command imports what it needs when it runs, so that --help is instant

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from alphaplus_tui.cli.commands import alerts, data, database, engine, models, settings
from alphaplus_tui.cli.commands.shared import EPILOG, Duration, Headless
from alphaplus_tui.cli.guard import guarded, heed_signals
from alphaplus_tui.cli.options import Wishes, hoist

app = typer.Typer(
    name="alphaplus",
    help="A terminal trading console. Without a command it opens the console.",
    epilog=EPILOG,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for theme in (engine.app, data.app, models.app):
    app.add_typer(theme)  # without a name: its commands stand right after `alphaplus`
app.add_typer(settings.config_app, name="config")
app.add_typer(database.db_app, name="db")
app.add_typer(data.export_app, name="export")
app.add_typer(models.models_app, name="models")
app.add_typer(alerts.alerts_app, name="alerts")
app.add_typer(settings.secrets_app, name="secrets")


def run(started_at: float) -> None:
    """Runs the command line of this process."""
    os.umask(0o077)
    heed_signals()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a locale cannot write is no reason to fail
    with guarded():
        app(args=hoist(sys.argv[1:]), obj=started_at, prog_name="alphaplus")


def _print_version(wanted: bool) -> None:
    if wanted:
        from alphaplus_tui import __version__

        typer.echo(f"alphaplus {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    *,
    config: Annotated[Path | None, typer.Option("--config", help="Read settings from this TOML file.")] = None,
    data_dir: Annotated[Path | None, typer.Option("--data-dir", help="Keep everything in this folder.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="The demo market, whatever the configuration says.")] = False,
    log_level: Annotated[
        str | None, typer.Option("--log-level", help="debug, info, warning or error.", show_default=False)
    ] = None,
    headless: Headless = False,
    duration: Duration = None,
    version: Annotated[  # noqa: ARG001  the callback does it all
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    said = Wishes(context.obj, config, data_dir, demo, log_level, headless, duration)
    context.obj = said
    if context.invoked_subcommand is None:
        from alphaplus_tui.cli.engine import run_engine

        run_engine(said)
