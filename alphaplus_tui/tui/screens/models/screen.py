"""The Models screen: the registry, how each model was validated, whether it lives up to it, and the training."""

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from alphaplus_tui.session.commands import (
    CancelTraining,
    PinModel,
    PromoteModel,
    RollBackModel,
    Train,
    UnpinModel,
)
from alphaplus_tui.session.queries import ModelReport
from alphaplus_tui.state.slices import ModelRow
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui.actions import MODELS, bindings
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.live_screen import LiveScreen
from alphaplus_tui.tui.questions import Answers
from alphaplus_tui.tui.screens.models.registry import LivePanel, Registry
from alphaplus_tui.tui.screens.models.report import Report, read_report
from alphaplus_tui.tui.screens.models.training import TrainingPanel
from alphaplus_tui.tui.screens.models.validation import ImportancePanel, ReliabilityPanel, ValidationPanel
from alphaplus_tui.tui.widgets.grid import LiveGrid
from alphaplus_tui.tui.widgets.planted import PlantedLine
from alphaplus_tui.tui.wishes import Wishes

_KEPT = 16


class ModelsScreen(LiveScreen):
    """Every panel but the training shows the model under the registry's cursor; every wish is confirmed."""

    NAME: ClassVar[str] = MODELS
    CSS_PATH = "screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(MODELS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.wishes = Wishes(self)
        self.registry = Registry(desk)
        self.live = LivePanel(desk)
        self.validation = ValidationPanel(desk)
        self.reliability = ReliabilityPanel(desk)
        self.importance = ImportancePanel(desk)
        self.training = TrainingPanel(desk)
        self.planted = PlantedLine()
        self._reports: Answers[Report] = Answers(self.questions, "report", self.tick, most=_KEPT)

    def body(self) -> Iterator[Widget]:
        yield from (self.registry, self.live, self.validation, self.reliability, self.importance, self.training)

    def below(self) -> Iterator[Widget]:
        yield self.planted

    def pull(self, look: Look) -> None:
        self.planted.pull(look)
        model = self._chosen(look)
        self.live.model = model
        report = self._reports.get(model)
        for panel in (self.validation, self.reliability, self.importance):
            panel.model, panel.report = model, report
        if model and report is None:
            self._reports.fetch(model, ModelReport(model), read_report)
        super().pull(look)

    def _chosen(self, look: Look) -> str:
        keys = self.registry.keys(look)
        if self.registry.cursor not in look.state.models:
            self.registry.cursor = keys[0] if keys else ""
        return self.registry.cursor

    def on_live_grid_moved(self, message: LiveGrid.Moved) -> None:
        self._reports.forget_failure(message.key)
        self.tick()

    def on_live_grid_opened(self, message: LiveGrid.Opened) -> None:
        if message.grid is self.registry:
            self.show_panel("validation")

    # Wishes

    def action_train(self) -> None:
        self.wishes.confirm(
            "Train a model?",
            "On the stored history of all symbols, in a process of its own; it takes minutes and ends as a candidate.",
            Train(),
            "The training begins",
        )

    def action_cancel(self) -> None:
        row = self.desk.session.state.training.get(ONLY)
        if row is None or row.state != "running":
            self.notify("No training runs", timeout=2, markup=False)
            return
        self.wishes.confirm("Cancel the training?", "What it has done so far is lost.", CancelTraining(), "Cancelled")

    def action_promote(self) -> None:
        row = self._row()
        if row is None:
            return
        if row.stage == "champion":
            self.notify(f"{row.id} is the champion", timeout=2, markup=False)
            return
        verdict = "" if row.edge else " Its report found no edge."
        words = f"It judges from the next candle on, and the champion of now retires; R returns to it.{verdict}"
        self.wishes.confirm(f"Make {row.id} the champion?", words, PromoteModel(row.id), f"{row.id} is promoted")

    def action_pin(self) -> None:
        row = self._row()
        if row is None:
            return
        if row.pinned:
            words = "A better candidate may then follow it without being asked for."
            self.wishes.confirm(f"Unpin {row.id}?", words, UnpinModel(), f"{row.id} is unpinned")
        else:
            words = "It is the champion until you say otherwise, whatever is trained."
            self.wishes.confirm(f"Pin {row.id} as champion?", words, PinModel(row.id), f"{row.id} is pinned")

    def action_roll_back(self) -> None:
        words = "The champion before this one judges from the next candle on; no candle is missed."
        self.wishes.confirm("Roll back?", words, RollBackModel(), "Rolled back")

    def _row(self) -> ModelRow | None:
        return self.desk.session.state.models.get(self.registry.cursor)

    def back(self) -> bool:
        if self.panels.away_from_home():
            self.show_panel("registry")
            return True
        return super().back()
