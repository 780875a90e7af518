"""Candles are made of trades by exchange time, and the order in which trades come does not matter."""

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from alphaplus_tui.domain.candles import GRACE_NS, CandleBuilder, Changes
from alphaplus_tui.domain.continuity import SequenceLedger, Standing
from alphaplus_tui.domain.market import Candle, Provenance, Side, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from tests.fakes.market_data import a_trade, an_instrument
from tests.unit.services.pipeline import figures, recomputed, some_trades

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
START_NS = 1_704_067_200 * SECOND_NS
BTC = an_instrument().id
MINUTE, FIVE_MINUTES = Timeframe("1m"), Timeframe("5m")


def a_builder(*timeframes: Timeframe, keep: int = 50) -> CandleBuilder:
    return CandleBuilder(BTC, timeframes or (MINUTE,), keep=keep)


def at(seq: int, seconds: float, price: float = 100.0, *, quantity: float = 1.0, side: Side = Side.BUY) -> Trade:
    """A trade so many seconds after the start."""
    ts = START_NS + round(seconds * SECOND_NS)
    return a_trade(BTC, seq, price=price, quantity=quantity, side=side, ts_event=ts)


def fetched(seq: int, seconds: float, price: float = 100.0) -> Trade:
    """As ``at``, of the exchange's past."""
    return structs.replace(at(seq, seconds, price), provenance=Provenance.BACKFILLED)


