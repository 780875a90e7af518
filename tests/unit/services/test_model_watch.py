"""Whether a model still does what it promised, and whether its challenger does better."""

from pathlib import Path
from random import Random

import numpy as np

from alphaplus_tui.domain.analysis import Direction, Outcome, Probabilities, Result, Role
from alphaplus_tui.domain.events import ModelsChanged
from alphaplus_tui.domain.timeframe import DAY_NS
from alphaplus_tui.features.barriers import Outcome as Touched
from alphaplus_tui.ports.model import Profile
from alphaplus_tui.ports.store import Batch, Scored
from alphaplus_tui.services.drift import LEAST_ROWS, LiveScore, ServedRows, largest_difference
from alphaplus_tui.services.outcomes import brier
from tests.fakes.artefacts import LENGTH_NS, START_NS, shelve
from tests.support import eventually
from tests.unit.services.judges import BTC, HISTORY, Judges, judging

EDGES = tuple(float(edge) for edge in np.quantile(np.random.default_rng(0).normal(size=20_000), np.arange(1, 10) / 10))
STEADY = Profile("steady", EDGES, (2000,) * 10, -4.0, 4.0, clock=False)
MOVING = Profile("moving", EDGES, (2000,) * 10, -4.0, 4.0, clock=False)
CLOCK = Profile("hour", EDGES, (2000,) * 10, -4.0, 4.0, clock=True)


def scored(model: str, role: Role, number: int, probabilities: Probabilities, touched: Touched) -> Scored:
    """Of a candle of one of ten days."""
    identity = f"{model} {number}"
    outcome = Outcome(
        id=identity,
        result=Result.HORIZON,
        resolved_at=0,
        exit_price=1.0,
        result_bps=0.0,
        touched=touched.name.lower(),
        brier=brier(probabilities, touched),
    )
    return Scored(
        id=identity,
        role=role,
        model=model,
        instrument=BTC.id,
        lean=Direction.LONG,
        signal=False,
        close_time=START_NS + (number % 10) * DAY_NS + number * LENGTH_NS,
        probabilities=probabilities,
        outcome=outcome,
    )


def fight(judges: Judges, *, champion: Probabilities, challenger: Probabilities, rows: int = 3000) -> None:
    """Both judge the same candles, of which seven in ten go up."""
    rng = Random(3)
    for number in range(rows):
        touched = Touched.UP if rng.random() < 0.7 else Touched.DOWN
        judges.watch.scored(scored("best", Role.CHAMPION, number, champion, touched))
        judges.watch.scored(scored("rival", Role.CHALLENGER, number, challenger, touched))


KNOWING, GUESSING = Probabilities(0.29, 0.02, 0.69), Probabilities(0.49, 0.02, 0.49)


async def test_a_better_challenger_becomes_the_champion(tmp_path: Path) -> None:
    judges = Judges(tmp_path)
    shelve(judges.registry, "best", champion=True)
    shelve(judges.registry, "rival")
    fight(judges, champion=GUESSING, challenger=KNOWING)
    async with judging(judges):
        await judges.serving("rival")
        assert judges.state.models["best"].stage == "retired"
        assert "95 %" in judges.state.models["rival"].reason


async def test_a_worse_challenger_is_never_promoted(tmp_path: Path) -> None:
    judges = Judges(tmp_path)
    shelve(judges.registry, "best", champion=True)
    shelve(judges.registry, "rival")
    changes: list[str] = []
    judges.bus.on(ModelsChanged, lambda event: changes.append(event.reason))
    fight(judges, champion=KNOWING, challenger=GUESSING)
    async with judging(judges):
        await judges.serving("best", "rival")
        await eventually(lambda: judges.state.models["rival"].live_rows == 3000)
        assert judges.state.models["best"].serving == "champion"
        assert not changes


async def test_too_few_candles_promote_nobody(tmp_path: Path) -> None:
    judges = Judges(tmp_path)
    shelve(judges.registry, "best", champion=True)
    shelve(judges.registry, "rival")
    fight(judges, champion=GUESSING, challenger=KNOWING, rows=1500)
    async with judging(judges):
        await judges.serving("best", "rival")
        await eventually(lambda: judges.state.models["rival"].live_rows == 1500)
        assert judges.registry.champion is not None
        assert judges.registry.champion.id == "best"


async def test_a_pinned_champion_stays_whatever_the_challenger_does(tmp_path: Path) -> None:
    judges = Judges(tmp_path)
    shelve(judges.registry, "best", champion=True)
    judges.registry.pin("best")
    shelve(judges.registry, "rival")
    fight(judges, champion=GUESSING, challenger=KNOWING)
    async with judging(judges):
        await judges.serving("best", "rival")
        await eventually(lambda: judges.state.models["rival"].live_rows == 3000)
        assert judges.state.models["best"].pinned
        assert judges.state.models["best"].serving == "champion"


async def test_a_served_row_is_the_same_when_it_is_computed_anew_from_stored_candles(tmp_path: Path) -> None:
    judges = Judges(tmp_path)
    shelve(judges.registry, "best", champion=True)
    await judges.store.register(judges.instruments)
    everything = tuple(candle for candles in judges.candles.values() for candle in candles)
    await judges.store.write(Batch(candles=everything))
    async with judging(judges):
        await judges.serving("best")
        judges.history()
        judges.close(HISTORY)
        await eventually(lambda: len(judges.judged(HISTORY)) == 2)
        judges.market.advance_to(START_NS + (HISTORY + 4) * LENGTH_NS)
        await judges.watch.look()
        assert judges.state.models["best"].parity == 0.0


def test_drift_is_told_of_the_feature_that_moved_less_what_chance_gives_and_never_of_the_clock() -> None:
    rng = np.random.default_rng(5)
    served = ServedRows((STEADY, MOVING, CLOCK))
    for _ in range(LEAST_ROWS - 1):
        served.add((rng.normal(), rng.normal() + 1, 9.0))
    assert served.drift() is None
    for _ in range(1000):
        served.add((rng.normal(), rng.normal() + 1, 9.0))
    found = served.drift()
    assert found is not None
    assert found.feature == "moving"
    assert found.psi > 0.5
    calm = ServedRows((STEADY,))
    for value in rng.normal(size=2000):
        calm.add((float(value),))
    still = calm.drift()
    assert still is not None
    assert still.psi < 0.02


def test_a_live_score_has_an_interval_from_its_second_day_on() -> None:
    live = LiveScore()
    for day in (1, 1, 1):
        live.add(0.5, day)
    assert (live.estimate().mean, live.estimate().low) == (0.5, None)
    live.add(0.7, 2)
    found = live.estimate()
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 0.55 <= found.high


def test_rows_differ_by_shares_of_the_middle_of_training() -> None:
    width = EDGES[-1] - EDGES[0]
    assert largest_difference((1.0, float("nan")), (1.0, float("nan")), (STEADY, MOVING)) == 0.0
    assert largest_difference((1.0, 2.0), (1.0, 2.0 + width), (STEADY, MOVING)) == 1.0
    assert largest_difference((1.0,), (float("nan"),), (STEADY,)) == float("inf")
