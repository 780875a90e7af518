"""How opinions are written wherever they stand: sides, probabilities, worth, outcomes."""

from rich.style import Style

from alphaplus_tui.domain.analysis import Decision, Direction, Probabilities, Result
from alphaplus_tui.domain.instrument import InstrumentId, decimals
from alphaplus_tui.domain.text import clean
from alphaplus_tui.domain.timeframe import DAY_NS, MINUTE_NS
from alphaplus_tui.state.slices import SignalRow
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Look

GATES = (
    "edge",
    "fresh data",
    "whole window",
    "training range",
    "agreement",
    "expected value",
    "cooldown",
    "risk",
)
"""The gates in the order in which a prediction passes them."""
PASSED = "passed"
"""Stands for none of them in filters, as in ``DecisionsPage``."""
PLANTED = "The demo market's edge is planted; real markets owe nobody one."

_MARKS = {Direction.LONG: "▲", Direction.SHORT: "▼", Direction.FLAT: "·"}
_PLAIN = {Direction.LONG: "+", Direction.SHORT: "-", Direction.FLAT: "."}


def mark(direction: Direction, look: Look) -> str:
    return (_PLAIN if look.symbols == "ascii" else _MARKS)[direction]


def ink_of(direction: Direction, look: Look) -> Style:
    return {Direction.LONG: look.inks.up, Direction.SHORT: look.inks.down, Direction.FLAT: look.inks.dim}[direction]


def side(direction: Direction, look: Look) -> tuple[str, Style]:
    """``▲ LONG``, ``▼ SHORT``, ``· no trade``."""
    word = "no trade" if direction is Direction.FLAT else direction.value.upper()
    return f"{mark(direction, look)} {word}", ink_of(direction, look)


def chance(direction: Direction, probabilities: Probabilities | None) -> float | None:
    """How probable it is that the target of ``direction`` comes first."""
    if probabilities is None or direction is Direction.FLAT:
        return None
    return probabilities.up if direction is Direction.LONG else probabilities.down


def share(value: float | None) -> str:
    """``0.61``."""
    return fmt.NOTHING if value is None or value != value else f"{value:.2f}"  # noqa: PLR0124 - nan is unknown


def signed(value: float | None, places: int = 1) -> str:
    """``+14.2``, ``−3.0``."""
    if value is None or value != value:  # noqa: PLR0124 - nan is unknown
        return fmt.NOTHING
    return f"{value:+.{places}f}".replace("-", fmt.MINUS)


def price_text(value: float | None, instrument: InstrumentId, look: Look) -> str:
    """A price with the decimals of its instrument."""
    row = look.state.instruments.get(instrument)
    places = decimals(row.instrument.price_step) if row else 4
    return fmt.number(value, places)


def clock_text(ts: int, now: int) -> str:
    """``12:05`` today, ``08 Aug`` before."""
    return fmt.time_of_day(ts)[:5] if ts // DAY_NS == now // DAY_NS else fmt.moment(ts).strftime("%d %b")


def why_not(decision: Decision) -> str:
    """``expected value: worth −3.1 bps after fees``; empty when every gate was passed."""
    return clean(f"{decision.gate}: {decision.reason}") if decision.gate else ""


def left(expires_at: int, now: int) -> str:
    """``1h 28m left``, ``28m left``, ``5s left``, ``time is up``."""
    if expires_at <= now:
        return "time is up"
    minutes = (expires_at - now) // MINUTE_NS
    if minutes < 60:
        return f"{fmt.age(expires_at - now)} left"
    return f"{minutes // 60}h {minutes % 60:02d}m left" if minutes < 1440 else f"{fmt.age(expires_at - now)} left"


def fate(row: SignalRow, look: Look) -> tuple[str, Style]:
    """What became of a signal: ``✓ target +38.1``, ``✗ stop −71.0``, ``◷ time −4.2``, ``open 28m``."""
    inks, outcome, plain = look.inks, row.outcome, look.symbols == "ascii"
    if outcome is None:
        return f"{'>' if plain else '◌'} open {left(row.signal.expires_at, look.now)}", inks.accent
    marks = {Result.TARGET: ("✓", "v", "target"), Result.STOP: ("✗", "x", "stop"), Result.HORIZON: ("◷", "o", "time")}
    symbol, ascii_symbol, word = marks[outcome.result]
    return f"{ascii_symbol if plain else symbol} {word:<6} {signed(outcome.result_bps)}", inks.direction(
        outcome.result_bps
    )


def feature_text(name: str) -> str:
    return clean(name, limit=80).replace("_", " ")
