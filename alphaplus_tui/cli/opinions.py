"""``alphaplus signals`` and ``alphaplus why``: what was signalled, and the decision behind any closed candle."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import msgspec
import typer

from alphaplus_tui.cli.options import Wishes
from alphaplus_tui.cli.short import with_database
from alphaplus_tui.domain.analysis import Decision, Explanation, Outcome, Role, Signal
from alphaplus_tui.domain.instants import iso_second, iso_time
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import AlphaPlusError
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.runtime.export import instruments_of
from alphaplus_tui.runtime.model_work import explain_here
from alphaplus_tui.runtime.short import ShortDatabase
from alphaplus_tui.settings.root import Settings

_LATEST = sys.maxsize
_MOST_SHOWN = 12
"""Contributions that are printed; JSON has all."""
_LOOKED_THROUGH = 100


def show_signals(wishes: Wishes, symbols: Sequence[str], *, since: int | None, limit: int, as_json: bool) -> None:
    async def work(_: Settings, database: ShortDatabase) -> list[tuple[Signal, Outcome | None]]:
        reader = database.reader
        wanted: Sequence[InstrumentId | None] = await instruments_of(reader, symbols) if symbols else [None]
        found = [row for one in wanted for row in await reader.signals(one, before=_LATEST, limit=limit)]
        found = [row for row in found if since is None or row[0].made_at >= since]
        return sorted(found, key=lambda row: -row[0].made_at)[:limit]

    found = with_database(wishes, "signals", work)
    if as_json:
        rows = [{"signal": signal, "outcome": outcome} for signal, outcome in found]
        typer.echo(msgspec.json.encode({"event": "signals", "signals": rows}).decode())
    elif not found:
        typer.echo("no signals; `alphaplus why SYMBOL` tells what held them back")
    for signal, outcome in [] if as_json else found:
        told = (
            f"{outcome.result} {outcome.result_bps:+.1f} bps"
            if outcome
            else f"open until {iso_second(signal.expires_at)}"
        )
        typer.echo(
            clean(
                f"{iso_second(signal.made_at)}  {signal.instrument:<22} {signal.direction:<6} "
                f"entry {signal.entry:g}  target {signal.target:g}  "
                f"stop {signal.stop:g}  worth {signal.expected_value_bps:+.1f} bps  {told}",
                limit=300,
            )
        )


class Why(msgspec.Struct, frozen=True, tag_field="event", tag="why"):
    """The answer, whatever is known; in JSON nan is null."""

    symbol: str
    at: int | None
    decision: Decision | None
    reason: str
    """Why there is no decision; else what decided."""
    outcome: Outcome | None = None
    explanation: Explanation | None = None
    unexplained: str = ""
    """Why there is no explanation."""


def show_why(wishes: Wishes, symbol: str, *, at: int | None, as_json: bool) -> None:
    paths = wishes.paths(wishes.load())

    async def work(_: Settings, database: ShortDatabase) -> Why:
        reader = database.reader
        decision = await _decision(reader, await instruments_of(reader, [symbol]), at)
        if decision is None:
            return Why(symbol, at, None, _nothing(at))
        explanation, unexplained = None, ""
        if decision.prediction.probabilities is None:
            unexplained = f"the model was not asked: {', '.join(decision.prediction.absent) or 'features'} absent"
        else:
            try:
                explanation = await explain_here(paths, decision)
            except AlphaPlusError as error:
                unexplained = str(error)
        reason = decision.reason if decision.gate else _passed(decision)
        outcome = await reader.outcome(decision.id)
        return Why(symbol, at, decision, reason, outcome, explanation, unexplained)

    why = with_database(wishes, "why", work)
    if as_json:
        typer.echo(msgspec.json.encode(why).decode())
    else:
        for line in describe(why):
            typer.echo(clean(line, limit=300))


async def _decision(reader: StoreReader, instruments: Sequence[InstrumentId], at: int | None) -> Decision | None:
    """The champion's on the candle that closed last by ``at``; the newest that is stored when it is None."""
    for instrument in instruments:
        if at is not None:
            if (found := await reader.decision_at(instrument, at)) is not None:
                return found
            continue
        for found in await reader.decisions(instrument, before=_LATEST, limit=_LOOKED_THROUGH):
            if found.role is Role.CHAMPION:
                return found
    return None


def _passed(decision: Decision) -> str:
    if decision.role is Role.CHALLENGER:
        return "every gate was passed, in the shadow: no signal"
    if decision.as_of:
        return f"every gate was passed, of a candle that was past: no signal, but it would go {decision.direction}"
    return f"every gate was passed: a signal to go {decision.direction}"


def _nothing(at: int | None) -> str:
    if at is None:
        return "no decision is stored: no model has judged a candle of it yet"
    return (
        f"no decision is stored for the candle that closed last at {iso_time(at)}: no model served then, "
        "or AlphaPlus did not run"
    )


def describe(why: Why) -> Iterator[str]:
    """The whole trace as lines for people."""
    decision = why.decision
    if decision is None:
        yield why.reason
        return
    made = decision.prediction
    as_of = ", judged at the start, as of then" if decision.as_of else ""
    revision = f"revision {made.candle_revision}"
    yield f"{made.instrument} {made.timeframe} candle that closed at {iso_time(made.close_time)} ({revision}){as_of}"
    yield f"model {made.model} as {decision.role}, decided at {iso_second(decision.decided_at)}"
    if made.probabilities is not None:
        odds = made.probabilities
        yield f"down {odds.down:.1%}  none {odds.none:.1%}  up {odds.up:.1%}"
        for engine in made.engines:
            odds = engine.probabilities
            yield f"  {engine.engine:<10} down {odds.down:.1%}  none {odds.none:.1%}  up {odds.up:.1%}"
    if decision.expected_value_bps is not None:
        worth = f"worth {decision.expected_value_bps:+.1f} bps after fees"
        yield f"leans {decision.lean}, {worth}, spread {decision.spread_bps:.1f} bps"
    if decision.target is not None and decision.stop is not None:
        until = iso_time(decision.expires_at)
        yield f"entry {made.entry:g}  target {decision.target:g}  stop {decision.stop:g}  until {until}"
    yield f"passed: {', '.join(decision.passed) or 'no gate'}"
    yield f"held back by {decision.gate}: {why.reason}" if decision.gate else why.reason
    outcome = why.outcome
    if outcome is not None:
        yield f"outcome: {outcome.result}, {outcome.result_bps:+.1f} bps, at {iso_time(outcome.resolved_at)}"
    yield from _contributions(why)


def _contributions(why: Why) -> Iterator[str]:
    found = why.explanation
    if found is None:
        yield f"contributions: {why.unexplained}"
        return
    yield f"contributions to the margin of up over down, by {found.method}"
    yield f"  {found.base:+.4f}  base; the margin is {found.margin:+.4f}"
    largest = max((abs(part.share) for part in found.contributions), default=0.0) or 1.0
    for part in found.contributions[:_MOST_SHOWN]:
        bar = "█" * max(1, round(abs(part.share) / largest * 20))
        yield f"  {part.share:+.4f}  {part.feature:<28} {part.value:>12.5g}  {bar}"
