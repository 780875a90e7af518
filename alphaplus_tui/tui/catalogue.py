"""The screens of the console as rows of data; their keys, tabs, palette and help come from here."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from alphaplus_tui.tui.live_screen import LiveScreen


@dataclass(frozen=True, slots=True)
class ScreenRow:
    """One screen: its number is its key."""

    key: str
    name: str
    title: str
    help: str
    path: str
    """``module:Class``, imported when first shown."""

    def load(self) -> "type[LiveScreen]":
        module, _, name = self.path.partition(":")
        return cast("type[LiveScreen]", getattr(import_module(module), name))


_SCREENS = "alphaplus_tui.tui.screens"
CATALOGUE: tuple[ScreenRow, ...] = (
    ScreenRow(
        "1",
        "markets",
        "Markets",
        "Live prices, candles, order book and trades",
        f"{_SCREENS}.markets.screen:MarketsScreen",
    ),
    ScreenRow(
        "2",
        "signals",
        "Signals",
        "What the models say, why, and what became of it",
        f"{_SCREENS}.signals.screen:SignalsScreen",
    ),
    ScreenRow(
        "3",
        "models",
        "Models",
        "What was trained, how good it is, and who serves",
        f"{_SCREENS}.models.screen:ModelsScreen",
    ),
    ScreenRow(
        "4",
        "services",
        "Services",
        "What runs, how fast, and what is stored",
        f"{_SCREENS}.services.screen:ServicesScreen",
    ),
    ScreenRow("5", "logs", "Logs", "What happened, line by line", f"{_SCREENS}.logs.screen:LogsScreen"),
)


def screen_row(name: str) -> ScreenRow | None:
    """The screen called ``name``."""
    return next((row for row in CATALOGUE if row.name == name), None)
