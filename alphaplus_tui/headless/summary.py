"""What a headless run came to: the last line it prints."""

from msgspec import Struct

from alphaplus_tui.state.view import ONLY, StateView


class Percentiles(Struct, frozen=True):
    p50: float
    p99: float


class Summary(Struct, frozen=True, tag_field="event", tag="summary"):
    """INTERFACE 1; times in seconds and milliseconds, memory in MB as PSS."""

    duration_s: float
    startup_s: float | None
    messages: int
    trades_received: int
    trades_committed: int
    trades_backfilled: int
    candles_closed: int
    gaps_open: int
    decisions: int
    signals: int
    restarts: int
    wire_to_state_ms: Percentiles
    wire_to_commit_ms: Percentiles
    event_loop_lag_ms: Percentiles
    peak_memory_mb: float
    cpu_seconds: float


def summarise(state: StateView, *, duration_s: float, peak_memory_mb: float, cpu_seconds: float) -> Summary:
    """The figures of the whole run, from the state as it is now."""
    system = state.system.get(ONLY)
    return Summary(
        duration_s=round(duration_s, 3),
        startup_s=None if system is None or system.startup_s is None else round(system.startup_s, 3),
        messages=_total(state, "messages"),
        trades_received=_total(state, "trades_received"),
        trades_committed=_total(state, "trades_committed"),
        trades_backfilled=_total(state, "trades_backfilled"),
        candles_closed=_total(state, "candles_closed"),
        gaps_open=len(state.gaps),
        decisions=_total(state, "decisions"),
        signals=_total(state, "signals"),
        restarts=sum(row.restarts for row in state.services.values()),
        wire_to_state_ms=_percentiles(state, "wire_to_state"),
        wire_to_commit_ms=_percentiles(state, "wire_to_commit"),
        event_loop_lag_ms=_percentiles(state, "event_loop_lag"),
        peak_memory_mb=round(peak_memory_mb, 1),
        cpu_seconds=round(cpu_seconds, 2),
    )


def _total(state: StateView, name: str) -> int:
    row = state.counters.get(name)
    return 0 if row is None else int(row.value)


def _percentiles(state: StateView, name: str) -> Percentiles:
    row = state.latencies.get(name)
    return Percentiles(0.0, 0.0) if row is None else Percentiles(round(row.p50, 3), round(row.p99, 3))
