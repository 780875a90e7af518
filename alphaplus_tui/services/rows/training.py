"""Writes how the training is that runs, or ran last."""

from alphaplus_tui.domain.events import TrainingChanged
from alphaplus_tui.domain.text import clean
from alphaplus_tui.state.slices import TrainingRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY


class TrainingRows:
    """The slice ``training``."""

    def __init__(self, state: StateStore) -> None:
        self._training = state.training

    def on_changed(self, event: TrainingChanged) -> None:
        run = event.run
        self._training.put(
            ONLY,
            TrainingRow(
                id=run.id,
                state=run.state,
                step=event.step,
                share=event.share,
                reason=clean(run.reason, limit=500),
                started_at=run.started_at,
                verdict=clean(run.verdict, limit=500),
            ),
        )
