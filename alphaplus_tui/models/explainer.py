"""Answers one question of which features moved an opinion, and ends: ``python -m alphaplus_tui.models.explainer``."""

import os
import sys
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.domain.analysis import Contribution, Explanation
from alphaplus_tui.errors import FatalError
from alphaplus_tui.models.artefact import Artefact, ModelRefused, open_artefact
from alphaplus_tui.models.contributions import explain
from alphaplus_tui.models.explain import Answer, Explained, Question, Unexplained

_LEFT_OUT = ("sklearn",)
"""What the boosting libraries would import for others' sake, which takes seconds."""
_METHODS = {"TreeSHAP": "treeshap", "replaced by the median": "median replacement"}


def explained(artefact: Artefact, row: NDArray[np.float32]) -> Explanation:
    """``ModelRefused`` when the row is none of the model's, or contributions do not add up to the margin."""
    if row.shape != (len(artefact.manifest.features),) or not np.isfinite(row).all():
        raise ModelRefused("the row is not one that the model could be asked with")
    why = explain(artefact, row)
    shares = tuple(Contribution(part.feature, part.value, part.amount) for part in why.contributions)
    return Explanation(_METHODS[why.method], why.base, why.lean, shares)


def main() -> None:
    """The question on standard input, the answer on standard output; what libraries print goes to standard error."""
    for name in _LEFT_OUT:
        sys.modules[name] = None  # pyright: ignore[reportArgumentType]  None is how an import is refused
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    question = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Question)
    answer: Answer
    try:
        artefact = open_artefact(Path(question.folder), seal=question.seal)
        answer = Explained(explained(artefact, np.asarray(question.row, np.float32)))
    except FatalError as error:
        answer = Unexplained(str(error))
    stdout.write(msgspec.msgpack.encode(answer))
    stdout.flush()


if __name__ == "__main__":
    main()
