"""Commands for alerts."""

# ruff: noqa: PLC0415  each command imports what it needs when it runs, so that --help is instant

from __future__ import annotations

from typing import Annotated

import typer

from alphaplus_tui.cli.commands.shared import EPILOG, AsJson, Limit, Since
from alphaplus_tui.cli.options import wishes

alerts_app = typer.Typer(help="What AlphaPlus called for, and whom it tells.", no_args_is_help=True, epilog=EPILOG)


@alerts_app.command("test")
def alerts_test(
    context: typer.Context,
    *,
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", help="Only this one; may be repeated. Default: all in the settings."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a test message to each channel, and say which took it."""
    from alphaplus_tui.cli.alerts import send_test

    send_test(wishes(context), tuple(channel or ()), as_json=as_json)


@alerts_app.command("list")
def alerts_list(
    context: typer.Context,
    *,
    symbol: Annotated[str, typer.Option("--symbol", help="Only those about BTC/USDT, or kraken:BTC/USD.")] = "",
    since: Since = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """The newest alerts, and whom they were told."""
    from alphaplus_tui.cli.alerts import list_alerts

    list_alerts(wishes(context), symbol, since=since, limit=limit, as_json=as_json)
