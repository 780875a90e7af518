"""The state says what is true, and no more."""

from dataclasses import replace

from msgspec import structs

from alphaplus_tui.domain.events import (
    CandleChanged,
    CandleClosed,
    DatabaseConnected,
    DatabaseLost,
    FeedConnected,
    FeedLost,
    GapChanged,
    GapOpened,
    HistoryLoaded,
    InstrumentsKnown,
    OrderBookChanged,
    RecordingEnded,
    StatisticsChanged,
    TickerChanged,
    TradeAccepted,
    TradeReceived,
)
from alphaplus_tui.domain.market import Candle, Channel, DayStatistics, Level, OrderBook, Provenance, Ticker, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import ManualMarketClock
from alphaplus_tui.kernel.service import ServiceState, ServiceStatus
from alphaplus_tui.services.projection import ProjectionService
from alphaplus_tui.services.rows.feeds import FeedRows
from alphaplus_tui.state.slices import FeedState
from alphaplus_tui.state.store import StateStore
from tests.fakes.clock import FakeClock
from tests.fakes.market_data import a_trade, an_instrument

BTC, ETH = an_instrument("BTC/USDT"), an_instrument("ETH/USDT")
START_NS = 1_704_067_200_000_000_000
MINUTE_NS = 60_000_000_000
MINUTE, FIVE_MINUTES = Timeframe("1m"), Timeframe("5m")


class Mirror:
    """The projection without its run, and the bus it hears."""

    def __init__(self) -> None:
        self.state, self.bus = StateStore(), Bus()
        self.clock, self.market = FakeClock(), ManualMarketClock(START_NS)
        ProjectionService(self.state, self.bus, (FIVE_MINUTES, MINUTE), clock=self.clock, market=self.market)
        self.bus.publish(InstrumentsKnown((BTC, ETH)))

    def trade(self, seq: int, price: float = 100.0) -> Trade:
        trade = a_trade(BTC.id, seq, price=price)
        self.bus.publish(TradeReceived(trade))
        self.bus.publish(TradeAccepted(trade))
        return trade

    def feed(self) -> FeedState:
        return self.state.feeds[BTC.id].state


def connected(name: str = "fake-1") -> FeedConnected:
    return FeedConnected("fake", name, (Channel.TRADE,), (BTC.id, ETH.id), START_NS)


def lost(reason: str = "reset", name: str = "fake-1") -> FeedLost:
    return FeedLost("fake", name, (Channel.TRADE,), (BTC.id, ETH.id), reason, START_NS)


def a_candle(minute: int, close: float = 1.0, *, revision: int = 0, complete: bool = True) -> Candle:
    opens = START_NS + minute * MINUTE_NS
    return Candle(BTC.id, MINUTE, opens, 1, 1, 1, close, 1.0, revision=revision, complete=complete)


def test_every_instrument_has_a_row_before_anything_is_known_of_it() -> None:
    mirror = Mirror()
    assert [row.instrument.symbol for row in mirror.state.instruments.values()] == ["BTC/USDT", "ETH/USDT"]
    assert mirror.state.prices[ETH.id].last is None
    assert mirror.feed() is FeedState.CONNECTING


def test_a_price_shows_its_direction_and_when_it_changed() -> None:
    mirror = Mirror()
    mirror.trade(1, 100.0)
    mirror.trade(2, 99.0)
    row = mirror.state.prices[BTC.id]
    assert (row.last, row.direction, row.last_changed, row.trades) == (99.0, -1, mirror.clock.monotonic(), 2)
    mirror.trade(3, 99.0)
    assert mirror.state.prices[BTC.id].direction == -1


def test_an_old_trade_that_is_fetched_later_changes_no_price_and_finds_its_place_on_the_tape() -> None:
    mirror = Mirror()
    for seq in (1, 2, 5):
        mirror.trade(seq, 100.0 + seq)
    mirror.trade(4, 50.0)
    assert mirror.state.prices[BTC.id].last == 105.0
    assert [trade.seq for trade in mirror.state.tapes[BTC.id].trades] == [5, 4, 2, 1]
    for seq in range(6, 200):
        mirror.trade(seq)
    mirror.trade(3)
    assert [trade.seq for trade in mirror.state.tapes[BTC.id].trades] == list(range(199, 99, -1))


