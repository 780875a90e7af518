"""What a training process is asked for and what it answers, as bytes."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from msgspec import Struct

from alphaplus_tui.domain.analysis import Mood
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import parse_timeframe
from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.learning.report import Report
from alphaplus_tui.learning.train import TrainOptions
from alphaplus_tui.models.artefact import Manifest

_COLUMNS = ("open", "high", "low", "close", "volume", "trades", "buy_volume")


class WireHistory(Struct, frozen=True):
    """The candles of one instrument, columns as little-endian bytes."""

    instrument: str
    timeframe: str
    open_time: bytes
    columns: Mapping[str, bytes]


class TrainRequest(Struct, frozen=True):
    """Everything a training needs; nothing is read from elsewhere but the champion's folder."""

    histories: tuple[WireHistory, ...]
    options: TrainOptions
    model: str
    """Id of the new model."""
    created_at: int
    anchor: str = ""
    """The instrument whose closes all others are related to; empty: none."""
    mood: Mood | None = None
    features: tuple[str, ...] = ()
    """Names; empty: all that are registered."""
    champion: str = ""
    """Folder of the serving model, to be compared with; empty: none."""
    champion_seal: str = ""
    tune_s: float = 0.0
    """Seconds to look for better parameters; 0: not at all."""


class Progress(Struct, frozen=True, tag="progress"):
    """What is being done, and how much of all is done (0 to 1)."""

    step: str
    share: float


class Done(Struct, frozen=True, tag="done"):
    """The model as the registry takes it."""

    manifest: Manifest
    files: Mapping[str, bytes]
    report: Report


class Failed(Struct, frozen=True, tag="failed"):
    """Trying again with the same request cannot help."""

    title: str
    text: str


Answer = Progress | Done | Failed


def pack(instrument: InstrumentId, panel: Panel) -> WireHistory:
    columns = {name: np.asarray(getattr(panel, name), "<f8").tobytes() for name in _COLUMNS}
    return WireHistory(instrument, panel.timeframe, panel.open_time.astype("<i8").tobytes(), columns)


def unpack(histories: Sequence[WireHistory], anchor: str, mood: Mood | None = None) -> list[tuple[InstrumentId, Panel]]:
    """The panels, with the mood of the news, related to the anchor's where it is among them."""
    panels = {history.instrument: _panel(history) for history in histories}
    leader = panels.get(anchor)
    related = {name: panel if leader is None else panel.with_anchor(leader) for name, panel in panels.items()}
    return [(InstrumentId(name), panel.with_mood(mood) if mood else panel) for name, panel in related.items()]


def _panel(history: WireHistory) -> Panel:
    columns: dict[str, Floats] = {
        name: np.frombuffer(content, "<f8").astype(np.float64) for name, content in history.columns.items()
    }
    opened = np.frombuffer(history.open_time, "<i8").astype(np.int64)
    return Panel(
        parse_timeframe(history.timeframe),
        opened,
        open_=columns["open"],
        high=columns["high"],
        low=columns["low"],
        close=columns["close"],
        volume=columns["volume"],
        trades=columns["trades"],
        buy_volume=columns["buy_volume"],
    )


def frame(answer: Answer) -> bytes:
    """Length and content, as it goes through the pipe."""
    content = msgspec.msgpack.encode(answer)
    return len(content).to_bytes(8, "big") + content
