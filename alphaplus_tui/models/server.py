"""What the inference process does: check models, compute features, ask ONNX Runtime."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.domain.analysis import EngineOpinion, Prediction, Probabilities, Role
from alphaplus_tui.domain.timeframe import parse_timeframe
from alphaplus_tui.errors import FatalError
from alphaplus_tui.features.barriers import newest_distances
from alphaplus_tui.features.batch import last_rows
from alphaplus_tui.features.panel import Panel
from alphaplus_tui.features.registry import rows
from alphaplus_tui.features.sentiment import SPECS
from alphaplus_tui.features.spec import Feature
from alphaplus_tui.models.artefact import open_artefact
from alphaplus_tui.models.frames import (
    LARGEST,
    LENGTH,
    Answered,
    Ask,
    Declined,
    Hello,
    Load,
    Loaded,
    Reply,
    Request,
    Unloaded,
    frame,
)
from alphaplus_tui.models.predictor import Opinion, Predictor, named
from alphaplus_tui.ports.model import COLUMNS, Opinions, ServedModel, Window, WindowBatch

_NEWS = frozenset(feature.name for feature in SPECS)
_KEPT = 4
"""Opened models that are kept, so that going back is quick."""


class Served:
    """A model in its role."""

    def __init__(self, role: Role, predictor: Predictor) -> None:
        self.role, self.predictor = role, predictor
        self.manifest = manifest = predictor.manifest
        self.info = ServedModel(
            role=role,
            model=manifest.id,
            timeframe=parse_timeframe(manifest.timeframe),
            edge=manifest.edge,
            none_change=manifest.none_change,
            horizon=manifest.rule.horizon,
        )


class Server:
    """Answers requests one after the other."""

    def __init__(self, *, threads: int) -> None:
        self._threads = threads
        self._served: dict[Role, Served] = {}
        self._opened: dict[str, Predictor] = {}

    def answer(self, request: Request) -> Reply:
        try:
            match request:
                case Load():
                    return Loaded(request.number, self._load(request))
                case Ask():
                    return Answered(request.number, self._opinions(request.batch))
                case _:
                    self._served.pop(request.role, None)
                    return Unloaded(request.number)
        except FatalError as error:
            return Declined(request.number, str(error))
        except Exception as error:  # noqa: BLE001  a bad batch must not end the process that serves all others
            return Declined(request.number, f"{type(error).__name__}: {str(error)[:300]}")

    def _load(self, request: Load) -> ServedModel:
        predictor = self._opened.pop(request.seal, None)
        if predictor is None:
            predictor = Predictor(open_artefact(Path(request.folder), seal=request.seal), threads=self._threads)
            predictor.predict(np.zeros((1, len(predictor.features)), np.float32))  # the first run is the slow one
        self._opened[request.seal] = predictor
        while len(self._opened) > _KEPT:
            self._opened.pop(next(iter(self._opened)))
        served = self._served[request.role] = Served(request.role, predictor)
        return served.info

    def _opinions(self, batch: WindowBatch) -> tuple[Opinions, ...]:
        served = [self._served[role] for role in (Role.CHAMPION, Role.CHALLENGER) if role in self._served]
        wanted: dict[str, Feature] = {feature.name: feature for one in served for feature in one.predictor.features}
        anchors = [panel_of(window) for window in batch.anchors]
        panels = [_related(window, anchors) for window in batch.windows]
        if batch.mood is not None and not _NEWS.isdisjoint(wanted):
            panels = [panel.with_mood(batch.mood) for panel in panels]
        table = feature_rows(panels, tuple(wanted.values()), alone=batch.alone)
        place = {name: column for column, name in enumerate(wanted)}
        return tuple(
            Opinions(one.info, _predictions(one, batch, panels, _columns(one, table, place))) for one in served
        )


def panel_of(window: Window) -> Panel:
    """The window as columns."""
    values = np.frombuffer(window.values, "<f8").reshape(len(COLUMNS), -1).astype(np.float64)
    columns = {"open_" if name == "open" else name: values[row] for row, name in enumerate(COLUMNS)}
    return Panel(window.timeframe, np.frombuffer(window.open_times, "<i8").astype(np.int64), **columns)


def feature_rows(panels: Sequence[Panel], chosen: Sequence[Feature], *, alone: bool) -> NDArray[np.float32]:
    """The last row of each panel, shape (panels, features)."""
    if not alone:
        return last_rows(panels, chosen)
    table = [rows(panel, chosen)[-1] for panel in panels]
    return np.stack(table) if table else np.zeros((0, len(chosen)), np.float32)


def _related(window: Window, anchors: Sequence[Panel]) -> Panel:
    panel = panel_of(window)
    return panel.with_anchor(anchors[window.anchor]) if 0 <= window.anchor < len(anchors) else panel


def _columns(one: Served, table: NDArray[np.float32], place: dict[str, int]) -> NDArray[np.float32]:
    return table[:, [place[feature.name] for feature in one.predictor.features]]


def _predictions(
    one: Served, batch: WindowBatch, panels: Sequence[Panel], x: NDArray[np.float32]
) -> tuple[Prediction, ...]:
    finite = np.isfinite(x)
    whole = np.flatnonzero(finite.all(axis=1))
    groups = [[row] for row in whole.tolist()] if batch.alone else [whole.tolist()]
    said: dict[int, tuple[Probabilities, tuple[EngineOpinion, ...]]] = {}
    for group in groups:
        said.update(zip(group, _said(one, one.predictor.predict(x[group])), strict=True))
    absent = named([feature.name for feature in one.predictor.features], ~finite)
    out_of_range = one.predictor.out_of_range(x)
    distances: list[float] = newest_distances(panels, one.manifest.rule).tolist()
    predictions: list[Prediction] = []
    for row, (window, panel, values) in enumerate(zip(batch.windows, panels, x.tolist(), strict=True)):
        probabilities, engines = said.get(row, (None, ()))
        predictions.append(
            Prediction(
                instrument=window.instrument,
                timeframe=window.timeframe,
                open_time=int(panel.open_time[-1]),
                candle_revision=window.revision,
                model=one.manifest.id,
                probabilities=probabilities,
                engines=engines,
                features=tuple(values),
                absent=absent[row],
                out_of_range=out_of_range[row],
                distance=distances[row],
                entry=float(panel.close[-1]),
                forming=window.forming,
            )
        )
    return tuple(predictions)


def _said(one: Served, opinion: Opinion) -> list[tuple[Probabilities, tuple[EngineOpinion, ...]]]:
    """The ensemble's and each engine's, row by row."""
    names = [files.engine for files in one.manifest.engines]
    return [
        (
            Probabilities(*ensemble),
            tuple(EngineOpinion(name, Probabilities(*odds)) for name, odds in zip(names, engines, strict=True)),
        )
        for ensemble, engines in zip(
            opinion.probabilities.tolist(), opinion.engines.transpose(1, 0, 2).tolist(), strict=True
        )
    ]


def serve(*, threads: int) -> None:
    """Frames in, frames out, until standard input ends; whatever a library prints goes to standard error."""
    stdin, stdout = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    server = Server(threads=threads)
    decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Request)
    _say(stdout, Hello())
    while content := _next(stdin):
        _say(stdout, server.answer(decoder.decode(content)))


def _say(stdout: BinaryIO, reply: Reply) -> None:
    stdout.write(frame(reply))
    stdout.flush()


def _next(stdin: BinaryIO) -> bytes:
    """The next request; empty when whoever asks is gone."""
    head = stdin.read(LENGTH)
    if len(head) < LENGTH:
        return b""
    length = int.from_bytes(head, "big")
    if length > LARGEST:
        return b""
    content = stdin.read(length)
    return content if len(content) == length else b""
