"""Names and texts from outside that want to be more than text."""

import json
from pathlib import Path

import pytest
from msgspec import structs

from alphaplus_tui.domain.analysis import Contribution, Headline, Outcome, Result
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.session.queries import LogLine
from alphaplus_tui.state import slices as rows
from alphaplus_tui.state.slices import NoticeRow
from alphaplus_tui.state.view import ONLY
from tests.fakes.demo_rows import NOW, TIMEFRAMES, walk
from tests.fakes.opinion_rows import CHAMPION, decision, signal_of
from tests.fakes.session import FakeSession
from tests.support import eventually
from tests.tui.support import (
    console,
    open_logs,
    open_models,
    open_services,
    open_signals,
    picture,
    shown,
    until_painted,
)

EVIL = [
    "[/USDT]",
    "[@click=app.exit]BTC[/]",
    "\x1b]52;c;ZXZpbA==\x07/USDT",
    "\x1b[2J\x9b31mRED",
    "BTC\r\nUSDT\x00\x7f",
    "\u202eTDSU/CTB",
    "[bold red",
    "猫猫/猫猫猫猫猫猫猫",
    "e\u0301" * 40,
    "x" * 5000,
]
BAD = {"\x1b", "\x07", "\x9b", "\x00", "\x7f", "\r", "\n", "\u202e"}


def _spoil(session: FakeSession, text: str) -> None:
    name = InstrumentId(f"demo:{text}")
    store = session.store
    store.instruments.put(name, rows.InstrumentRow(Instrument("demo", text, text, text, text, 0.01, 0.01), -1))
    store.prices.put(name, rows.PriceRow(name, last=1.5, ts_recv=NOW, sparkline=(1.0, 2.0)))
    candles = walk(name, TIMEFRAMES[0], 1.5, NOW, 60)
    store.charts.put((name, TIMEFRAMES[0]), rows.ChartRow(name, TIMEFRAMES[0], tuple(candles[:-1]), candles[-1]))
    store.feeds.put(name, rows.FeedRow(name, rows.FeedState.RECONNECTING, text, NOW))
    store.connections.put(text, rows.ConnectionRow(text, text, False, text, 1, 0, NOW))
    store.gaps.put((name, 1), rows.GapRow(name, 1, 9, 9, text, NOW))
    store.services.put(text, rows.ServiceRow(text, "FAILED", "DEGRADED", text, (), 1, text, None, None))
    store.latencies.put(text, rows.LatencyRow(text, 1, 1.0, 1.0, 1.0, 1.0, ((1.0, 1),)))
    store.counters.put(text, rows.CounterRow(text, 1, 1))
    made = structs.replace(decision("BTC", 1.5), gate=text, reason=text, passed=(text,))
    prediction = structs.replace(made.prediction, instrument=name, model=text, absent=(text,), probabilities=None)
    made = structs.replace(made, id=text, prediction=prediction)
    store.decisions.put(name, rows.DecisionRow(name, made))
    signal = structs.replace(signal_of(decision("BTC", 1.5)), id=text, instrument=name, model=text)
    signal = structs.replace(signal, moved_by=(Contribution(text, 1.0, 1.0),))
    store.signals.put(text, rows.SignalRow(signal, Outcome(text, Result.STOP, NOW, 1.5, -9.0, "down", 1.0)))
    score = structs.replace(next(iter(store.scores.values())).score, model=text, instrument=text, direction=text)
    store.scores.put(text, rows.ScoreRow(score))
    store.headlines.put(text, rows.HeadlineRow(Headline(text, text, text, text, NOW, NOW, 0.9, (text,))))
    store.sentiment.put(ONLY, rows.SentimentRow("away", text, 50.0, 0.1, 3))
    model = structs.replace(next(iter(store.models.values())), id=text, engines=(text,), verdict=text, trouble=text)
    store.models.put(text, structs.replace(model, reason=text, drift_feature=text, added_at=NOW))
    store.inference.put(ONLY, rows.InferenceRow(False, 0, 0, text, text, text, None, None))
    store.training.put(ONLY, rows.TrainingRow(text, "running", text, 0.5, text, NOW, text))
    session.reports[text] = session.reports[CHAMPION] = json.dumps(
        {"verdict": text, "importance": {text: 1.0}, "missing_engines": {text: text}, "pooled": {text: {}}}
    )
    session.log.append(LogLine("900", NOW, "error", text, text, ((text, text),), text))


def text_id(text: str) -> str:
    """The id of the instrument called ``text``."""
    return f"demo:{text}"


def _check(screen: list[str]) -> None:
    for line in screen:
        assert not BAD & set(line)


@pytest.mark.parametrize("text", EVIL, ids=range(len(EVIL)))
async def test_hostile_text_is_shown_as_text_on_every_screen(tmp_path: Path, text: str) -> None:
    session = FakeSession()
    _spoil(session, text)
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("g")
        _check(picture(app))
        await pilot.click("#watchlist", offset=(5, 2))
        session.store.notices.put(1, NoticeRow(1, "error", text, text, NOW))
        await pilot.pause(0.6)
        _check(picture(app))
        await pilot.press("ctrl+n")
        await pilot.pause()
        _check(picture(app))
        await pilot.press("escape", "y")
        assert not {"\x1b", "\x07", "\x00"} & set(app.clipboard)
        signals = await open_signals(pilot)
        _check(picture(app))
        signals.decisions.go(text_id(text))
        signals.signals.go(text)
        await pilot.press("s", "w", "v")
        await pilot.pause(0.3)
        _check(picture(app))
        models = await open_models(pilot)
        models.registry.go(text)
        await eventually(lambda: models.validation.report is not None)
        await pilot.press("P")
        await pilot.pause()
        _check(picture(app))
        await pilot.press("n")
        screen = await open_services(pilot)
        screen.services.go(text)
        await pilot.press("r")
        await pilot.pause()
        _check(picture(app))
        await pilot.press("n")
        logs = await open_logs(pilot)
        await eventually(lambda: logs.log_lines.cursor == "900")
        await pilot.press("s")
        await pilot.pause(0.3)
        _check(picture(app))
        await pilot.press("Y", "ctrl+o")
        await pilot.pause(0.5)
        _check(picture(app))
        assert app.is_running
