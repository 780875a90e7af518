"""Facts that services tell each other over the bus, named in the past tense."""

from enum import StrEnum

from msgspec import Struct

from alphaplus_tui.domain.alerts import Alert
from alphaplus_tui.domain.analysis import (
    Decision,
    Headline,
    Outcome,
    Prediction,
    Role,
    Signal,
    TrainingRun,
)
from alphaplus_tui.domain.coverage import CoveredTime
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, Channel, DayStatistics, OrderBook, Ticker, Trade
from alphaplus_tui.domain.timeframe import Timeframe


class TradeReceived(Struct, frozen=True, gc=False):
    """A trade came in, from the stream or from REST; it may be known already."""

    trade: Trade


class TradeAccepted(Struct, frozen=True, gc=False):
    """A trade that continuity saw for the first time; the spine continues with it."""

    trade: Trade


class TickerChanged(Struct, frozen=True, gc=False):
    ticker: Ticker


class StatisticsChanged(Struct, frozen=True, gc=False):
    statistics: DayStatistics


class OrderBookChanged(Struct, frozen=True, gc=False):
    book: OrderBook


class CandleChanged(Struct, frozen=True, gc=False):
    """The forming candle of a timeframe took another trade."""

    candle: Candle


class CandleClosed(Struct, frozen=True, gc=False):
    """A span ended. A corrected candle is told again with a higher revision."""

    candle: Candle


class CandleTold(Struct, frozen=True, gc=False):
    """An exchange's stream told a candle of its own, forming or closed; ours are made of trades all the same."""

    candle: Candle


class CandleDiffered(Struct, frozen=True, gc=False):
    """A closed candle is not what the exchange's own is; that one takes its place."""

    instrument: InstrumentId
    timeframe: Timeframe
    open_time: int
    difference: str
    """Ours and theirs, in words."""
    ts: int


class HistoryLoaded(Struct, frozen=True, gc=False):
    """Candles of the past were fetched or read from the database, oldest first; the last may be forming."""

    candles: tuple[Candle, ...]
    stored: bool
    """True when they come from the database, so that they need not be written again."""


class ExchangeState(StrEnum):
    """How far it came with an exchange as a whole; what its streams do is told of them."""

    STARTING = "STARTING"
    AWAY = "AWAY"
    """It does not answer; asked again and again."""
    FOLLOWED = "FOLLOWED"
    FAILED = "FAILED"
    """Trying again cannot help."""


class ExchangeChanged(Struct, frozen=True, gc=False):
    """An exchange was asked for its instruments, and answered or did not."""

    exchange: str
    state: ExchangeState
    reason: str
    ts: int


class ClockMeasured(Struct, frozen=True, gc=False):
    """How far an exchange's clock is from ours."""

    exchange: str
    offset_ns: int | None
    """Its clock less ours; None where it could not be measured."""
    reason: str
    """Why it could not; empty where it could."""
    ts: int


class InstrumentsKnown(Struct, frozen=True, gc=False):
    """The instruments this AlphaPlus follows; told again with more as further exchanges answer."""

    instruments: tuple[Instrument, ...]


class FeedConnected(Struct, frozen=True, gc=False):
    """A connection is up and subscribed; the first time, and after each loss."""

    exchange: str
    connection: str
    channels: tuple[Channel, ...]
    instruments: tuple[InstrumentId, ...]
    ts: int


class FeedLost(Struct, frozen=True, gc=False):
    """A connection broke or fell silent; the adapter is dialling again by itself."""

    exchange: str
    connection: str
    channels: tuple[Channel, ...]
    instruments: tuple[InstrumentId, ...]
    reason: str
    ts: int


class FeedMute(Struct, frozen=True, gc=False):
    """The trades of one instrument stopped while its connection goes on; the adapter is subscribing anew."""

    exchange: str
    connection: str
    instrument: InstrumentId
    ts: int


class FeedRenewed(Struct, frozen=True, gc=False):
    """An instrument whose trades had stopped is subscribed to anew."""

    exchange: str
    connection: str
    instrument: InstrumentId
    ts: int


class FrameRejected(Struct, frozen=True, gc=False):
    """A frame that could not be used; kept in the dead-letter ring."""

    exchange: str
    connection: str
    reason: str
    frame: str
    """Its beginning, made harmless."""
    ts: int


class GapOpened(Struct, frozen=True, gc=False):
    """Trades ``first_seq`` to ``last_seq`` (both missing) were skipped."""

    instrument: InstrumentId
    first_seq: int
    last_seq: int
    ts: int
    """When the gap was noticed."""
    shed: bool = False
    """The trades were accepted already, but could not be stored."""
    start: int = 0
    """UTC ns: the last trade known before it; 0 where none is."""
    end: int = 0
    """UTC ns: the first trade known after it; 0 where none is."""
    numbered: bool = True
    """False: ``first_seq`` and ``last_seq`` are UTC ns, and nobody knows how many trades are missing."""


