"""Turns events into the state that everybody sees; its only writer, beside the monitor's figures."""

from collections.abc import Sequence

from alphaplus_tui.domain.events import (
    AlertChanged,
    CandleChanged,
    CandleClosed,
    CandleDiffered,
    ClockMeasured,
    DatabaseConnected,
    DatabaseLost,
    DecisionMade,
    ExchangeChanged,
    FeedConnected,
    FeedLost,
    GapChanged,
    GapOpened,
    HistoryLoaded,
    InstrumentsKnown,
    NumberingRestarted,
    OrderBookChanged,
    OutcomeKnown,
    PredictionsMade,
    RecordingEnded,
    SignalExplained,
    SignalMade,
    SignalsRemembered,
    StatisticsChanged,
    TickerChanged,
    TradeAccepted,
    TradeReceived,
    TrainingChanged,
)
from alphaplus_tui.domain.market import Provenance
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.kernel.service import Life, ServiceState, ServiceStatus
from alphaplus_tui.services.rows.charts import ChartRows
from alphaplus_tui.services.rows.exchanges import ExchangeRows
from alphaplus_tui.services.rows.feeds import FeedRows
from alphaplus_tui.services.rows.markets import MarketRows
from alphaplus_tui.services.rows.notices import NoticeRows
from alphaplus_tui.services.rows.opinions import OpinionRows
from alphaplus_tui.services.rows.training import TrainingRows
from alphaplus_tui.state.slices import ServiceRow
from alphaplus_tui.state.store import StateStore

_LOOK_EVERY_S = 0.5


class ProjectionService:
    """Rows are replaced while the event is published; only silence has to be looked for."""

    name = "projection"
    after: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    def __init__(
        self, state: StateStore, bus: Bus, timeframes: Sequence[Timeframe], *, clock: Clock, market: MarketClock
    ) -> None:
        self._state, self._clock = state, clock
        self._markets = markets = MarketRows(state, clock)
        self._feeds = feeds = FeedRows(state, clock, market)
        exchanges = ExchangeRows(state)
        charts = ChartRows(state, timeframes, markets.set_sparkline)
        notices, opinions = NoticeRows(state, market), OpinionRows(state)
        bus.on(InstrumentsKnown, markets.on_instruments)
        bus.on(InstrumentsKnown, feeds.on_instruments)
        bus.on(InstrumentsKnown, exchanges.on_instruments)
        bus.on(ExchangeChanged, exchanges.on_changed)
        bus.on(ClockMeasured, exchanges.on_clock)
        bus.on(TradeReceived, self._on_trade)
        bus.on(TradeAccepted, markets.on_trade)
        bus.on(TickerChanged, self._on_ticker)
        bus.on(OrderBookChanged, self._on_book)
        bus.on(StatisticsChanged, markets.on_statistics)
        bus.on(CandleChanged, charts.on_changed)
        bus.on(CandleClosed, charts.on_closed)
        bus.on(HistoryLoaded, charts.on_history)
        bus.on(PredictionsMade, opinions.on_predictions)
        bus.on(DecisionMade, opinions.on_decision)
        bus.on(SignalMade, opinions.on_signal)
        bus.on(SignalsRemembered, opinions.on_remembered)
        bus.on(SignalExplained, opinions.on_explained)
        bus.on(OutcomeKnown, opinions.on_outcome)
        bus.on(TrainingChanged, TrainingRows(state).on_changed)
        bus.on(AlertChanged, notices.on_alert)
        bus.on(FeedConnected, feeds.on_connected)
        bus.on(FeedConnected, notices.on_connected)
        bus.on(FeedLost, feeds.on_lost)
        bus.on(FeedLost, notices.on_lost)
        bus.on(GapOpened, feeds.on_gap_opened)
        bus.on(GapChanged, feeds.on_gap_changed)
        bus.on(GapChanged, notices.on_gap_changed)
        bus.on(CandleDiffered, notices.on_candle_differed)
        bus.on(NumberingRestarted, feeds.on_numbering_restarted)
        bus.on(NumberingRestarted, lambda event: markets.on_numbering_restarted(event.instrument))
        bus.on(RecordingEnded, feeds.on_recording_ended)
        bus.on(DatabaseLost, notices.on_database_lost)
        bus.on(DatabaseConnected, notices.on_database_connected)
        bus.on(ServiceStatus, self._on_service)
        bus.on(ServiceStatus, notices.on_service)

    async def run(self, life: Life) -> None:
        life.ready()
        while True:
            await life.clock.sleep(_LOOK_EVERY_S)
            self._feeds.check()

    def _on_trade(self, event: TradeReceived) -> None:
        """What REST brings says nothing about the stream."""
        if event.trade.provenance is not Provenance.BACKFILLED:
            self._feeds.heard(event.trade.instrument)

    def _on_ticker(self, event: TickerChanged) -> None:
        self._feeds.heard(event.ticker.instrument)
        self._markets.on_ticker(event)

    def _on_book(self, event: OrderBookChanged) -> None:
        self._feeds.heard(event.book.instrument)
        self._markets.on_book(event)

    def _on_service(self, status: ServiceStatus) -> None:
        now = self._clock.monotonic()
        running = status.state is ServiceState.RUNNING
        self._state.services.put(
            status.name,
            ServiceRow(
                name=status.name,
                state=status.state.name,
                health=status.health.name,
                reason=status.reason or "",
                after=status.after,
                restarts=status.restarts,
                last_error=status.last_error or "",
                running_since=status.started_at if running else None,
                next_try_at=now + status.next_try_in_s if status.next_try_in_s is not None else None,
            ),
        )
