"""What a person sees and does on the Signals screen, and what the Markets screen shows of it."""

from pathlib import Path

import pytest
from msgspec import structs

from alphaplus_tui.domain.analysis import Outcome, Result
from alphaplus_tui.domain.timeframe import MINUTE_NS
from alphaplus_tui.session.queries import DecisionAt, DecisionsPage, Explain
from alphaplus_tui.state.slices import InferenceRow, Mode, SentimentRow, SignalRow
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui.widgets.opinion import GATES
from tests.fakes import opinion_rows
from tests.fakes.demo_rows import NOW, name_of
from tests.fakes.session import FakeSession
from tests.support import eventually
from tests.tui.support import console, markets, open_signals, picture, shown, signals, toasts, until_painted


@pytest.fixture(autouse=True)
def _terminal_with_clipboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


def test_the_trace_knows_the_gates_in_their_order() -> None:
    gates = pytest.importorskip("alphaplus_tui.gates.gates")
    assert tuple(gate.name for gate in gates.GATES) == GATES == opinion_rows.GATES


async def test_a_decision_without_a_trade_names_the_gate_and_the_reason(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        screen = await open_signals(pilot)
        screen.decisions.go(name_of("XRP"))
        await pilot.pause()
        trace = screen.trace.copy_panel()
        assert "no trade" in trace
        assert "expected value: worth −6.4 bps after fees, +0.0\n wanted" in trace
        assert "✓ agreement" in trace
        assert "✗ expected value" in trace
        assert "· cooldown" in trace
        assert "XRP/USDT" in str(screen.trace.border_title)


async def test_w_asks_once_for_the_contributions_and_shows_that_they_add_up(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_signals(pilot)
        assert "w explains in full" in "\n".join(picture(app))
        await pilot.press("w")
        await eventually(lambda: screen.why.explanation)
        await pilot.press("w")
        asked = [query for query in session.asked if isinstance(query, Explain)]
        assert asked == [Explain(session.state.decisions[name_of("BTC")].decision.id)]
        text = "\n".join(picture(app))
        assert "TreeSHAP" in text
        assert "margin +0.342 = base −0.012 + contributions +0.354" in text
        await pilot.press("j")
        assert screen.why.explanation is None


async def test_an_explanation_that_cannot_be_had_says_why_and_w_asks_again(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_signals(pilot)
        session.store_away = "the database is away"
        await pilot.press("w")
        await eventually(lambda: "the database is away" in "\n".join(picture(app)))
        session.store_away = ""
        await pilot.press("w")
        await eventually(lambda: screen.why.explanation)


async def test_enter_lists_the_earlier_decisions_of_an_instrument_and_escape_returns(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_signals(pilot)
        await pilot.press("j", "enter")
        await eventually(lambda: len(screen.decisions.order) == 40)
        assert session.asked[-1] == DecisionsPage(instrument=name_of("ETH"), limit=200)
        assert "Decisions of ETH/USDT" in "\n".join(picture(app))
        await pilot.press("s")
        await eventually(lambda: len(screen.decisions.order) == 10)
        await pilot.press("G")
        assert screen.trace.decision is not None
        assert screen.trace.decision.prediction.open_time == opinion_rows.CLOSED - 36 * opinion_rows.SPAN
        await pilot.press("escape")
        assert screen.decisions.cursor == name_of("ETH")
        assert "signals only" in str(screen.decisions.border_title)
        await pilot.press("escape")
        assert len(screen.decisions.order) == 12


async def test_filters_by_gate_by_signals_and_by_symbol(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_signals(pilot)
        seen: dict[str, int] = {}
        for _ in GATES:
            await pilot.press("v")
            seen[screen.decisions.gate] = len(screen.decisions.order)
        assert seen["agreement"] == 2
        assert seen["expected value"] == 3
        assert seen[""] == 12
        assert "edge" not in seen
        await pilot.press("escape", "s")
        assert list(screen.decisions.order) == [name_of("BTC"), name_of("ETH"), name_of("SOL")]
        row = session.state.decisions[name_of("ETH")]
        session.store.decisions.put(
            name_of("ETH"), structs.replace(row, decision=structs.replace(row.decision, as_of=True))
        )
        await eventually(lambda: list(screen.decisions.order) == [name_of("BTC"), name_of("SOL")])
        await pilot.press("s", "slash", *"link", "enter")
        assert list(screen.decisions.order) == [name_of("LINK")]
        assert {screen.signals.row(app.desk.look(), key) is not None for key in screen.signals.order} == {True}
        assert len(screen.signals.order) == 1
        await pilot.press("escape")
        assert len(screen.decisions.order) == 12


async def test_an_older_signal_is_traced_with_its_outcome_and_its_stored_decision(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_signals(pilot)
        screen.show_panel("signals")
        await pilot.press("j", "j", "j")
        row = screen.trace.signal
        assert row is not None
        assert row.outcome is not None
        await eventually(lambda: screen.trace.decision and screen.trace.decision.id == row.signal.id)
        assert DecisionAt(row.signal.instrument, row.signal.made_at) in session.asked
        assert "✓ target +96.0" in screen.trace.copy_panel()
        assert len([query for query in session.asked if isinstance(query, DecisionAt)]) == 1


async def test_a_signal_whose_decision_is_gone_says_so(tmp_path: Path) -> None:
    session = FakeSession()
    made = opinion_rows.signal_of(opinion_rows.decision("BTC", 64_000.0, opinion_rows.CLOSED - opinion_rows.SPAN))
    gone = structs.replace(made, id="gone", made_at=NOW)
    outcome = Outcome("gone", Result.HORIZON, NOW, 64_000.0, -20.4, "none", 0.7)
    session.store.signals.put("gone", SignalRow(gone, outcome))
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_signals(pilot)
        screen.show_panel("signals")
        assert screen.signals.cursor == "gone"
        await eventually(lambda: "the decision is no longer stored" in "\n".join(picture(app)))
        assert "◷ time   −20.4" in "\n".join(picture(app))


async def test_o_shows_its_chart_and_w_on_markets_comes_back_with_why(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        screen = await open_signals(pilot)
        screen.decisions.go(name_of("SOL"))
        await pilot.pause()
        await pilot.press("o")
        await eventually(lambda: "SOL/USDT · 1m" in "\n".join(picture(app)))
        assert "Why ▼ SHORT  0.55" in "\n".join(picture(app))
        markets(app).select(name_of("DOGE"))
        await pilot.pause()
        assert "training range  outside of the training range" in markets(app).why.copy_panel()
        await pilot.press("w")
        await eventually(lambda: signals(app).why.explanation)
        assert signals(app).decisions.cursor == name_of("DOGE")


async def test_why_of_a_symbol_that_was_not_judged_says_so_and_asks_nothing(tmp_path: Path) -> None:
    session = FakeSession()
    session.store.decisions.drop(name_of("BTC"))
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        assert "no decision on this symbol yet" in "\n".join(picture(app))
        await pilot.press("w")
        await eventually(lambda: "No decision on BTC/USDT yet" in toasts(app))
        assert not [query for query in session.asked if isinstance(query, Explain)]


async def test_signals_stand_on_the_chart_with_their_outcome(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app, (200, 60)) as pilot:
        await until_painted(pilot)
        drawn = "".join(strip.text for strip in map(markets(app).chart.render_line, range(56)))
        assert drawn.count("▲") == 1
        assert "✓" in drawn
        newest = session.state.decisions[name_of("BTC")].decision
        row = session.state.signals[newest.id]
        outcome = Outcome(newest.id, Result.STOP, NOW - MINUTE_NS, row.signal.entry, -60.0, "down", 1.2)
        session.store.signals.put(newest.id, SignalRow(row.signal, outcome))
        await eventually(lambda: "✗" in "".join(s.text for s in map(markets(app).chart.render_line, range(56))))
        assert "▲ long 0.53   3m" in "\n".join(picture(app))


async def test_the_demo_says_that_its_edge_is_planted_and_a_real_market_does_not(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await open_signals(pilot)
        sentence = "The demo market's edge is planted; real markets owe nobody one."
        assert sentence in "\n".join(picture(app))
        session.store.system.put(ONLY, structs.replace(session.state.system[ONLY], mode=Mode.LIVE))
        await eventually(lambda: sentence not in "\n".join(picture(app)))


async def test_without_opinions_every_panel_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    session = FakeSession(seeded=False)
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await open_signals(pilot)
        text = "\n".join(picture(app))
        assert "the models are starting" in text
        assert "no signal has ended yet" in text
        store = session.store
        store.inference.put(ONLY, InferenceRow(True, 1, 0, "", "", "", None, None))
        store.sentiment.put(ONLY, SentimentRow("off", "no feeds are configured", None, None, 0))
        await eventually(lambda: "no model serves yet" in "\n".join(picture(app)))
        assert "no feeds are configured" in "\n".join(picture(app))
        store.inference.put(ONLY, InferenceRow(False, 0, 3, "it crashed three times", "", "", None, None))
        store.sentiment.put(ONLY, SentimentRow("away", "timed out", None, None, 0))
        await eventually(lambda: "it crashed three times" in "\n".join(picture(app)))
        assert "timed out" in "\n".join(picture(app))


async def test_rows_are_copied_whole(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        screen = await open_signals(pilot)
        await pilot.press("y")
        assert app.clipboard.startswith("2026-")
        assert "BTC/USDT  5m  long" in app.clipboard
        screen.show_panel("headlines")
        await pilot.press("y")
        assert app.clipboard.endswith("https://coinwire.example/0")
        await pilot.press("tab", "tab", "tab", "w")
        await eventually(lambda: screen.why.explanation)
        assert screen.why.copy_panel().splitlines()[0] == "feature\tvalue\tcontribution"
        screen.show_panel("why")
        await pilot.press("Y")
        await eventually(lambda: "Copied 19 rows" in toasts(app))
