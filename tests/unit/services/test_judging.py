"""From a closed candle to a decision, a signal, and what became of it."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from alphaplus_tui.domain.analysis import Direction, Probabilities, Result, Role
from alphaplus_tui.domain.events import CandleChanged, CandleClosed, InstrumentsKnown
from alphaplus_tui.ports.store import Batch
from tests.fakes.artefacts import LENGTH_NS, START_NS, shelve
from tests.fakes.market_data import a_trade
from tests.fakes.model import FakeModelServer
from tests.fakes.store import FakeStore
from tests.support import eventually
from tests.unit.services.judges import BTC, ETH, HISTORY, Judges, judging


async def ready(judges: Judges, *, challenger: str = "") -> None:
    """The champion serves, and has judged the last candle of the history."""
    await judges.serving("best", challenger)
    judges.history()
    await eventually(lambda: len(judges.judged(HISTORY - 1)) == len(judges.instruments))


async def test_at_the_start_the_champion_judges_the_last_candle_of_the_history_as_of_its_time(tmp_path: Path) -> None:
    judges = Judges(tmp_path)
    shelve(judges.registry, "best", champion=True)
    async with judging(judges):
        await ready(judges)
        assert all(decision.as_of for decision in judges.decisions)
        assert not judges.signals
        shown = judges.state.decisions[BTC.id]
        assert shown.decision.prediction.open_time == START_NS + (HISTORY - 1) * LENGTH_NS


async def test_every_closed_candle_of_every_instrument_is_judged_once_and_in_one_go(tmp_path: Path) -> None:
    server = FakeModelServer()
    judges = Judges(tmp_path, server)
    shelve(judges.registry, "best", champion=True)
    async with judging(judges):
        await ready(judges)
        server.asked.clear()
        for number in range(HISTORY, HISTORY + 5):
            judges.close(number)
            await eventually(lambda number=number: len(judges.judged(number)) == 2)
            judges.bus.publish(CandleClosed(structs.replace(judges.candles["BTC/USDT"][number], revision=1)))
        assert [len(batch.windows) for batch in server.asked] == [2] * 5
        ids = [decision.id for decision in judges.decisions]
        assert len(ids) == len(set(ids)) == 2 + 5 * 2


async def test_what_passes_every_gate_is_a_signal_with_barriers_on_both_sides_and_then_the_market_cools_down(
    tmp_path: Path,
) -> None:
    judges = Judges(tmp_path)
    shelve(judges.registry, "best", champion=True)
    async with judging(judges):
        await ready(judges)
        judges.close(HISTORY)
        await eventually(lambda: len(judges.signals) == 2)
        signal = judges.signals[0]
        assert signal.direction is Direction.LONG
        assert signal.stop < signal.entry < signal.target
        assert signal.expires_at == START_NS + (HISTORY + 1 + 24) * LENGTH_NS
        assert judges.state.signals[signal.id].outcome is None
        await eventually(lambda: judges.state.signals[signal.id].signal.moved_by)
        assert judges.state.signals[signal.id].signal.moved_by[0].feature == "rsi_14"
        judges.close(HISTORY + 1)
        await eventually(lambda: len(judges.judged(HISTORY + 1)) == 2)
        assert {decision.gate for decision in judges.judged(HISTORY + 1)} == {"cooldown"}
        assert len(judges.signals) == 2


async def test_without_an_edge_nothing_is_signalled_and_the_decision_says_why(tmp_path: Path) -> None:
    judges = Judges(tmp_path)
    shelve(judges.registry, "best", champion=True, edge=False)
    async with judging(judges):
        await ready(judges)
        judges.close(HISTORY)
        await eventually(lambda: len(judges.judged(HISTORY)) == 2)
        decision = judges.judged(HISTORY)[0]
        assert (decision.direction, decision.gate, decision.lean) == (Direction.FLAT, "edge", Direction.LONG)
        assert not judges.signals


async def test_the_challenger_is_decided_on_as_well_and_never_signals(tmp_path: Path) -> None:
    judges = Judges(tmp_path)
    shelve(judges.registry, "best", champion=True)
    shelve(judges.registry, "rival")
    async with judging(judges):
        await ready(judges, challenger="rival")
        judges.close(HISTORY)
        await eventually(lambda: len(judges.judged(HISTORY, Role.CHALLENGER)) == 2)
        assert {signal.model for signal in judges.signals} == {"best"}
        assert judges.state.decisions[BTC.id].decision.prediction.model == "best"


async def test_a_hole_in_the_window_holds_the_signal_back(tmp_path: Path) -> None:
    judges = Judges(tmp_path, instruments=(BTC,))
    shelve(judges.registry, "best", champion=True)
    async with judging(judges):
        await ready(judges)
        judges.close(HISTORY + 1)
        await eventually(lambda: len(judges.judged(HISTORY + 1)) == 1)
        assert judges.judged(HISTORY + 1)[0].gate == "whole window"


async def test_news_that_is_old_holds_the_signal_back(tmp_path: Path) -> None:
    judges = Judges(tmp_path, instruments=(BTC,))
    shelve(judges.registry, "best", champion=True)
    async with judging(judges):
        await ready(judges)
        judges.market.advance_to(START_NS + (HISTORY + 3) * LENGTH_NS)
        judges.ticker(BTC, 100.0)
        judges.bus.publish(CandleClosed(judges.candles["BTC/USDT"][HISTORY]))
        await eventually(lambda: len(judges.judged(HISTORY)) == 1)
        assert judges.judged(HISTORY)[0].gate == "fresh data"


async def test_an_instrument_waits_for_the_anchors_candle(tmp_path: Path) -> None:
    server = FakeModelServer()
    judges = Judges(tmp_path, server)
    shelve(judges.registry, "best", champion=True)
    async with judging(judges):
        await ready(judges)
        server.asked.clear()
        judges.close(HISTORY, ETH)
        judges.close(HISTORY, BTC)
        await eventually(lambda: len(judges.judged(HISTORY)) == 2)
        (batch,) = server.asked
        assert len(batch.anchors) == 1
        assert batch.anchors[0].instrument == BTC.id


@pytest.mark.parametrize(("says", "lean"), [((0.1, 0.2, 0.7), Direction.LONG), ((0.7, 0.2, 0.1), Direction.SHORT)])
async def test_a_decision_ends_at_the_barrier_that_is_touched_first(
    tmp_path: Path, says: tuple[float, float, float], lean: Direction
) -> None:
    server = FakeModelServer()
    server.says = Probabilities(*says)
    judges = Judges(tmp_path, server, instruments=(BTC,))
    shelve(judges.registry, "best", champion=True)
    async with judging(judges):
        await ready(judges)
        judges.close(HISTORY)
        await eventually(lambda: len(judges.signals) == 1)
        signal = judges.signals[0]
        assert signal.direction is lean
        quiet = structs.replace(judges.candles["BTC/USDT"][HISTORY + 1], high=signal.entry, low=signal.entry)
        judges.bus.publish(CandleClosed(quiet))
        touching = judges.candles["BTC/USDT"][HISTORY + 2]
        high, low = max(signal.entry, signal.target), min(signal.entry, signal.target)
        judges.bus.publish(CandleClosed(structs.replace(touching, high=high, low=low)))
        await eventually(lambda: judges.state.signals[signal.id].outcome is not None)
        outcome = judges.state.signals[signal.id].outcome
        assert outcome is not None
        assert outcome.result is Result.TARGET
        assert outcome.exit_price == signal.target
        moved = abs(signal.target / signal.entry - 1) * 10_000
        assert outcome.result_bps == pytest.approx(moved - 20 - judges.judged(HISTORY)[0].spread_bps)
        assert outcome.brier == pytest.approx(0.1**2 + 0.2**2 + 0.3**2)
        await eventually(lambda: "best||" in judges.state.scores and judges.state.scores["best||"].score.resolved)
        assert judges.state.scores["best||"].score.hits == 1


async def test_signals_of_earlier_runs_are_shown_and_counted_after_a_start(tmp_path: Path) -> None:
    store, server = FakeStore(), FakeModelServer()
    server.says = Probabilities(0.1, 0.2, 0.7)
    before = Judges(tmp_path, server, instruments=(BTC,), store=store)
    await store.register((BTC,))
    shelve(before.registry, "best", champion=True)
    async with judging(before):
        await ready(before)
        before.close(HISTORY)
        await eventually(lambda: len(before.signals) == 1)
    (signal,) = before.signals
    await store.write(Batch(decisions=tuple(before.decisions), signals=(signal,)))
    again = Judges(tmp_path, FakeModelServer(), instruments=(BTC,), store=store)
    again.market.advance_to(signal.made_at + 1)
    async with judging(again):
        await eventually(lambda: signal.id in again.state.signals)
        assert again.state.signals[signal.id].outcome is None
        await eventually(lambda: "best||" in again.state.scores)
        score = again.state.scores["best||"].score
        assert (score.resolved, score.signals) == (0, 1)
        assert again.signals == []


@pytest.mark.parametrize(("first", "result"), [("target", Result.TARGET), ("stop", Result.STOP), ("", Result.STOP)])
async def test_where_both_barriers_are_touched_the_trades_decide_and_without_them_the_stop(
    tmp_path: Path, first: str, result: Result
) -> None:
    judges = Judges(tmp_path, instruments=(BTC,))
    shelve(judges.registry, "best", champion=True)
    async with judging(judges):
        await ready(judges)
        judges.close(HISTORY)
        await eventually(lambda: len(judges.signals) == 1)
        signal = judges.signals[0]
        candle = structs.replace(judges.candles["BTC/USDT"][HISTORY + 1], high=signal.target, low=signal.stop)
        if first:
            prices = [signal.target, signal.stop] if first == "target" else [signal.stop, signal.target]
            trades = tuple(
                a_trade(BTC.id, seq, price=price, ts_event=candle.open_time + seq)
                for seq, price in enumerate(prices, 1)
            )
            await judges.store.register((BTC,))
            await judges.store.write(Batch(trades=trades))
        judges.bus.publish(CandleClosed(candle))
        await eventually(lambda: any(outcome.id == signal.id for outcome in judges.outcomes))
        assert next(outcome for outcome in judges.outcomes if outcome.id == signal.id).result is result


async def test_what_no_barrier_ends_the_horizon_does(tmp_path: Path) -> None:
    server = FakeModelServer()
    server.distance = 0.5
    judges = Judges(tmp_path, server, instruments=(BTC,))
    shelve(judges.registry, "best", champion=True)
    async with judging(judges):
        await ready(judges)
        for number in range(HISTORY, HISTORY + 25):
            judges.close(number)
        await eventually(lambda: judges.outcomes)
        first = next(outcome for outcome in judges.outcomes if outcome.id == judges.judged(HISTORY - 1)[0].id)
        assert first.result is Result.HORIZON
        assert first.touched == "none"
        assert first.exit_price == judges.candles["BTC/USDT"][HISTORY + 23].close


async def test_the_forming_candle_is_looked_at_and_neither_decided_on_nor_kept(tmp_path: Path) -> None:
    judges = Judges(tmp_path, preview_every_s=0.01)
    shelve(judges.registry, "best", champion=True)
    async with judging(judges):
        await ready(judges)
        forming = structs.replace(judges.candles["BTC/USDT"][HISTORY], forming=True)
        judges.bus.publish(CandleChanged(forming))
        await eventually(lambda: judges.state.decisions[BTC.id].preview is not None)
        preview = judges.state.decisions[BTC.id].preview
        assert preview is not None
        assert preview.forming
        assert preview.open_time == forming.open_time
        assert not judges.judged(HISTORY)
        judges.close(HISTORY)
        await eventually(lambda: len(judges.judged(HISTORY)) == 2)
        assert judges.state.decisions[BTC.id].preview is None


async def test_rolling_back_takes_effect_with_the_next_candle_and_none_is_missed(tmp_path: Path) -> None:
    judges = Judges(tmp_path)
    shelve(judges.registry, "old", champion=True)
    shelve(judges.registry, "best", champion=True)
    async with judging(judges):
        await ready(judges)
        judges.close(HISTORY)
        judges.registry.rollback()
        judges.models_changed()
        await judges.serving("old")
        judges.close(HISTORY + 1)
        await eventually(lambda: len(judges.judged(HISTORY + 1)) == 2)
        assert len(judges.judged(HISTORY)) == 2
        assert {decision.prediction.model for decision in judges.judged(HISTORY + 1)} == {"old"}
        assert judges.state.models["best"].stage == "retired"


async def test_a_model_that_is_refused_leaves_the_one_before_it_serving_and_says_so(tmp_path: Path) -> None:
    judges = Judges(tmp_path)
    shelve(judges.registry, "best", champion=True)
    async with judging(judges):
        await ready(judges)
        shelve(judges.registry, "bad", champion=True)
        (tmp_path / "bad" / "linear.onnx").write_bytes(b"something else")
        judges.models_changed()
        await eventually(lambda: "bad" in judges.state.models and judges.state.models["bad"].trouble)
        judges.close(HISTORY)
        await eventually(lambda: len(judges.judged(HISTORY)) == 2)
        assert {decision.prediction.model for decision in judges.judged(HISTORY)} == {"best"}


async def test_without_a_model_the_state_says_so_and_nothing_is_judged(tmp_path: Path) -> None:
    judges = Judges(tmp_path)
    async with judging(judges):
        await judges.serving("")
        judges.history()
        judges.close(HISTORY)
        await judges.inference.settled()
        assert not judges.decisions
        assert "no model serves" in judges.state.inference["only"].reason


async def test_a_recording_gives_the_same_decisions_twice_byte_for_byte(tmp_path: Path) -> None:
    told: list[bytes] = []
    for run in range(2):
        judges = Judges(tmp_path / str(run), recorded=True)
        shelve(judges.registry, "best", champion=True)
        await judges.store.register(judges.instruments)
        past = [candle for candles in judges.candles.values() for candle in candles[:HISTORY]]
        await judges.store.write(Batch(candles=tuple(past)))
        judges.store.available = run == 0  # the database may come later than the first candle
        async with judging(judges):
            await judges.serving("best")
            judges.bus.publish(InstrumentsKnown(judges.instruments))
            for number in range(HISTORY, HISTORY + 10):
                judges.close(number)
            judges.end()
            await asyncio.sleep(0)
            judges.store.available = True
            await judges.inference.settled()
        assert len(judges.decisions) == 20
        told.append(msgspec.json.encode(judges.decisions))
    assert told[0] == told[1]
