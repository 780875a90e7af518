"""Whatever happens to a state, its mirror is the same once everything was told."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alphaplus_tui.domain.market import Candle, Side, Trade
from alphaplus_tui.domain.timeframe import MINUTE_NS, Timeframe
from alphaplus_tui.remote.mirror import Mirror
from alphaplus_tui.state.slices import ChartRow, CounterRow, FeedRow, FeedState, GapRow, TapeRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.wire.rows import OWN, SLICES
from alphaplus_tui.wire.telling import Teller
from tests.fakes.demo_rows import name_of
from tests.fakes.session import FakeSession

BTC, ETH, M1 = name_of("BTC"), name_of("ETH"), Timeframe("1m")


def rows_of(store: StateStore) -> dict[str, list[tuple[object, object]]]:
    """Every row of every slice, in order."""
    return {name: list(getattr(store, name).items()) for name in SLICES}


def tell(teller: Teller, mirror: Mirror, *, at_most: int = 10_000) -> bool:
    news = teller.news(at_most=at_most)
    mirror.take(news.slices, whole=news.whole)
    return news.whole


def tell_all(teller: Teller, mirror: Mirror, *, at_most: int) -> int:
    """How many updates it took."""
    for count in range(1, 100_000):
        if tell(teller, mirror, at_most=at_most):
            return count
    raise AssertionError("it never ends")


def test_every_slice_of_the_state_travels_but_those_of_the_visitor() -> None:
    assert set(vars(StateStore())) == set(SLICES) | OWN


def test_a_whole_demo_market_is_mirrored_in_small_steps() -> None:
    source, mirror = FakeSession().store, Mirror()
    assert tell_all(Teller(source), mirror, at_most=1_000) > 10
    assert rows_of(mirror.shown) == rows_of(source)


def test_nothing_is_told_twice() -> None:
    teller, mirror = Teller(FakeSession().store), Mirror()
    tell_all(teller, mirror, at_most=100_000)
    assert teller.news(at_most=100_000) == ({}, True)


def test_a_new_visit_replaces_what_is_gone_by_now() -> None:
    mirror, first, second = Mirror(), StateStore(), StateStore()
    for name in ("a", "b", "c"):
        first.counters.put(name, CounterRow(name, 1.0, 0.0))
    for name in ("c", "d"):
        second.counters.put(name, CounterRow(name, 2.0, 0.0))
    tell(Teller(first), mirror)
    mirror.begin()
    assert list(mirror.shown.counters) == ["a", "b", "c"]
    tell(Teller(second), mirror)
    assert rows_of(mirror.shown) == rows_of(second)


def test_until_a_new_visit_is_whole_the_old_picture_stays() -> None:
    mirror, source = Mirror(), FakeSession().store
    tell_all(Teller(source), mirror, at_most=100_000)
    before = rows_of(mirror.shown)
    mirror.begin()
    assert not tell(Teller(source), mirror, at_most=5)
    assert rows_of(mirror.shown) == before


def test_a_trade_that_moves_the_forming_candle_costs_no_thousand_candles() -> None:
    source, mirror = FakeSession().store, Mirror()
    teller = Teller(source)
    tell_all(teller, mirror, at_most=100_000)
    row = source.charts[BTC, M1]
    assert len(row.closed) > 100
    assert row.forming is not None
    source.charts.put((BTC, M1), ChartRow(BTC, M1, row.closed, None))
    source.tapes.put(BTC, TapeRow(BTC, (a_trade(99), *source.tapes[BTC].trades[:-1])))
    news = teller.news(at_most=10)
    assert news.whole
    assert sum(len(bytes(raw)) for raw in news.slices.values()) < 500


def a_candle(at: int, revision: int = 0) -> Candle:
    return Candle(BTC, M1, at * MINUTE_NS, 1.0, 2.0, 0.5, 1.5, float("inf"), revision=revision)


def a_trade(seq: int) -> Trade:
    return Trade(BTC, str(seq), seq, 1.0, 1.0, Side.BUY, seq, seq)


@dataclass(frozen=True)
class Put:
    slice: str
    key: Any
    row: Any


@dataclass(frozen=True)
class Drop:
    slice: str
    key: Any


@dataclass(frozen=True)
class Tell:
    at_most: int


@dataclass(frozen=True)
class VisitAnew:
    pass


def put_counter(name: str, value: float) -> Put:
    return Put("counters", name, CounterRow(name, value, 0.0))


def put_gap(seq: int) -> Put:
    return Put("gaps", (ETH, seq), GapRow(ETH, seq, seq, 1, "", 0))


def drop_gap(seq: int) -> Drop:
    return Drop("gaps", (ETH, seq))


def put_feed(state: FeedState) -> Put:
    return Put("feeds", BTC, FeedRow(BTC, state, "", 1, (1, 2)))


def put_chart(opens: list[int], revision: int) -> Put:
    closed = tuple(a_candle(at, revision if at % 3 == 0 else 0) for at in sorted(opens))
    return Put("charts", (BTC, M1), ChartRow(BTC, M1, closed, None))


def put_tape(seqs: list[int]) -> Put:
    return Put("tapes", BTC, TapeRow(BTC, tuple(a_trade(seq) for seq in sorted(seqs, reverse=True))))


NAMES = st.sampled_from(["a", "b", "c", "d"])
FEW = st.lists(st.integers(0, 12), max_size=8, unique=True)
STEPS = st.one_of(
    st.builds(put_counter, NAMES, st.floats(0, 9)),
    st.builds(Drop, st.just("counters"), NAMES),
    st.builds(put_gap, st.integers(0, 5)),
    st.builds(drop_gap, st.integers(0, 5)),
    st.builds(put_feed, st.sampled_from(FeedState)),
    st.builds(put_chart, FEW, st.integers(0, 2)),
    st.just(Drop("charts", (BTC, M1))),
    st.builds(put_tape, FEW),
    st.just(Drop("tapes", BTC)),
    st.builds(Tell, st.integers(1, 20)),
    st.just(VisitAnew()),
)


@given(st.lists(STEPS, max_size=60))
def test_the_mirror_equals_the_state_after_anything(steps: list[Put | Drop | Tell | VisitAnew]) -> None:
    source, mirror = StateStore(), Mirror()
    teller = Teller(source)
    for step in steps:
        match step:
            case Put(name, key, row):
                getattr(source, name).put(key, row)
            case Drop(name, key):
                getattr(source, name).drop(key)
            case Tell(at_most):
                tell(teller, mirror, at_most=at_most)
            case VisitAnew():
                teller = Teller(source)
                mirror.begin()
    tell_all(teller, mirror, at_most=3)
    assert rows_of(mirror.shown) == rows_of(source)
