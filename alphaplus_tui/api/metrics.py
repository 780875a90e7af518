"""The metrics of the state in Prometheus' text format; made anew each time they are asked for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import nan

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from alphaplus_tui.api.door import Door
from alphaplus_tui.domain.instrument import exchange_of, symbol_of
from alphaplus_tui.state.slices import LatencyRow
from alphaplus_tui.state.view import ONLY, StateView

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
PREFIX = "alphaplus_"
SERVICE_STATES = ("WAITING", "STARTING", "RUNNING", "BACKING_OFF", "STOPPED", "FAILED")

_PER_DECADE = 4
BOUNDS_S = tuple(10.0 ** (step / _PER_DECADE) for step in range(-5 * _PER_DECADE, 2 * _PER_DECADE + 1))
"""Upper bounds of histogram buckets, seconds: each is a bound of the meters' finer buckets too."""
_TOLERANCE = 1.001
"""Between two ways of computing the same bound."""

COUNTERS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "messages": ("feed_messages", ("exchange", "channel"), "Messages of an exchange that were understood"),
    "reconnects": ("feed_reconnects", (), "Connections to exchanges that came back"),
    "frames_rejected": ("frames_rejected", (), "Frames that could not be used"),
    "trades_received": ("trades_received", (), "Trades that streams and repairs brought"),
    "trades_committed": ("trades_committed", (), "Trades that the database acknowledged"),
    "trades_backfilled": ("trades_backfilled", (), "Missing trades that were fetched"),
    "trades_quarantined": ("trades_quarantined", (), "Trades too absurd to be used"),
    "candles_closed": ("candles_closed", (), "Candles that closed"),
    "candles_differed": ("candles_differed", (), "Candles that the exchange gives otherwise"),
    "frames_shed": ("frames_shed", ("exchange",), "Frames dropped undecoded because there were too many"),
    "rest_requests": ("rest_requests", ("exchange",), "Questions to exchanges over REST"),
    "db_write_rows": ("db_write_rows", ("table",), "Rows written to the database"),
    "bus_dropped": ("bus_dropped", ("subscriber",), "Events that a slow onlooker lost"),
    "predictions": ("predictions", (), "Predictions for closed candles"),
    "predictions_missed": ("predictions_missed", (), "Closed candles that no model could be asked about"),
    "decisions": ("decisions", ("reason",), "Decisions by the gate that held back, or passed"),
    "signals": ("signals", ("direction",), "Signals"),
    "stream_seconds": ("stream_seconds", ("state",), "Seconds that streams of instruments spent in each state"),
}
"""Counter of the state → metric without its suffix, labels, help."""

HISTOGRAMS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "wire_to_state": ("wire_to_state_seconds", (), "From receiving a frame to the state that is seen"),
    "wire_to_commit": ("wire_to_commit_seconds", (), "From receiving a trade to its commit"),
    "db_query": ("db_query_seconds", ("query",), "Questions to the database, and writing"),
    "inference": ("inference_seconds", ("model",), "From asking the inference process to its answer"),
    "event_loop_lag": ("event_loop_lag_seconds", (), "How late the event loop comes to what is due"),
    "candle_to_decision": ("candle_to_decision_seconds", (), "From the close of a candle to its decision"),
    "state_to_screen": ("state_to_screen_seconds", (), "From receiving data to the picture that shows it"),
}
"""Latency of the state → metric, labels, help."""


class StateCollector(Collector):
    """Reads the state at the moment of the scrape."""

    def __init__(self, door: Door, answers: Callable[[], Mapping[int, int]]) -> None:
        """answers: how many answers of each status the API gave."""
        self._door, self._answers = door, answers

    def collect(self) -> Iterator[Metric]:
        state = self._door.state
        yield from _counters(state)
        yield from _histograms(state)
        yield from _services(state)
        yield from _models(state)
        yield from _sizes(state)
        yield self._ages()
        answered = CounterMetricFamily(f"{PREFIX}api_answers", "Answers of this API", labels=("status",))
        for status, count in sorted(self._answers().items()):
            answered.add_metric((str(status),), count)
        yield answered

    def _ages(self) -> Metric:
        """Of what was never heard of: since the start."""
        door, state = self._door, self._door.state
        system = state.system.get(ONLY)
        found = GaugeMetricFamily(
            f"{PREFIX}feed_last_message_age_seconds", "Since an instrument was heard of", labels=("exchange", "symbol")
        )
        for instrument in state.instruments:
            price = state.prices.get(instrument)
            since = (price.ts_recv if price else 0) or (system.started_at if system else 0)
            found.add_metric((exchange_of(instrument), symbol_of(instrument)), door.age_s(since) or 0.0)
        return found


