"""Several exchanges at once: each has services of its own, and the trouble of one is none of another's."""

from alphaplus_tui.domain.events import ExchangeState
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.errors import Disconnected, UnknownName
from alphaplus_tui.settings.exchange import ExchangeSettings
from tests.fakes.market_data import FakeMarketData, a_trade, an_instrument
from tests.fakes.store import FakeStore
from tests.support import eventually
from tests.unit.services.followed import Followed, running

ONE = an_instrument("BTC/USDT", exchange="one")
OTHER = an_instrument("BTC/USDT", exchange="other")
LISTED = ExchangeSettings(id="one", symbols=("other:BTC/USDT", "BTC/USDT"))


class Two(Followed):
    """An engine's services on two exchanges."""

    def __init__(self, store: FakeStore | None = None, settings: ExchangeSettings = LISTED) -> None:
        self.one, self.other = FakeMarketData(ONE, exchange="one"), FakeMarketData(OTHER, exchange="other")
        super().__init__((self.one, self.other), settings, store)

    def trade(self, data: FakeMarketData, instrument: Instrument, seq: int, *, heard: bool = True) -> None:
        data.trade(a_trade(instrument.id, seq, ts_event=self.market.now()), heard=heard)

    def stored(self, instrument: Instrument) -> list[int]:
        return [trade.seq for trade in self.trades_of(instrument.id)]


async def test_each_exchange_is_heard_and_its_gaps_are_asked_of_it_alone() -> None:
    async with running(Two()) as two:
        await eventually(lambda: two.one.subscribed and two.other.subscribed)
        for seq in (1, 2, 5):
            two.trade(two.one, ONE, seq)
            two.trade(two.other, OTHER, seq + 10)
        for seq in (3, 4):
            two.trade(two.one, ONE, seq, heard=False)
            two.trade(two.other, OTHER, seq + 10, heard=False)
        await eventually(lambda: two.stored(ONE) == [1, 2, 3, 4, 5] and two.stored(OTHER) == [11, 12, 13, 14, 15])
        assert all("other" not in asked for asked in two.one.asked)
        assert all("one" not in asked for asked in two.other.asked)


async def test_the_watchlist_keeps_the_order_of_the_settings_whoever_answers_first() -> None:
    two = Two()
    two.other.failures.append(Disconnected("not yet"))
    async with running(two):
        await eventually(lambda: len(two.state.instruments) == 2)
        await eventually(lambda: {row.position for row in two.state.instruments.values()} == {0, 1})
        assert two.state.instruments[OTHER.id].position == 0


async def test_an_unknown_symbol_fails_its_exchange_and_no_other() -> None:
    settings = ExchangeSettings(id="one", symbols=("BTC/USDT", "other:NO/SUCH"))
    async with running(Two(settings=settings)) as two:
        await eventually(lambda: two.state.exchanges.get("other") and two.state.services["ingestion:other"].state)
        await eventually(lambda: two.state.exchanges["other"].state is ExchangeState.FAILED)
        assert "NO/SUCH" in two.state.exchanges["other"].reason
        two.trade(two.one, ONE, 1)
        await eventually(lambda: two.stored(ONE) == [1])
        assert two.state.exchanges["one"].state is ExchangeState.FOLLOWED
        assert two.state.services["ingestion"].state == "RUNNING"


async def test_an_exchange_that_is_away_says_why_and_keeps_no_other_waiting() -> None:
    two = Two()
    two.other.failures.extend(Disconnected("cannot connect: refused") for _ in range(50))
    async with running(two):
        await eventually(lambda: two.state.exchanges.get("other") and two.state.exchanges["other"].reason)
        row = two.state.exchanges["other"]
        assert (row.state, row.reason) == (ExchangeState.AWAY, "cannot connect: refused")
        two.trade(two.one, ONE, 1)
        await eventually(lambda: two.stored(ONE) == [1])
        two.other.failures.clear()
        await eventually(lambda: two.state.exchanges["other"].state is ExchangeState.FOLLOWED, within_s=40)
        assert two.state.exchanges["other"].reason == ""


async def test_an_exchange_that_answers_late_still_gets_what_it_missed_since_the_last_run() -> None:
    async with running(Two()) as two:
        await eventually(lambda: two.one.subscribed and two.other.subscribed)
        two.trade(two.other, OTHER, 1)
        await eventually(lambda: two.stored(OTHER) == [1])
    again = Two(two.store)
    again.other.failures.extend(Disconnected("later") for _ in range(3))
    for seq in (2, 3):
        again.trade(again.other, OTHER, seq, heard=False)
    async with running(again):
        await eventually(lambda: again.one.subscribed)
        again.trade(again.one, ONE, 1)
        await eventually(lambda: again.stored(ONE) == [1])
        await eventually(lambda: again.other.subscribed, within_s=40)
        again.trade(again.other, OTHER, 5)
        again.trade(again.other, OTHER, 4, heard=False)
        await eventually(lambda: again.stored(OTHER) == [1, 2, 3, 4, 5], within_s=30)


async def test_each_clock_is_measured_and_the_first_ones_sets_the_market_clock() -> None:
    two = Two()
    two.one.offset_ns, two.other.offset_ns = 2_000_000_000, -500_000_000
    async with running(two):
        await eventually(lambda: len([row for row in two.state.exchanges.values() if row.clock_offset_ms]) == 2)
        assert two.state.exchanges["one"].clock_offset_ms == 2000.0
        assert two.state.exchanges["other"].clock_offset_ms == -500.0
        assert two.market.offset_ns == 2_000_000_000


def test_names_that_are_unknown_are_told_with_the_nearest_whatever_the_case() -> None:
    assert "did you mean 'BTC/USDT'?" in str(UnknownName("symbol", "btc/usdt", ["BTC/USDT", "ETH/USDT"]))
