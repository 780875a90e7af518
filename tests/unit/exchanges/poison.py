"""Good frames with something put wrong somewhere: what a parser must refuse without ever falling over."""

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, cast

from hypothesis import strategies as st

_WRONG: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 1e308, -1e308, 10**400, "", "NaN", "-Infinity", "1e999", "☃\x1b[31m",
    [], {}, [[]], "x" * 5000,
)  # fmt: skip
_NOT_JSON = ("NaN", "Infinity", "-", "{", "]", "\\u12", "1e", "tru", '"')


def poisoned(frames: Sequence[str]) -> st.SearchStrategy[bytes]:
    """One of ``frames`` with a value of another kind, cut short, with noise inside, or in odd company."""
    good = st.sampled_from([frame.encode() for frame in frames])
    return st.one_of(
        st.builds(_with_a_wrong_value, st.sampled_from(frames), st.randoms(use_true_random=False)),
        st.builds(_cut_short, good, st.floats(0.0, 1.0)),
        st.builds(_with_noise, good, st.floats(0.0, 1.0), st.binary(min_size=1, max_size=8)),
        st.builds(_with_noise, good, st.floats(0.0, 1.0), st.sampled_from([text.encode() for text in _NOT_JSON])),
        st.binary(max_size=200),
    )


def _with_a_wrong_value(frame: str, random: Any) -> bytes:
    said = deepcopy(json.loads(frame))
    places = list(_places(said))
    holder, key = random.choice(places)
    if random.random() < 0.15 and isinstance(holder, dict):
        del holder[key]
    else:
        holder[key] = random.choice(_WRONG)
    return json.dumps(said, separators=(",", ":")).encode()


def _with_noise(frame: bytes, share: float, noise: bytes) -> bytes:
    at = int(len(frame) * share)
    return frame[:at] + noise + frame[at:]


def _cut_short(frame: bytes, share: float) -> bytes:
    return frame[: int(len(frame) * share)]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Everything inside ``value``: what holds it, and under which key."""
    if isinstance(value, dict):
        inside = list(cast(dict[Any, Any], value).items())
    else:
        inside = list(enumerate(cast(list[Any], value))) if isinstance(value, list) else []
    for key, held in inside:
        yield value, key
        yield from _places(held)
