"""Signals and decisions leave the database whole, in every format, and harmless for spreadsheets."""

import csv
import io
import json
from importlib import import_module
from typing import Any

import pytest
from msgspec import structs

from alphaplus_tui.domain.analysis import Decision, Outcome, Result
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Trade
from alphaplus_tui.domain.timeframe import SECOND_NS
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.runtime import export, export_opinions
from alphaplus_tui.runtime.export import export_trades
from alphaplus_tui.runtime.export_opinions import export_decisions, export_signals
from tests.fakes.market_data import a_trade, an_instrument
from tests.fakes.opinion_rows import CLOSED, SPAN, decision, signal_of
from tests.fakes.store import FakeStore

END = 2**62


def made(count: int, *, apart: int = SPAN) -> list[Decision]:
    """Of one instrument, ``apart`` (ns) from each other; the first one's reason would be a formula."""
    found = [decision("BTC", 100.0, CLOSED + number * SPAN) for number in range(count)]
    found = [
        structs.replace(one, id=f"id-{number}", decided_at=CLOSED + number * apart) for number, one in enumerate(found)
    ]
    return [structs.replace(found[0], reason="=HYPERLINK(1)"), *found[1:]]


async def a_store(decisions: list[Decision]) -> FakeStore:
    store = FakeStore()
    name = decisions[0].prediction.instrument
    exchange, _, symbol = name.partition(":")
    base, _, quote = symbol.partition("/")
    await store.register([Instrument(exchange, symbol, base + quote, base, quote, 0.01, 0.01)])
    outcome = Outcome(decisions[0].id, Result.TARGET, CLOSED + 9 * SPAN, 101.0, 78.5, "up", 0.4)
    signals = tuple(map(signal_of, decisions))
    await store.write(Batch(decisions=tuple(decisions), signals=signals, outcomes=(outcome,)))
    return store


def rows_of(data: bytes, format_name: str) -> list[dict[str, Any]]:
    match format_name:
        case "csv":
            return list(csv.DictReader(io.StringIO(data.decode())))
        case "json":
            return json.loads(data)
        case _:
            parquet: Any = import_module("pyarrow.parquet")  # Any: it has no types
            return parquet.read_table(io.BytesIO(data)).to_pylist()


@pytest.mark.parametrize("format_name", ["csv", "json", "parquet"])
async def test_signals_come_newest_first_with_what_became_of_them(format_name: str) -> None:
    decisions = made(3)
    stream = io.BytesIO()
    assert await export_signals(await a_store(decisions), stream, format_name, end=END) == 3
    found = rows_of(stream.getvalue(), format_name)
    assert [row["id"] for row in found] == ["id-2", "id-1", "id-0"]
    last = found[-1]
    assert (last["symbol"], last["timeframe"], last["result"]) == ("BTC/USDT", "5m", "target")
    assert float(last["result_bps"]) == 78.5
    probabilities = decisions[0].prediction.probabilities
    assert probabilities is not None
    assert float(last["p_up"]) == probabilities.up
    assert not found[0]["result"]


@pytest.mark.parametrize("format_name", ["csv", "json", "parquet"])
async def test_decisions_carry_the_gate_and_the_served_features(format_name: str) -> None:
    decisions = made(2)
    absent = structs.replace(decisions[1].prediction, features=(1.5, float("nan"), -2.0), absent=("rsi_14",))
    decisions[1] = structs.replace(decisions[1], prediction=absent)
    stream = io.BytesIO()
    assert await export_decisions(await a_store(decisions), stream, format_name, end=END) == 2
    newest, oldest = rows_of(stream.getvalue(), format_name)
    assert json.loads(newest["features"]) == [1.5, None, -2.0]
    assert (newest["absent"], newest["as_of"]) == ("rsi_14", "false")
    assert oldest["passed"].split(", ") == list(decisions[0].passed)
    assert oldest["reason"] == ("'=HYPERLINK(1)" if format_name == "csv" else "=HYPERLINK(1)")


@pytest.mark.parametrize("apart", [SPAN, 0])
@pytest.mark.parametrize("count", [1, 3, 4, 7, 20])
async def test_none_is_lost_or_told_twice_at_the_end_of_a_page(
    monkeypatch: pytest.MonkeyPatch, count: int, apart: int
) -> None:
    monkeypatch.setattr(export_opinions, "_PAGE", 3)
    store = await a_store(made(count, apart=apart))
    for write in (export_signals, export_decisions):
        stream = io.BytesIO()
        assert await write(store, stream, "csv", end=END) == count
        assert len({row["id"] for row in rows_of(stream.getvalue(), "csv")}) == count


async def test_only_the_moments_asked_for_come() -> None:
    store = await a_store(made(10))
    stream = io.BytesIO()
    await export_decisions(store, stream, "csv", start=CLOSED + 3 * SPAN, end=CLOSED + 6 * SPAN)
    assert [row["id"] for row in rows_of(stream.getvalue(), "csv")] == ["id-5", "id-4", "id-3"]


async def test_trades_that_share_a_moment_are_not_parted_by_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 3)
    unnumbered = structs.replace(an_instrument(), numbered=False)
    store = FakeStore()
    await store.register([unnumbered])
    trades: list[Trade] = []
    for number in range(20):
        at = 1_704_067_200 * SECOND_NS + number // 5 * SECOND_NS
        trades.append(structs.replace(a_trade(unnumbered.id, at, ts_event=at), trade_id=f"id-{number}"))
    await store.write(Batch(trades=tuple(trades)))
    stream = io.BytesIO()
    assert await export_trades(store, stream, "csv", end=END) == 20
    assert len({row["trade_id"] for row in rows_of(stream.getvalue(), "csv")}) == 20
