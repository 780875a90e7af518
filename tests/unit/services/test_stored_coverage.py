"""Whatever is not stored shows: a hole between two stretches is a gap, whether or not somebody wrote it down."""

from alphaplus_tui.domain.coverage import Cover, CoverageRow
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.services.stored_coverage import COUNTED_ANEW, NOT_STORED, coverage_map, coverage_page, with_holes
from tests.fakes.market_data import a_trade, an_instrument
from tests.fakes.store import FakeStore

BTC, SOL = InstrumentId("fake:BTC/USDT"), InstrumentId("fake:SOL/USDT")
SECOND = 1_000_000_000
NOON = 1_733_054_400 * SECOND


def stretch(first: int, last: int, *, start: int, end: int, timeframe: str = "", of: InstrumentId = BTC) -> CoverageRow:
    """start, end: seconds after noon."""
    return CoverageRow(of, timeframe, Cover.LIVE, NOON + start * SECOND, NOON + end * SECOND, first, last)


def told(rows: list[CoverageRow]) -> list[tuple[int, int, int, str]]:
    return [
        ((row.start - NOON) // SECOND, (row.end - NOON) // SECOND, row.missing, row.reason)
        for row in with_holes(rows)
        if row.cover is Cover.GAP
    ]


def test_a_hole_between_two_stretches_says_how_many_are_missing() -> None:
    rows = [stretch(1, 10, start=0, end=9), stretch(15, 20, start=30, end=40)]
    assert told(rows) == [(9, 30, 4, NOT_STORED)]


def test_a_recorded_gap_is_not_told_twice() -> None:
    gap = CoverageRow(BTC, "", Cover.GAP, NOON + 9 * SECOND, NOON + 30 * SECOND, 11, 14, 4, "not served")
    rows = [stretch(1, 10, start=0, end=9), gap, stretch(15, 20, start=30, end=40)]
    assert told(rows) == [(9, 30, 4, "not served")]


def test_stretches_that_follow_each_other_by_number_leave_no_hole_however_quiet_it_was() -> None:
    assert told([stretch(1, 10, start=0, end=9), stretch(11, 20, start=4_000, end=5_000)]) == []


def test_a_numbering_that_began_anew_is_a_hole_of_unknown_size() -> None:
    assert told([stretch(1, 10, start=0, end=9), stretch(3, 20, start=30, end=40)]) == [(9, 30, 1, COUNTED_ANEW)]


def test_series_do_not_mix() -> None:
    rows = [stretch(1, 10, start=0, end=9), stretch(5, 6, start=60, end=180, timeframe="1m")]
    assert told([*rows, stretch(70, 71, start=100, end=101, of=SOL)]) == []


def test_without_numbers_nobody_knows_how_many_are_missing() -> None:
    spans = [(0, 9), (30, 40)]
    rows = [stretch(NOON + a * SECOND, NOON + b * SECOND, start=a, end=b, of=SOL) for a, b in spans]
    assert told(rows) == [(9, 30, 1, NOT_STORED)]
    assert [row.counted for row in with_holes(rows)] == [False, False, False]


async def test_the_pages_of_a_map_together_are_the_map_holes_and_all() -> None:
    store = FakeStore()
    instruments = [an_instrument("BTC/USDT"), an_instrument("SOL/USDT")]
    await store.register(instruments)
    trades = [a_trade(instrument.id, seq) for instrument in instruments for seq in (1, 2, 5, 6, 9, 20)]
    await store.write(Batch(trades=tuple(trades)))
    whole = await coverage_map(store, (), start=0, end=NOON * 2, limit=100)
    assert sum(row.cover is Cover.GAP for row in whole) == 6
    for limit in range(1, 5):
        pages: list[CoverageRow] = []
        while page := await coverage_page(
            store, (), start=0, end=NOON * 2, after=pages[-1].place if pages else None, limit=limit
        ):
            assert len(page) <= limit
            pages += page
        assert tuple(pages) == whole