def test_ticker_statistics_and_book_make_the_rest_of_the_row() -> None:
    mirror = Mirror()
    mirror.trade(1, 110.0)
    mirror.bus.publish(TickerChanged(Ticker(BTC.id, 109.0, 2.0, 111.0, 3.0, 7, START_NS, START_NS + 5)))
    mirror.bus.publish(
        StatisticsChanged(DayStatistics(BTC.id, 100.0, 120.0, 90.0, 110.0, 5.0, 500.0, START_NS, START_NS))
    )
    mirror.bus.publish(
        OrderBookChanged(OrderBook(BTC.id, (Level(109.0, 2.0),), (Level(111.0, 3.0),), 7, START_NS, START_NS))
    )
    row = mirror.state.prices[BTC.id]
    assert (row.bid, row.bid_quantity, row.ask, row.ask_quantity) == (109.0, 2.0, 111.0, 3.0)
    assert (row.high, row.low, row.volume, row.quote_volume) == (120.0, 90.0, 5.0, 500.0)
    assert row.change_pct is not None
    assert round(row.change_pct, 9) == 10.0
    assert mirror.state.books[BTC.id].bids == ((109.0, 2.0),)


def test_a_chart_keeps_closed_candles_in_order_and_the_forming_one_apart() -> None:
    mirror = Mirror()
    forming = structs.replace(a_candle(2), forming=True)
    for candle in (a_candle(0, 1.0), a_candle(1, 2.0)):
        mirror.bus.publish(CandleClosed(candle))
    mirror.bus.publish(CandleChanged(forming))
    mirror.bus.publish(CandleClosed(a_candle(0, 3.0, revision=1)))
    chart = mirror.state.charts[BTC.id, MINUTE]
    assert chart.closed == (a_candle(0, 3.0, revision=1), a_candle(1, 2.0))
    assert chart.forming == forming
    assert mirror.state.prices[BTC.id].sparkline == (3.0, 2.0)
    mirror.bus.publish(CandleClosed(a_candle(2)))
    assert mirror.state.charts[BTC.id, MINUTE].forming is None


