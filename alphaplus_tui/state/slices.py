"""The rows that screens, headless and the API see, one frozen type a slice."""

from enum import StrEnum

from msgspec import Struct

from alphaplus_tui.domain.analysis import Decision, Headline, Outcome, Prediction, Score, Signal
from alphaplus_tui.domain.events import ExchangeState
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Candle, Trade
from alphaplus_tui.domain.timeframe import Timeframe


class Mode(StrEnum):
    """What the whole program is looking at."""

    DEMO = "DEMO"
    LIVE = "LIVE"
    REPLAY = "REPLAY"


class FeedState(StrEnum):
    """Of a stream of one instrument (RELIABILITY 2)."""

    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    STALE = "STALE"
    RECONNECTING = "RECONNECTING"
    BACKFILLING = "BACKFILLING"
    GAP = "GAP"
    ENDED = "ENDED"
    """A recording came to its end."""


class SystemRow(Struct, frozen=True):
    """The program as a whole; the only row of its slice."""

    mode: Mode
    version: str
    exchange: str
    started_at: int
    """UTC ns on the wall clock."""
    startup_s: float | None
    """From the first line of the program to every service ready; None until then."""
    market_now: int
    """``market.now`` when this row was written, each second: UTC ns."""
    clock_offset_ms: float
    stopping: bool = False


class InstrumentRow(Struct, frozen=True):
    """An instrument that is followed, in the order of the watchlist."""

    instrument: Instrument
    position: int


class PriceRow(Struct, frozen=True, gc=False):
    """The latest of one instrument; None where nothing is known yet."""

    instrument: InstrumentId
    last: float | None = None
    direction: int = 0
    """+1 when the last change of price was up, -1 down."""
    bid: float | None = None
    bid_quantity: float | None = None
    ask: float | None = None
    ask_quantity: float | None = None
    change_pct: float | None = None
    """Of the last price against 24 hours ago."""
    high: float | None = None
    low: float | None = None
    volume: float | None = None
    quote_volume: float | None = None
    trades: int = 0
    """Accepted since the start."""
    ts_event: int = 0
    """The exchange's time of the newest of these."""
    ts_recv: int = 0
    """Our receipt of the newest of these, on the market clock."""
    last_changed: float = 0.0
    """Monotonic seconds of the last change of price, for tinting."""
    sparkline: tuple[float, ...] = ()
    """Closes of the last candles of the shortest timeframe, oldest first, at most 60."""


class BookRow(Struct, frozen=True, gc=False):
    """The best levels of an instrument: (price, quantity) pairs, best first."""

    instrument: InstrumentId
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    sequence: int
    ts_event: int
    ts_recv: int


class TapeRow(Struct, frozen=True, gc=False):
    """The last trades of an instrument, newest first, at most 100."""

    instrument: InstrumentId
    trades: tuple[Trade, ...]


class ChartRow(Struct, frozen=True):
    """The candles of an instrument and timeframe that are kept in memory: closed ones, and the forming one."""

    instrument: InstrumentId
    timeframe: Timeframe
    closed: tuple[Candle, ...]
    """Oldest first, at most 1,000. A hole in time is a gap or not loaded; flat candles say so."""
    forming: Candle | None


class ExchangeRow(Struct, frozen=True):
    """One exchange that is followed, as a whole."""

    exchange: str
    state: ExchangeState
    reason: str
    """Why it is AWAY or FAILED."""
    since: int
    instruments: int
    clock_offset_ms: float | None
    """Its clock less ours; None until it is known, and where it cannot be."""


class FeedRow(Struct, frozen=True):
    """The streams of one instrument."""

    instrument: InstrumentId
    state: FeedState
    reason: str
    since: int
    """UTC ns on the market clock."""
    progress: tuple[int, int] | None = None
    """While BACKFILLING: trades fetched, trades wanted."""


class ConnectionRow(Struct, frozen=True):
    """One connection to an exchange."""

    connection: str
    exchange: str
    connected: bool
    reason: str
    instruments: int
    reconnects: int
    since: int


class GapRow(Struct, frozen=True):
    """Trades known to be missing."""

    instrument: InstrumentId
    first_seq: int
    last_seq: int
    missing: int
    reason: str
    """Why they cannot be had; empty while they are being fetched."""
    noticed_at: int
    start: int = 0
    """UTC ns: the last trade known before."""
    end: int = 0
    numbered: bool = True
    """False: nobody knows how many trades are missing between ``start`` and ``end``."""

    @property
    def extent(self) -> str:
        """How much is missing, in words."""
        if self.numbered:
            return f"{self.missing:,} trades"
        return f"the trades of {(self.end - self.start) / 1e9:,.0f} s"


