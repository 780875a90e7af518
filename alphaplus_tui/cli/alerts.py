"""``alphaplus alerts``: what was called for, and whether each channel works."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import typer

from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.short import with_database
from alphaplus_tui.cli.signals import run_short
from alphaplus_tui.domain.alerts import Alert, Severity
from alphaplus_tui.domain.instants import iso_second
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.numerals import counted
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import EXIT_FAILURE, AlphaPlusError, UsageError
from alphaplus_tui.logs.redaction import secret_parts
from alphaplus_tui.logs.setup import Logs
from alphaplus_tui.notify.channels import AppriseNotifier
from alphaplus_tui.ports.notifier import Message
from alphaplus_tui.runtime.export import instruments_of
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.settings.root import Settings
from alphaplus_tui.settings.secret_names import is_secret_name

if TYPE_CHECKING:
    from pydantic import SecretStr

_LATEST = sys.maxsize
_TEST = Message("AlphaPlus: a test", "This channel works; alerts will look like this.", Severity.INFORMATION)


class Tried(msgspec.Struct, frozen=True):
    """What became of a test message."""

    channel: str
    ok: bool
    reason: str


def send_test(wishes: Wishes, channels: Sequence[str], *, as_json: bool) -> None:
    loaded = wishes.load()
    chosen = tuple(channels) or loaded.settings.alerts.every_channel
    if not chosen:
        raise UsageError(
            "the settings name no channel: `alphaplus secrets set telegram` keeps an Apprise URL, then put "
            'channels = ["telegram"] into [alerts]'
        )
    for channel in chosen:
        if not is_secret_name(channel):
            raise UsageError("--channel takes the name of a secret, such as telegram; the URL belongs into the secret")
    vault = wishes.vault()
    addresses = {channel: found.value for channel in chosen if (found := vault.find(channel)) is not None}
    hidden = [part for url in addresses.values() for part in secret_parts(url.get_secret_value())]
    with Logs(level=loaded.settings.logging.level, secrets=hidden):
        tried = run_short(lambda: _try_all(chosen, addresses))
    if as_json:
        typer.echo(msgspec.json.encode({"event": "alerts_tested", "channels": tried}).decode())
    for one in [] if as_json else tried:
        typer.echo(clean(f"{one.channel:<20} {'ok' if one.ok else f'FAILED: {one.reason}'}", limit=500))
    if not all(one.ok for one in tried):
        raise SystemExit(EXIT_FAILURE)


async def _try_all(channels: Sequence[str], addresses: dict[str, SecretStr]) -> list[Tried]:
    notifier = AppriseNotifier(addresses)

    async def attempt(channel: str) -> Tried:
        try:
            await notifier.send(channel, _TEST)
        except AlphaPlusError as error:
            return Tried(channel, ok=False, reason=str(error))
        return Tried(channel, ok=True, reason="")

    return await asyncio.gather(*map(attempt, channels))


def list_alerts(wishes: Wishes, symbol: str, *, since: int | None, limit: int, as_json: bool) -> None:
    async def work(_: Settings, database: ShortDatabase) -> list[Alert]:
        reader = database.reader
        wanted: Sequence[InstrumentId | None] = await instruments_of(reader, [symbol]) if symbol else [None]
        found = [
            row for one in wanted for row in await reader.alerts(one, since=since or 0, before=_LATEST, limit=limit)
        ]
        return sorted(found, key=lambda row: -row.raised_at)[:limit]

    found = with_database(wishes, "alerts list", work)
    if as_json:
        typer.echo(msgspec.json.encode({"event": "alerts", "alerts": found}).decode())
    elif not found:
        typer.echo(_none(wishes, narrowed=bool(symbol) or since is not None))
    for alert in [] if as_json else found:
        typer.echo(clean(describe(alert), limit=700))


def _none(wishes: Wishes, *, narrowed: bool) -> str:
    """Why there is nothing to list, and what makes alerts."""
    rules = len(wishes.load().settings.alerts.rules)
    if not rules:
        return (
            "no alerts, and no rule that could raise one: [[alerts.rules]] in the configuration makes them "
            "(`alphaplus config path` says where it is, the user guide has examples under Alerts)"
        )
    met = "none like that was raised" if narrowed else "none was met so far"
    return f"no alerts: of {counted(rules, 'rule')} in [alerts] {met}"


def describe(alert: Alert) -> str:
    """One line for people."""
    over = f"  over at {iso_second(alert.resolved_at)}" if alert.resolved_at is not None else ""
    told = ", ".join(f"{one.channel} {one.state}" for one in alert.deliveries)
    whom = "  quiet hours" if alert.quiet else f"  {told}" if told else ""
    return f"{iso_second(alert.raised_at)}  {alert.severity:<11}  {alert.title}: {alert.text}{over}{whom}"