def test_history_joins_what_is_there_and_the_better_candle_stands() -> None:
    mirror = Mirror()
    mirror.bus.publish(CandleClosed(a_candle(2, 9.0, complete=False)))
    mirror.bus.publish(CandleClosed(a_candle(3, 4.0)))
    mirror.bus.publish(HistoryLoaded((a_candle(0, 0.5), a_candle(2, 2.0), a_candle(3, 3.0), a_candle(5)), stored=False))
    mirror.bus.publish(CandleClosed(a_candle(1, 1.5)))
    mirror.bus.publish(CandleClosed(a_candle(1, 7.0)))
    closes = [(c.open_time - START_NS) // MINUTE_NS for c in mirror.state.charts[BTC.id, MINUTE].closed]
    assert closes == [0, 1, 2, 3, 5]
    assert mirror.state.prices[BTC.id].sparkline == (0.5, 1.5, 2.0, 4.0, 1.0)


def test_a_chart_holds_a_thousand_candles() -> None:
    mirror = Mirror()
    mirror.bus.publish(HistoryLoaded(tuple(a_candle(minute) for minute in range(1200)), stored=True))
    mirror.bus.publish(CandleClosed(a_candle(1200)))
    closed = mirror.state.charts[BTC.id, MINUTE].closed
    assert (len(closed), closed[0], closed[-1]) == (1000, a_candle(201), a_candle(1200))


async def test_a_feed_is_live_only_while_something_comes() -> None:
    mirror = Mirror()
    feeds = FeedRows(mirror.state, mirror.clock, mirror.market)
    feeds.on_connected(connected())
    assert mirror.feed() is FeedState.CONNECTING
    feeds.heard(BTC.id)
    assert mirror.feed() is FeedState.LIVE
    await mirror.clock.advance(5.5)
    feeds.check()
    assert mirror.feed() is FeedState.STALE
    feeds.heard(BTC.id)
    assert mirror.feed() is FeedState.LIVE


def test_a_trade_that_rest_brings_makes_no_feed_live() -> None:
    mirror = Mirror()
    trade = a_trade(BTC.id, 1, provenance=Provenance.BACKFILLED)
    mirror.bus.publish(TradeReceived(trade))
    mirror.bus.publish(TradeAccepted(trade))
    assert mirror.feed() is FeedState.CONNECTING
    assert mirror.state.prices[BTC.id].last == trade.price


def test_a_lost_connection_shows_at_every_instrument_of_it_until_it_is_back() -> None:
    mirror = Mirror()
    mirror.bus.publish(connected())
    mirror.trade(1)
    mirror.bus.publish(lost("nothing came for 5 s"))
    assert (mirror.feed(), mirror.state.feeds[BTC.id].reason) == (FeedState.RECONNECTING, "nothing came for 5 s")
    row = mirror.state.connections["fake-1"]
    assert (row.connected, row.reason, row.reconnects) == (False, "nothing came for 5 s", 0)
    mirror.bus.publish(connected())
    assert mirror.feed() is FeedState.LIVE
    assert mirror.state.connections["fake-1"].reconnects == 1


def test_an_instrument_on_two_connections_is_live_only_with_both() -> None:
    mirror = Mirror()
    mirror.bus.publish(connected("a"))
    mirror.bus.publish(connected("b"))
    mirror.trade(1)
    mirror.bus.publish(lost(name="a"))
    mirror.bus.publish(lost(name="b"))
    mirror.bus.publish(connected("a"))
    assert mirror.feed() is FeedState.RECONNECTING
    mirror.bus.publish(connected("b"))
    assert mirror.feed() is FeedState.LIVE


def test_a_gap_shows_its_progress_then_its_reason_then_goes() -> None:
    mirror = Mirror()
    mirror.trade(1)
    mirror.bus.publish(GapOpened(BTC.id, 2, 11, START_NS))
    assert (mirror.feed(), mirror.state.feeds[BTC.id].progress) == (FeedState.BACKFILLING, (0, 10))
    mirror.bus.publish(GapChanged(BTC.id, 2, 11, 4, "", START_NS))
    assert mirror.state.feeds[BTC.id].progress == (6, 10)
    mirror.bus.publish(GapChanged(BTC.id, 2, 11, 4, "gone", START_NS))
    assert (mirror.feed(), mirror.state.gaps[BTC.id, 2].reason) == (FeedState.GAP, "gone")
    mirror.bus.publish(GapChanged(BTC.id, 2, 11, 0, "", START_NS))
    assert (mirror.feed(), len(mirror.state.gaps)) == (FeedState.LIVE, 0)


def test_at_the_end_of_a_recording_nothing_is_live() -> None:
    mirror = Mirror()
    mirror.trade(1)
    mirror.bus.publish(RecordingEnded("fake", START_NS))
    assert mirror.feed() is FeedState.ENDED


def test_notices_tell_edges_once() -> None:
    mirror = Mirror()
    failed = ServiceStatus("ingestion", ServiceState.FAILED, reason="schema too new")
    for event in (lost(), lost(), connected(), connected()):
        mirror.bus.publish(event)
    for event in (DatabaseConnected(0), DatabaseLost("away\x1b[31m", 0), DatabaseLost("away", 0), DatabaseConnected(0)):
        mirror.bus.publish(event)
    for status in (failed, failed, replace(failed, state=ServiceState.RUNNING)):
        mirror.bus.publish(status)
    assert [(notice.severity, notice.title) for notice in mirror.state.notices.values()] == [
        ("warning", "Connection lost"),
        ("information", "Connected again"),
        ("error", "Database away"),
        ("information", "Database back"),
        ("error", "Service ingestion failed"),
        ("information", "Service ingestion runs again"),
    ]
    assert "\x1b" not in mirror.state.notices[3].text


def test_only_the_last_two_hundred_notices_are_kept() -> None:
    mirror = Mirror()
    for _ in range(150):
        mirror.bus.publish(lost())
        mirror.bus.publish(connected())
    assert (len(mirror.state.notices), min(mirror.state.notices)) == (200, 101)


def test_a_service_shows_since_when_it_runs_and_when_it_tries_again() -> None:
    mirror = Mirror()
    running = ServiceStatus("x", ServiceState.RUNNING, started_at=5.0, restarts=2, after=("y",))
    mirror.bus.publish(running)
    row = mirror.state.services["x"]
    assert (row.state, row.health, row.running_since, row.restarts, row.after) == ("RUNNING", "OK", 5.0, 2, ("y",))
    mirror.bus.publish(replace(running, state=ServiceState.BACKING_OFF, reason="boom", next_try_in_s=3.0))
    row = mirror.state.services["x"]
    assert (row.state, row.reason, row.running_since) == ("BACKING_OFF", "boom", None)
    assert row.next_try_at == mirror.clock.monotonic() + 3.0
