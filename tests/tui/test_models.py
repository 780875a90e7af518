"""What a person sees and does on the Models screen."""

from pathlib import Path

import pytest
from msgspec import structs

from alphaplus_tui.learning import report as written
from alphaplus_tui.session.commands import (
    CancelTraining,
    Command,
    PinModel,
    PromoteModel,
    RollBackModel,
    Train,
    UnpinModel,
)
from alphaplus_tui.session.queries import ModelReport
from alphaplus_tui.state.slices import TrainingRow
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui.screens.models import report as read
from alphaplus_tui.tui.screens.models.report import read_report
from tests.fakes.demo_rows import NOW
from tests.fakes.opinion_rows import CHALLENGER, CHAMPION, report
from tests.fakes.session import FakeSession
from tests.support import eventually
from tests.tui.support import console, open_models, picture, shown, toasts


def test_what_the_console_reads_of_a_report_is_what_trainings_write() -> None:
    pairs = (
        (read.Report, written.Report),
        (read.Scores, written.Scores),
        (read.Fold, written.FoldReport),
        (read.Signals, written.SignalReport),
        (read.Point, written.ReliabilityPoint),
        (read.Estimate, written.Estimate),
    )
    for ours, theirs in pairs:
        assert set(ours.__struct_fields__) <= set(theirs.__struct_fields__)


def test_a_report_that_is_none_is_an_error_in_words() -> None:
    for text in ("", "{}", "[1]", '{"verdict": 3}', "\ud800"):
        assert "cannot be read" in str(read_report(text))


async def test_the_panels_follow_the_registry_and_each_report_is_asked_for_once(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_models(pilot)
        text = "\n".join(picture(app))
        assert "● demo-1         champion" in text
        assert "promised 0.639" in text
        assert "served rows are what stored" in text
        await pilot.press("j")
        await eventually(lambda: screen.live.model == CHALLENGER and screen.validation.report is not None)
        assert "not yet better with 95 % confidence" in "\n".join(picture(app))
        await pilot.press("k", "j", "k")
        await pilot.pause()
        assert [query for query in session.asked if isinstance(query, ModelReport)] == [
            ModelReport(CHAMPION),
            ModelReport(CHALLENGER),
        ]


async def test_validation_tells_folds_hold_out_and_what_it_is_worth_after_fees(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app, (200, 60)) as pilot:
        screen = await open_models(pilot)
        told = screen.validation.copy_panel()
        assert "25 Mar–19 Apr 26" in told
        assert "· catboost" in told
        assert "hold-out" in told
        assert "signals, hold-out +6.2 bps  95 % [−2.9, +15.3]  n 171, 50% hit" in told
        assert "flow imbalance 6" in screen.importance.copy_panel()
        assert "━ none" in screen.reliability.copy_panel()


async def test_a_missing_report_and_a_missing_engine_are_told(tmp_path: Path) -> None:
    session = FakeSession()
    session.reports[CHAMPION] = report(CHAMPION).replace(
        '"missing_engines":{}', '"missing_engines":{"catboost":"pip install catboost"}'
    )
    session.reports[CHALLENGER] = "not a report"
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_models(pilot)
        assert "catboost is missing: pip install catboost" in screen.validation.copy_panel()
        await pilot.press("j")
        await eventually(lambda: "the report cannot be read" in "\n".join(picture(app)))


@pytest.mark.parametrize(
    ("keys", "question", "command"),
    [
        (("t",), "Train a model?", Train()),
        (("x",), "Cancel the training?", CancelTraining()),
        (("j", "P"), f"Make {CHALLENGER} the champion?", PromoteModel(CHALLENGER)),
        (("j", "N"), f"Pin {CHALLENGER} as champion?", PinModel(CHALLENGER)),
        (("R",), "Roll back?", RollBackModel()),
    ],
    ids=("train", "cancel", "promote", "pin", "roll back"),
)
async def test_each_wish_is_confirmed_and_then_sent(
    tmp_path: Path, keys: tuple[str, ...], question: str, command: Command
) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_models(pilot)
        await pilot.press(*keys)
        await eventually(lambda: question in "\n".join(picture(app)))
        await pilot.press("n")
        await eventually(lambda: app.screen is screen)
        assert session.sent == []
        await pilot.press(keys[-1], "y")
        await eventually(lambda: session.sent == [command])


async def test_a_pinned_model_is_unpinned_by_the_same_key(tmp_path: Path) -> None:
    session = FakeSession()
    session.store.models.put(CHAMPION, structs.replace(session.state.models[CHAMPION], pinned=True))
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await open_models(pilot)
        assert "champion pin" in "\n".join(picture(app))
        await pilot.press("N", "y")
        await eventually(lambda: session.sent == [UnpinModel()])


async def test_wishes_that_make_no_sense_say_so_and_refusals_say_why(tmp_path: Path) -> None:
    session = FakeSession()
    session.store.training.put(ONLY, TrainingRow("", "idle", "", 0.0, "", NOW))
    session.refuse = "a training runs already"
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await open_models(pilot)
        await pilot.press("x", "P")
        await eventually(lambda: {"No training runs", f"{CHAMPION} is the champion"} <= set(toasts(app)))
        await pilot.press("t", "y")
        await eventually(lambda: "a training runs already" in toasts(app))


async def test_the_training_shows_its_step_its_bar_and_how_it_ended(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app, (200, 60)) as pilot:
        await open_models(pilot)
        text = "\n".join(picture(app))
        assert "fold 4 of 6 · catboost" in text
        assert "1m 44s so far, about 1m 15s to go" in text
        assert "58%" in text
        done = TrainingRow("t-0922", "failed", "", 1.0, "out of memory at 1,500 MB", NOW)
        session.store.training.put(ONLY, done)
        await eventually(lambda: "out of memory at 1,500 MB" in "\n".join(picture(app)))


async def test_without_a_model_the_screen_says_how_to_get_one(tmp_path: Path) -> None:
    session = FakeSession(seeded=False)
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await pilot.press("3")
        await eventually(lambda: "the models are starting" in "\n".join(picture(app)))
        session.store.training.put(ONLY, TrainingRow("", "idle", "", 0.0, "", NOW))
        await eventually(lambda: "t trains a model on stored history" in "\n".join(picture(app)))