def exposition(collector: StateCollector) -> bytes:
    """Everything, as Prometheus reads it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)


def _counters(state: StateView) -> Iterator[Metric]:
    families = {
        name: CounterMetricFamily(f"{PREFIX}{metric}", told, labels=labels)
        for name, (metric, labels, told) in COUNTERS.items()
    }
    for row in state.counters.values():
        name = row.name.partition(":")[0]
        if name in families and len(row.labels) == len(COUNTERS[name][1]):
            families[name].add_metric([value for _, value in row.labels], row.value)
    return iter(families.values())


def _histograms(state: StateView) -> Iterator[Metric]:
    families = {
        name: HistogramMetricFamily(f"{PREFIX}{metric}", told, labels=labels)
        for name, (metric, labels, told) in HISTOGRAMS.items()
    }
    for row in state.latencies.values():
        name = row.name.partition(":")[0]
        if name in families and len(row.labels) == len(HISTOGRAMS[name][1]):
            families[name].add_metric([value for _, value in row.labels], _buckets(row), row.total / 1e3)
    return iter(families.values())


def _buckets(row: LatencyRow) -> list[tuple[str, float]]:
    """Upper bounds in seconds, and how many were not above them."""
    finer, found = iter(row.buckets), list[tuple[str, float]]()
    upper_ms, count = next(finer, (nan, 0))
    seen = 0
    for bound_s in BOUNDS_S:
        while upper_ms <= bound_s * 1e3 * _TOLERANCE:
            seen += count
            upper_ms, count = next(finer, (nan, 0))
        found.append((str(float(f"{bound_s:.4g}")), seen))
    return [*found, ("+Inf", row.count)]


def _services(state: StateView) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        f"{PREFIX}service_state", "1 for the state that a service is in", labels=("service", "state")
    )
    degraded = GaugeMetricFamily(f"{PREFIX}service_degraded", "1 while a service is degraded", labels=("service",))
    restarts = CounterMetricFamily(f"{PREFIX}service_restarts", "Restarts of a service", labels=("service",))
    for row in state.services.values():
        for one in SERVICE_STATES:
            states.add_metric((row.name, one), float(row.state == one))
        degraded.add_metric((row.name,), float(row.health != "OK"))
        restarts.add_metric((row.name,), row.restarts)
    return iter((states, degraded, restarts))


def _models(state: StateView) -> Iterator[Metric]:
    """Of those that serve; NaN until there is a figure."""
    brier = GaugeMetricFamily(
        f"{PREFIX}model_brier", "Brier score of resolved decisions, 0 to 2", labels=("model", "role")
    )
    drift = GaugeMetricFamily(
        f"{PREFIX}model_drift_psi",
        "Population stability index of the feature that moved most",
        labels=("model", "feature"),
    )
    for row in state.models.values():
        if row.serving:
            brier.add_metric((row.id, row.serving), nan if row.live_brier is None else row.live_brier)
            drift.add_metric((row.id, row.drift_feature or "none"), nan if row.drift_psi is None else row.drift_psi)
    return iter((brier, drift))


def _sizes(state: StateView) -> Iterable[Metric]:
    database, resources, system = state.database.get(ONLY), state.resources.get(ONLY), state.system.get(ONLY)

    def gauge(name: str, told: str, value: float) -> Metric:
        return GaugeMetricFamily(f"{PREFIX}{name}", told, value=value)

    yield gauge("gaps_open", "Runs of trades known to be missing", len(state.gaps))
    yield gauge("trades_missing", "Trades known to be missing", sum(row.missing for row in state.gaps.values()))
    if database is not None:
        yield gauge("db_up", "1 while the database answers", float(database.connected))
        yield gauge("db_size_bytes", "Size of the database", database.size_bytes)
        yield gauge("spool_bytes", "On disk, waiting for the database", database.spool_bytes)
        yield gauge("buffered_rows", "In memory, waiting for the database", database.buffered_rows)
        yield gauge("disk_free_bytes", "Room on the disk of the data folder", database.disk_free_bytes)
    if resources is not None:
        yield gauge("process_resident_memory_bytes", "Resident memory of this process", resources.memory_mb * 1e6)
        yield gauge("process_cpu_ratio", "CPU of this process, 1 is a whole core", resources.cpu_percent / 100)
        yield gauge("process_open_files", "Open files of this process", resources.open_files)
    if system is not None:
        yield gauge("start_time_seconds", "When it was started, Unix time", system.started_at / 1e9)
        yield gauge("clock_offset_seconds", "Of the exchange's clock against ours", system.clock_offset_ms / 1e3)
        info = GaugeMetricFamily(f"{PREFIX}info", "Always 1", labels=("version", "mode", "exchange"))
        info.add_metric((system.version, system.mode, system.exchange), 1.0)
        yield info
