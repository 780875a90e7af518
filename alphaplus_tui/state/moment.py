"""What time it is on the market, for whoever has nothing but the state."""

from alphaplus_tui.state.slices import Mode
from alphaplus_tui.state.view import ONLY, StateView


def market_time(state: StateView, wall_ns: int) -> int:
    """UTC ns by the market's clock, which ages are counted from: the recording's in a replay.

    wall_ns: this machine's own time.
    """
    system = state.system.get(ONLY)
    if system is None:
        return wall_ns
    if system.mode is Mode.REPLAY:
        return system.market_now
    return wall_ns + int(system.clock_offset_ms * 1_000_000)