def spans(changes: Changes) -> list[tuple[int, bool, Provenance, int]]:
    """Minute, completeness, provenance and revision of the closed candles."""
    return [((c.open_time - START_NS) // MINUTE_NS, c.complete, c.provenance, c.revision) for c in changes.closed]


def test_the_first_later_trade_closes_a_span() -> None:
    builder = a_builder()
    builder.add(at(1, 10, 100.0, quantity=2.0))
    builder.add(at(2, 20, 103.0, quantity=0.5, side=Side.SELL))
    builder.add(at(3, 59.999, 99.0, quantity=0.25))
    (closed,) = builder.add(at(4, 60, 101.0)).closed
    assert (closed.open, closed.high, closed.low, closed.close) == (100.0, 103.0, 99.0, 99.0)
    assert (closed.volume, closed.trades, closed.buy_volume) == (2.75, 3, 2.25)
    assert (closed.open_time, closed.forming, closed.revision) == (START_NS, False, 0)


def test_without_a_later_trade_a_span_closes_a_little_after_its_end() -> None:
    builder = a_builder()
    builder.add(at(1, 10))
    assert builder.advance(START_NS + MINUTE_NS + GRACE_NS - 1).closed == ()
    assert spans(builder.advance(START_NS + MINUTE_NS + GRACE_NS)) == [(0, False, Provenance.LIVE, 0)]
    assert builder.advance(START_NS + MINUTE_NS + GRACE_NS).closed == ()


def test_the_span_in_which_we_began_is_not_complete_but_the_next_is() -> None:
    builder = a_builder()
    closed = [builder.add(at(seq, seq * 50)).closed for seq in range(1, 5)]
    assert [candle.complete for candles in closed for candle in candles] == [False, True, True]


def test_where_nothing_traded_candles_are_flat_at_the_last_price() -> None:
    builder = a_builder()
    builder.add(at(1, 10, 105.0))
    closed = builder.add(at(2, 200)).closed
    assert [(c.provenance, c.open, c.close, c.volume, c.trades) for c in closed[1:]] == [
        (Provenance.FLAT, 105.0, 105.0, 0.0, 0),
        (Provenance.FLAT, 105.0, 105.0, 0.0, 0),
    ]
    assert all(c.complete for c in closed[1:])


def test_flat_candles_appear_as_time_passes() -> None:
    builder = a_builder()
    builder.add(at(1, 10))
    assert spans(builder.advance(START_NS + 3 * MINUTE_NS + GRACE_NS)) == [
        (0, False, Provenance.LIVE, 0),
        (1, True, Provenance.FLAT, 0),
        (2, True, Provenance.FLAT, 0),
    ]


def test_a_trade_in_a_flat_span_corrects_it_and_the_flat_ones_behind_it() -> None:
    builder = a_builder()
    builder.add(at(1, 10, 100.0))
    builder.advance(START_NS + 4 * MINUTE_NS + GRACE_NS)
    changes = builder.add(at(2, 90, 110.0))
    assert spans(changes) == [
        (1, True, Provenance.LIVE, 1),
        (2, True, Provenance.FLAT, 1),
        (3, True, Provenance.FLAT, 1),
    ]
    assert {candle.close for candle in changes.closed} == {110.0}


def test_a_late_trade_corrects_open_and_close_exactly() -> None:
    builder = a_builder()
    builder.add(at(1, 1))
    builder.add(at(4, 62, 104.0))
    builder.add(at(7, 121))
    (first,) = builder.add(at(3, 61, 103.0)).closed
    (last,) = builder.add(at(5, 63, 105.0)).closed
    (middle,) = builder.add(at(6, 62.5, 99.0)).closed
    assert (first.open, first.close, first.revision) == (103.0, 104.0, 1)
    assert (last.open, last.close, last.revision) == (103.0, 105.0, 2)
    assert (middle.open, middle.close, middle.low, middle.revision) == (103.0, 105.0, 99.0, 3)


def test_trades_of_one_moment_are_ordered_by_their_number() -> None:
    builder = a_builder()
    for seq, price in ((11, 1.1), (13, 1.3), (12, 1.2), (10, 1.0)):
        builder.add(at(seq, 30, price))
    (closed,) = builder.add(at(14, 60)).closed
    assert (closed.open, closed.close) == (1.0, 1.3)


def test_a_gap_leaves_candles_incomplete_and_holes_until_it_is_closed() -> None:
    builder = a_builder()
    builder.add(at(1, 10))
    builder.add(at(2, 70))
    builder.open_gap(3, 5)
    assert spans(builder.add(at(6, 250))) == [(1, False, Provenance.LIVE, 0)]
    assert builder.add(at(3, 75)).closed == ()
    assert builder.add(at(4, 190)).closed == ()
    assert builder.add(at(5, 195)).closed == ()
    assert spans(builder.close_gap(3)) == [
        (1, True, Provenance.LIVE, 1),
        (2, True, Provenance.FLAT, 0),
        (3, True, Provenance.LIVE, 0),
    ]


def test_a_gap_that_cannot_be_closed_shows_what_is_known() -> None:
    builder = a_builder()
    builder.add(at(1, 10))
    builder.open_gap(2, 4)
    builder.add(at(5, 190))
    assert builder.add(at(3, 70)).closed == ()
    assert spans(builder.give_up(2)) == [(1, False, Provenance.LIVE, 0)]


def test_a_gap_noticed_later_takes_back_what_was_called_complete() -> None:
    builder = a_builder()
    builder.add(at(1, 10))
    builder.add(at(2, 70))
    assert spans(builder.advance(START_NS + 3 * MINUTE_NS + GRACE_NS)) == [
        (1, True, Provenance.LIVE, 0),
        (2, True, Provenance.FLAT, 0),
    ]
    assert spans(builder.open_gap(3, 3)) == [(1, False, Provenance.LIVE, 1), (2, False, Provenance.FLAT, 1)]
    builder.add(at(4, 190))
    builder.add(at(3, 130, 107.0))
    assert spans(builder.close_gap(3)) == [(1, True, Provenance.LIVE, 2), (2, True, Provenance.LIVE, 2)]


def test_while_the_feed_is_lost_nothing_is_certain_until_the_next_trade() -> None:
    builder = a_builder()
    builder.add(at(1, 10))
    builder.add(at(2, 70))
    builder.feed_lost()
    assert spans(builder.advance(START_NS + 3 * MINUTE_NS + GRACE_NS)) == [(1, False, Provenance.LIVE, 0)]
    assert spans(builder.add(at(3, 185))) == [(1, True, Provenance.LIVE, 1), (2, True, Provenance.FLAT, 0)]


def test_continuing_where_the_last_run_ended_makes_the_later_spans_complete() -> None:
    builder = a_builder()
    builder.stored_until(6, START_NS - SECOND_NS)
    builder.add(at(7, 10))
    assert spans(builder.add(at(8, 70))) == [(0, True, Provenance.LIVE, 0)]


def test_trades_fetched_up_to_the_last_run_complete_the_first_span() -> None:
    builder = a_builder()
    builder.add(at(7, 70))
    builder.stored_until(4, START_NS - SECOND_NS)
    builder.open_gap(5, 6)
    assert spans(builder.advance(START_NS + 2 * MINUTE_NS + GRACE_NS)) == [(1, False, Provenance.LIVE, 0)]
    builder.add(at(5, 10))
    builder.add(at(6, 65))
    assert spans(builder.close_gap(5)) == [(0, True, Provenance.LIVE, 0), (1, True, Provenance.LIVE, 1)]


def test_while_what_traded_since_the_last_run_is_being_fetched_no_candle_is_flat() -> None:
    builder = a_builder()
    builder.stored_until(4, START_NS - SECOND_NS)
    builder.open_gap(5, 7)
    assert builder.add(fetched(5, 10)).closed == ()
    assert spans(builder.advance(START_NS + 9 * MINUTE_NS)) == [(0, False, Provenance.BACKFILLED, 0)]
    builder.add(fetched(6, 70))
    builder.add(fetched(7, 190))
    assert spans(builder.close_gap(5)) == [
        (0, True, Provenance.BACKFILLED, 1),
        (1, True, Provenance.BACKFILLED, 0),
        (2, True, Provenance.FLAT, 0),
    ]


def test_behind_what_was_fetched_nothing_is_certain_until_a_trade_is_heard() -> None:
    builder = a_builder()
    builder.stored_until(4, START_NS - SECOND_NS)
    builder.open_gap(5, 6)
    builder.add(fetched(5, 10))
    builder.add(fetched(6, 70))
    builder.close_gap(5)
    assert spans(builder.advance(START_NS + 4 * MINUTE_NS)) == [(1, False, Provenance.BACKFILLED, 0)]
    assert spans(builder.add(at(7, 250))) == [
        (1, True, Provenance.BACKFILLED, 1),
        (2, True, Provenance.FLAT, 0),
        (3, True, Provenance.FLAT, 0),
    ]


def test_a_hole_in_what_was_fetched_leaves_its_candle_incomplete() -> None:
    builder = a_builder()
    builder.stored_until(4, START_NS - SECOND_NS)
    builder.open_gap(5, 8)
    for trade in (fetched(5, 10), fetched(6, 70), fetched(8, 130), at(9, 200)):
        builder.add(trade)
    assert not any(complete for _, complete, _, _ in spans(builder.give_up(5)))
    assert spans(builder.advance(START_NS + 5 * MINUTE_NS + GRACE_NS)) == [
        (3, False, Provenance.LIVE, 0),
        (4, True, Provenance.FLAT, 0),
    ]


def test_trades_of_an_earlier_runs_gap_begin_no_candles() -> None:
    builder = a_builder()
    builder.stored_until(50, START_NS + 9 * MINUTE_NS)
    assert builder.add(fetched(7, 10)) == Changes()
    assert builder.advance(START_NS + 20 * MINUTE_NS) == Changes()
    builder.add(at(51, 9 * 60 + 30))
    assert spans(builder.add(at(52, 11 * 60))) == [(9, False, Provenance.LIVE, 0), (10, True, Provenance.FLAT, 0)]


def test_numbers_that_begin_anew_before_anything_was_heard_make_candles() -> None:
    builder = a_builder()
    builder.stored_until(5_000, START_NS - SECOND_NS)
    builder.renumbered(1)
    builder.add(at(1, 10))
    builder.add(at(2, 70))
    assert spans(builder.add(at(3, 130))) == [(1, True, Provenance.LIVE, 0)]


def test_without_numbers_no_candle_is_flat_while_the_time_since_the_last_run_is_being_fetched() -> None:
    stored_ns = START_NS - SECOND_NS
    builder = a_builder()
    builder.stored_until(stored_ns, stored_ns)
    builder.open_stretch(stored_ns, START_NS + 4 * MINUTE_NS)
    for seconds in (10, 70):
        trade = fetched(1, seconds)
        builder.add(structs.replace(trade, seq=trade.ts_event))
    assert spans(builder.advance(START_NS + 9 * MINUTE_NS)) == [(1, False, Provenance.BACKFILLED, 0)]
    late = fetched(1, 200)
    builder.add(structs.replace(late, seq=late.ts_event))
    told = spans(builder.close_gap(stored_ns))
    assert [(minute, complete) for minute, complete, _, _ in told][:4] == [(0, True), (1, True), (2, True), (3, True)]


def test_the_exchanges_own_candle_is_not_changed_by_trades_that_come_later() -> None:
    builder = a_builder()
    builder.add(at(5, 10))
    (incomplete,) = builder.add(at(6, 70)).closed
    builder.replace(Candle(BTC, MINUTE, START_NS, 1, 2, 1, 2, 9.0, revision=incomplete.revision + 1))
    assert builder.add(at(4, 5)).closed == ()


def test_a_new_numbering_goes_on_with_what_traded_in_between_unknown() -> None:
    builder = a_builder()
    builder.add(at(1_000_000, 10))
    builder.add(at(1_000_001, 70))
    builder.renumbered(5)
    assert spans(builder.add(at(5, 130))) == [(1, False, Provenance.LIVE, 0)]
    assert spans(builder.add(at(6, 190))) == [(2, False, Provenance.LIVE, 0)]
    assert spans(builder.add(at(7, 250))) == [(3, True, Provenance.LIVE, 0)]


def test_a_week_of_silence_in_seconds_is_a_hole_and_costs_nothing() -> None:
    builder = a_builder(Timeframe("1s"))
    builder.add(at(1, 0))
    changes = builder.add(at(2, 7 * 86_400))
    assert len(changes.closed) == 1


def test_old_spans_are_forgotten() -> None:
    builder = a_builder(keep=5)
    for seq in range(1, 200):
        builder.add(at(seq, seq * 60))
    assert builder.add(at(0, 90)).closed == ()
    assert builder.spans_kept <= 11


def test_spans_behind_a_gap_are_kept_until_it_is_closed() -> None:
    builder = a_builder(keep=2)
    builder.add(at(1, 30))
    builder.open_gap(2, 3)
    for seq in range(4, 30):
        builder.add(at(seq, seq * 60))
    builder.add(at(2, 95))
    builder.add(at(3, 150))
    closed = spans(builder.close_gap(2))
    assert closed == [
        (1, True, Provenance.LIVE, 0),
        (2, True, Provenance.LIVE, 0),
        (3, True, Provenance.FLAT, 0),
        (4, True, Provenance.LIVE, 1),
    ]


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False), st.integers(2, 120))
def test_any_order_of_arrival_gives_the_same_candles_in_the_end(seed: int, rng: random.Random, count: int) -> None:
    trades = some_trades(count, seed=seed, step_ns=7 * SECOND_NS)
    arrival = list(trades)
    rng.shuffle(arrival)
    final = _played(arrival, rng)
    trades = arrival
    expected = {timeframe: recomputed(trades, timeframe) for timeframe in (MINUTE, FIVE_MINUTES)}
    for (timeframe, opens), candle in final.items():
        if candle.provenance is Provenance.FLAT:
            assert opens not in expected[timeframe]
        else:
            assert figures(candle) == expected[timeframe][opens]
    for timeframe, spans_of in expected.items():
        first, *others = sorted(spans_of)
        assert {opens for tf, opens in final if tf == timeframe} >= set(spans_of)
        assert all(final[timeframe, opens].complete for opens in others)
        # flat ones only where the next trade or the clock proves it, and never a hole between two candles
        opens_all = sorted(opens for tf, opens in final if tf == timeframe)
        assert opens_all[0] == first
        step = opens_all[1] - opens_all[0] if len(opens_all) > 1 else 0
        assert all(b - a == step for a, b in pairwise(opens_all))


