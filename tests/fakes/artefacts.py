"""Small sealed models whose opinion is known: a softmax of a weighted sum of a few features."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import MINUTE_NS, Timeframe
from alphaplus_tui.features import anchor, clock, momentum, trend, volatility
from alphaplus_tui.features import range as price_range
from alphaplus_tui.features.barriers import BarrierRule
from alphaplus_tui.features.registry import FEATURES
from alphaplus_tui.models.artefact import EngineFiles, FeatureProfile, Manifest
from alphaplus_tui.models.ensemble import equal
from alphaplus_tui.models.registry import Entry, Registry

FIVE_MINUTES = Timeframe("5m")
LENGTH_NS = 5 * MINUTE_NS
START_NS = 1_704_067_200_000_000_000
FEW = ("return_1", "volatility", "rsi_14", "day_sine")
WITH_ANCHOR = (*FEW, "anchor_return_6")
PRICES_ALONE = tuple(
    feature.name for topic in (momentum, volatility, trend, price_range, clock, anchor) for feature in topic.SPECS
)
"""Features that any candles can tell, also those that know of no takers and no news."""


def linear_onnx(weights: Sequence[Sequence[float]], bias: Sequence[float]) -> bytes:
    """softmax(x · weights + bias); weights: (features, 3), for down, none, up."""
    onnx: Any = import_module("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    table, shift = np.array(weights, np.float32), np.array(bias, np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w", "b"], ["scores"]),
            helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        ],
        "linear",
        [helper.make_tensor_value_info("x", floats, [None, len(weights)])],
        [helper.make_tensor_value_info("probabilities", floats, [None, 3])],
        [onnx.numpy_helper.from_array(table, "w"), onnx.numpy_helper.from_array(shift, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def profile(name: str, *, low: float = -1e9, high: float = 1e9) -> FeatureProfile:
    feature = FEATURES[name]
    edges = tuple(float(edge) for edge in np.linspace(-2, 2, 9))
    return FeatureProfile(
        name=name,
        version=feature.version,
        parameters=feature.parameters,
        low=low,
        high=high,
        median=0.0,
        edges=edges,
        counts=(100,) * 10,
        clock=feature.clock,
    )


def a_model(
    name: str,
    *,
    features: Sequence[str] = FEW,
    bias: Sequence[float] = (0.0, 0.0, 1.0),
    weight: float = 0.01,
    edge: bool = True,
    low: float = -1e9,
    high: float = 1e9,
    timeframe: str = FIVE_MINUTES,
) -> tuple[Manifest, Mapping[str, bytes]]:
    """bias: before the softmax, for down, none, up; ``weight`` of each feature speaks for up."""
    content = linear_onnx([[-weight, 0.0, weight]] * len(features), bias)
    manifest = Manifest(
        id=name,
        created_at=START_NS,
        timeframe=timeframe,
        instruments=("fake:BTC/USDT",),
        rule=BarrierRule(),
        none_change=0.0,
        features=tuple(profile(feature, low=low, high=high) for feature in features),
        engines=(EngineFiles("linear", "linear.onnx"),),
        ensemble=equal(("linear",)),
        trained_from=START_NS,
        trained_until=START_NS,
        rows=1000,
        edge=edge,
        verdict="edge: +9.0 bps per signal" if edge else "no edge found",
        metrics={"pooled_brier": 0.6},
        libraries={},
        parity={},
        files={},
    )
    return manifest, {"linear.onnx": content, "report.json": b"{}"}


def shelve(registry: Registry, name: str, *, champion: bool = False, **traits: Any) -> Entry:
    """A model of ``a_model`` in the registry."""
    entry = registry.add(*a_model(name, **traits))
    return registry.promote(name, "by the test") if champion else entry


def a_registry(folder: Path) -> Registry:
    ticks = iter(range(1, 10_000))
    return Registry(folder, lambda: START_NS + next(ticks))


def some_candles(
    instrument: InstrumentId,
    count: int,
    *,
    seed: int = 1,
    start_ns: int = START_NS,
    timeframe: Timeframe = FIVE_MINUTES,
    length_ns: int = LENGTH_NS,
) -> list[Candle]:
    """Closed candles in a row whose prices wander."""
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.001, count)))
    opens = np.concatenate([[100.0], closes[:-1]])
    reach = rng.uniform(0, 0.001, (2, count))
    volumes, shares, trades = rng.uniform(1, 50, count), rng.uniform(0.2, 0.8, count), rng.integers(5, 90, count)
    return [
        Candle(
            instrument,
            timeframe,
            start_ns + number * length_ns,
            float(opens[number]),
            float(max(opens[number], closes[number]) * (1 + reach[0, number])),
            float(min(opens[number], closes[number]) * (1 - reach[1, number])),
            float(closes[number]),
            float(volumes[number]),
            int(trades[number]),
            float(volumes[number] * shares[number]),
        )
        for number in range(count)
    ]
