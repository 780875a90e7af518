"""Each trade counts once, and what was skipped is known."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from alphaplus_tui.domain.continuity import Gap, SequenceLedger, Sighting, Standing

SECOND_NS = 1_000_000_000


def see(ledger: SequenceLedger, *numbers: int, backfilled: bool = False) -> list[Standing]:
    return [ledger.see(seq, seq * SECOND_NS, backfilled=backfilled).standing for seq in numbers]


def bounds(gap: Gap | None) -> tuple[int, int, int] | None:
    return (gap.first, gap.last, gap.missing) if gap is not None else None


def test_numbers_that_follow_one_another_are_new() -> None:
    ledger = SequenceLedger()
    assert see(ledger, 5, 6, 7) == [Standing.NEW] * 3
    assert ledger.gaps == {}


def test_a_number_seen_before_is_known() -> None:
    assert see(SequenceLedger(), 5, 6, 6, 5) == [Standing.NEW, Standing.NEW, Standing.KNOWN, Standing.KNOWN]


def test_a_skip_opens_a_gap_that_fills_in_any_order() -> None:
    ledger = SequenceLedger()
    see(ledger, 1)
    assert bounds(ledger.see(6, 6).opened) == (2, 5, 4)
    assert see(ledger, 4, 4, 2, 5) == [Standing.NEW, Standing.KNOWN, Standing.NEW, Standing.NEW]
    assert bounds(ledger.see(3, 3, backfilled=True).filled) == (2, 5, 0)
    assert ledger.gaps == {}


def test_what_rest_has_beyond_a_gap_is_left_to_the_stream() -> None:
    ledger = SequenceLedger()
    see(ledger, 1)
    assert see(ledger, 2, 3, backfilled=True) == [Standing.KNOWN, Standing.KNOWN]
    assert see(ledger, 2) == [Standing.NEW]


def test_the_last_run_and_the_first_trade_of_this_one_frame_a_gap() -> None:
    late, early = SequenceLedger(), SequenceLedger()
    see(late, 11)
    assert bounds(late.stored_until(7, 7)) == (8, 10, 3)
    assert early.stored_until(7, 7) is None
    assert bounds(early.see(11, 11).opened) == (8, 10, 3)
    assert see(late, 7) == see(early, 7) == [Standing.KNOWN]


def test_a_first_trade_that_continues_the_last_run_leaves_no_gap() -> None:
    ledger = SequenceLedger()
    ledger.stored_until(7, 7)
    assert ledger.see(8, 8) == Sighting(Standing.NEW)


def test_trades_late_at_the_very_beginning_are_new_and_what_lies_between_is_missing() -> None:
    ledger = SequenceLedger()
    see(ledger, 100)
    assert bounds(ledger.see(97, 97).opened) == (98, 99, 2)
    assert see(ledger, 98, 99, 97) == [Standing.NEW, Standing.NEW, Standing.KNOWN]


def test_a_low_number_with_a_newer_time_is_a_new_numbering() -> None:
    ledger = SequenceLedger()
    see(ledger, 1_000_000, 1_000_005)
    seen = ledger.see(17, 2_000_000 * SECOND_NS)
    assert seen.standing is Standing.RESTARTED
    assert [bounds(gap) for gap in seen.abandoned] == [(1_000_001, 1_000_004, 4)]
    assert ledger.see(18, 2_000_001 * SECOND_NS).standing is Standing.NEW


def test_old_numbers_told_again_are_no_new_numbering() -> None:
    ledger = SequenceLedger()
    see(ledger, 1_000_000, 1_000_001)
    assert see(ledger, 5) == [Standing.KNOWN]


def test_a_numbering_that_restarted_while_we_were_away_is_noticed_at_the_first_trade() -> None:
    ledger = SequenceLedger()
    ledger.stored_until(500, 500 * SECOND_NS)
    assert ledger.see(400, 900 * SECOND_NS).standing is Standing.RESTARTED


def test_a_gap_that_is_open_already_is_not_opened_twice() -> None:
    ledger = SequenceLedger()
    see(ledger, 1, 5)
    assert ledger.reopen(2, 4) is None
    assert ledger.reopen(4, 4) is None
    assert bounds(ledger.reopen(-10, -8)) == (-10, -8, 3)


@given(st.integers(2, 60), st.randoms(use_true_random=False))
def test_whatever_comes_in_whatever_order_each_is_new_once_and_the_rest_is_missing(count: int, rng: Random) -> None:
    ledger = SequenceLedger()
    came = [seq for seq in range(1, count + 1) if rng.random() < 0.7]
    arrival = came + [seq for seq in came if rng.random() < 0.3]
    rng.shuffle(arrival)
    new = [seq for seq in arrival if ledger.see(seq, seq, backfilled=False).standing is Standing.NEW]
    assert sorted(new) == came
    missing = {seq for gap in ledger.gaps.values() for first, last in gap.ranges for seq in range(first, last + 1)}
    expected = set(range(came[0], came[-1])) - set(came) if came else set[int]()
    assert missing == expected
    assert sum(gap.missing for gap in ledger.gaps.values()) == len(expected)
