"""Measures how old prices are when they come to the screen."""

from textual.screen import Screen

from alphaplus_tui.tui.desk import Desk, Look


class DrawnAge:
    """Tells ``desk.on_drawn`` of each frame with new prices, once it is on the screen, the age of the oldest."""

    def __init__(self, screen: Screen[None], desk: Desk) -> None:
        self._screen, self._desk = screen, desk
        self._version = 0
        """Of the prices that were drawn last."""

    def measure(self, look: Look) -> None:
        prices = look.state.prices
        if self._desk.on_drawn is None or prices.version == self._version:
            return
        received = [row.ts_recv for row in prices.changed_since(self._version).values() if row.ts_recv]
        first, self._version = self._version == 0, prices.version
        if received and not first:
            self._screen.call_after_refresh(self._tell, min(received))

    def _tell(self, received: int) -> None:
        if self._desk.on_drawn is not None:
            self._desk.on_drawn(max(0.0, (self._desk.look().now - received) / 1e9))
