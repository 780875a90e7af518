"""The training process: a request comes in by stdin, progress and the model go out by stdout."""

import os
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from alphaplus_tui.errors import AlphaPlusError, FatalError
from alphaplus_tui.features.registry import FEATURES, features
from alphaplus_tui.learning.dataset import Dataset, build
from alphaplus_tui.learning.export import export
from alphaplus_tui.learning.request import Answer, Done, Failed, Progress, TrainRequest, frame, unpack
from alphaplus_tui.learning.train import Champion, OnStep, train
from alphaplus_tui.learning.tuning import tune
from alphaplus_tui.models.artefact import open_artefact
from alphaplus_tui.models.predictor import Predictor


def main() -> int:
    """Answers go to the stdout we were given; whatever a library prints goes to stderr."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=TrainRequest)
    try:
        answer: Answer = _done(request, lambda step, share: _send(answers, Progress(step, share)))
    except AlphaPlusError as error:
        answer = Failed(error.title, str(error))
    _send(answers, answer)
    return 0


def _done(request: TrainRequest, on_step: OnStep) -> Done:
    on_step("features and labels", 0.0)
    chosen = features(request.features) if request.features else tuple(FEATURES.values())
    data = build(unpack(request.histories, request.anchor, request.mood), chosen, request.options.rule)
    options = request.options
    if request.tune_s > 0:
        options = tune(data, options, request.tune_s, on_step)
    trained = train(data, options, on_step, _champion(request, data))
    on_step("export", 1.0)
    exported = export(trained, options, created_at=request.created_at, model=request.model)
    return Done(exported.manifest, exported.files, trained.report)


def _champion(request: TrainRequest, data: Dataset) -> Champion | None:
    """The serving model, if it can be opened and asks for nothing that these rows do not have."""
    if not request.champion:
        return None
    try:
        predictor = Predictor(open_artefact(Path(request.champion), seal=request.champion_seal))
    except FatalError:
        return None
    names = [feature.name for feature in predictor.features]
    if not set(names) <= set(data.names) or predictor.manifest.rule != request.options.rule:
        return None
    columns = [data.names.index(name) for name in names]
    return Champion(lambda rows: predictor.predict(rows.x[:, columns]).probabilities, predictor.manifest.trained_until)


def _send(stream: BinaryIO, answer: Answer) -> None:
    stream.write(frame(answer))
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