class ServiceRow(Struct, frozen=True):
    """One service and how it is."""

    name: str
    state: str
    """WAITING, STARTING, RUNNING, BACKING_OFF, STOPPED, FAILED."""
    health: str
    """OK or DEGRADED."""
    reason: str
    after: tuple[str, ...]
    restarts: int
    last_error: str
    running_since: float | None
    """Monotonic seconds."""
    next_try_at: float | None
    """Monotonic seconds, while BACKING_OFF."""

    @property
    def health_told(self) -> str:
        """Empty while it does not run: then its state says everything."""
        return self.health if self.state == "RUNNING" else ""


class LatencyRow(Struct, frozen=True):
    """One histogram, milliseconds."""

    name: str
    """``wire_to_state``, ``wire_to_commit``, ``event_loop_lag``, ``state_to_screen``, ``db_query:<name>``."""
    count: int
    p50: float
    p90: float
    p99: float
    longest: float
    buckets: tuple[tuple[float, int], ...]
    """Upper bound and count of each bucket that is not empty."""
    total: float = 0.0
    """Sum of all observations."""
    labels: tuple[tuple[str, str], ...] = ()
    """Names and values of what stands behind the colons of ``name``."""


class CounterRow(Struct, frozen=True):
    """One counter or gauge: ``messages``, ``trades_received``, ``trades_committed``, ``frames_rejected`` …"""

    name: str
    value: float
    per_s: float
    """Its change per second over the last seconds."""
    labels: tuple[tuple[str, str], ...] = ()
    """Names and values of what stands behind the colons of ``name``."""


class DatabaseRow(Struct, frozen=True):
    """The database; the only row of its slice."""

    kind: str
    connected: bool
    reason: str
    version: str
    schema_version: int
    size_bytes: int
    ping_ms: float | None
    rows: dict[str, int]
    spool_bytes: int
    buffered_rows: int
    disk_free_bytes: int


class ResourceRow(Struct, frozen=True):
    """What this process uses; the only row of its slice."""

    memory_mb: float
    cpu_percent: float
    tasks: int
    threads: int
    open_files: int


class NoticeRow(Struct, frozen=True):
    """Something the user should hear of, newest last; shown as a toast and kept."""

    number: int
    severity: str
    """information, warning or error."""
    title: str
    text: str
    ts: int
    alert: bool = False
    """A rule of the user's raised it: what rings the bell and reaches the desktop."""


class ModelRow(Struct, frozen=True):
    """A model of the registry."""

    id: str
    stage: str
    """candidate, champion or retired."""
    serving: str
    """``champion``, ``challenger``, or empty when it does not serve; a refusal's reason stands in ``trouble``."""
    pinned: bool
    added_at: int
    reason: str
    """Why it is at this stage."""
    timeframe: str
    engines: tuple[str, ...]
    edge: bool
    verdict: str
    metrics: dict[str, float]
    trouble: str = ""
    live_brier: float | None = None
    live_low: float | None = None
    live_high: float | None = None
    live_rows: int = 0
    drift_psi: float | None = None
    """The largest over the features."""
    drift_feature: str = ""
    parity: float | None = None
    """Largest difference between served rows and the same rows recomputed from stored candles."""


class DecisionRow(Struct, frozen=True):
    """The newest decision of an instrument."""

    instrument: InstrumentId
    decision: Decision
    preview: Prediction | None = None
    """Of the forming candle, when it is newer."""


class SignalRow(Struct, frozen=True):
    """A signal of this run or of the last days, newest first by number."""

    signal: Signal
    outcome: Outcome | None


class TrainingRow(Struct, frozen=True):
    """The training that runs or ran last; the only row of its slice."""

    id: str
    state: str
    """idle, running, done, failed or cancelled."""
    step: str
    share: float
    reason: str
    started_at: int
    verdict: str = ""


class InferenceRow(Struct, frozen=True):
    """The inference process; the only row of its slice."""

    running: bool
    pid: int
    restarts: int
    reason: str
    champion: str
    challenger: str
    p50_ms: float | None
    p99_ms: float | None


class ScoreRow(Struct, frozen=True):
    """A line of the scoreboard."""

    score: Score


class HeadlineRow(Struct, frozen=True):
    headline: Headline


class SentimentRow(Struct, frozen=True):
    """Where headlines come from; the only row of its slice."""

    state: str
    """off, running or away."""
    reason: str
    fear_greed: float | None
    mean_24h: float | None
    items_24h: int


class LinkRow(Struct, frozen=True):
    """How an attached console reaches its AlphaPlus; the only row of its slice, absent where both are one process."""

    connected: bool
    address: str
    reason: str
    """Why it is not connected."""
    since: int
    """UTC ns on the engine's wall clock: since when it is so."""