def _played(arrival: list[Trade], rng: random.Random) -> dict[tuple[Timeframe, int], Candle]:
    """The last word on every span, after continuity and builder saw the trades in this order."""
    ledger, builder = SequenceLedger(), a_builder(MINUTE, FIVE_MINUTES)
    final: dict[tuple[Timeframe, int], Candle] = {}

    def heard(changes: Changes) -> None:
        for candle in changes.closed:
            before = final.get((candle.timeframe, candle.open_time))
            assert before is None or candle.revision == before.revision + 1
            final[candle.timeframe, candle.open_time] = candle

    newest = 0
    for trade in arrival:
        seen = ledger.see(trade.seq, trade.ts_event)
        assert seen.standing is Standing.NEW
        if seen.opened is not None:
            heard(builder.open_gap(seen.opened.first, seen.opened.last))
        heard(builder.add(trade))
        if seen.filled is not None and not seen.filled.missing:
            heard(builder.close_gap(seen.filled.first))
        newest = max(newest, trade.ts_event)
        if rng.random() < 0.2:
            heard(builder.advance(newest))
        if rng.random() < 0.1:
            heard(builder.feed_lost())
    # the trade that proves the feed is back, and time enough to close what it is in
    last = at(len(arrival) + 1, (newest - START_NS) / SECOND_NS)
    ledger.see(last.seq, last.ts_event)
    trades = [*arrival, last]
    heard(builder.add(last))
    heard(builder.advance(newest + 6 * MINUTE_NS))
    arrival[:] = trades
    return final