class GapChanged(Struct, frozen=True, gc=False):
    """A gap was closed, or cannot be (``reason``)."""

    instrument: InstrumentId
    first_seq: int
    last_seq: int
    missing: int
    """How many trades are still missing; 0: closed; 1 where nobody knows."""
    reason: str
    """Why the rest cannot be had; empty while it is being fetched, and when it is closed."""
    ts: int
    start: int = 0
    """UTC ns, as it opened."""
    end: int = 0
    numbered: bool = True


class GapReached(Struct, frozen=True, gc=False):
    """Of a gap of an instrument without numbers everything between two moments (UTC ns) was fetched."""

    instrument: InstrumentId
    first_seq: int
    start: int
    through: int


class TradesCovered(Struct, frozen=True, gc=False):
    """Every trade of this time was accepted; told of instruments without numbers only."""

    covered: CoveredTime


class NewestTradeKnown(Struct, frozen=True, gc=False):
    """The exchange's newest trade, by REST: what is missing up to it is missing now, whatever the stream says."""

    instrument: InstrumentId
    seq: int
    ts: int


class RowsCommitted(Struct, frozen=True, gc=False):
    """The database has ``rows`` more rows of a table for good."""

    table: str
    rows: int
    duplicates: int
    ts: int


class RecordingEnded(Struct, frozen=True, gc=False):
    """A replay came to the end of its recording; everything it said was published before this."""

    exchange: str
    ts: int


class LastTradesKnown(Struct, frozen=True, gc=False):
    """The database was read before anything of this run was written: where the last run ended."""

    last: tuple[tuple[InstrumentId, int, int], ...]
    """Instrument, ``seq`` and ``ts_event`` of the newest stored trade of each that has one."""


class TradesShed(Struct, frozen=True, gc=False):
    """Accepted trades could not be kept, as the spool was full; there is room again, they can be fetched anew."""

    instrument: InstrumentId
    first_seq: int
    last_seq: int
    ts: int
    start: int = 0
    """UTC ns: of the first of them."""
    end: int = 0
    """UTC ns: of the last of them."""


class TradeRestored(Struct, frozen=True, gc=False):
    """A trade that had been shed came again; only what stores it needs to know."""

    trade: Trade


class DatabaseConnected(Struct, frozen=True, gc=False):
    """The database answers."""

    ts: int


class DatabaseLost(Struct, frozen=True, gc=False):
    """The database does not answer."""

    reason: str
    ts: int


class NumberingRestarted(Struct, frozen=True, gc=False):
    """The exchange began to count an instrument's trades anew; what traded in between is not known."""

    instrument: InstrumentId
    first_seq: int
    """The first trade of the new numbering."""
    ts: int


class GapGivenUp(Struct, frozen=True, gc=False):
    """What a gap still misses cannot be had."""

    instrument: InstrumentId
    first_seq: int
    reason: str


class PredictionsMade(Struct, frozen=True, gc=False):
    """The inference process answered: predictions of one role for candles that closed (or are forming)."""

    role: Role
    predictions: tuple[Prediction, ...]
    edge: bool
    """The model's report found an edge."""
    none_change: float
    """Of the model, for the expected value."""
    horizon: int
    as_of: bool
    ts: int
    incomplete: tuple[InstrumentId, ...] = ()
    """Whose window misses a candle, or has one that misses trades."""


class DecisionMade(Struct, frozen=True, gc=False):
    decision: Decision


class SignalMade(Struct, frozen=True, gc=False):
    signal: Signal


class SignalsRemembered(Struct, frozen=True, gc=False):
    """The newest signals of earlier runs with what became of them, read once after a start; the newest first."""

    signals: tuple[tuple[Signal, Outcome | None], ...]


class SignalExplained(Struct, frozen=True, gc=False):
    """It became known which features moved a signal most: ``moved_by`` says so, the largest first."""

    signal: Signal


class OutcomeKnown(Struct, frozen=True, gc=False):
    outcome: Outcome


class ModelsChanged(Struct, frozen=True, gc=False):
    """The registry changed: a model came, was promoted, pinned, rolled back."""

    reason: str
    ts: int


class HeadlineSeen(Struct, frozen=True, gc=False):
    headline: Headline


class TrainingChanged(Struct, frozen=True):
    """A training began, went on or ended."""

    run: TrainingRun
    step: str
    """What is being done."""
    share: float
    """Of all there is to do, 0 to 1."""


class AlertChanged(Struct, frozen=True, gc=False):
    """An alert was raised, is over, or was delivered (or not)."""

    alert: Alert
    fresh: bool
    """It was raised just now."""
