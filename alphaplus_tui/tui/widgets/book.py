"""The order book: asks above, bids below, the spread between, depth as a tint."""

from typing import ClassVar

from rich.style import Style

from alphaplus_tui.domain.instrument import decimals
from alphaplus_tui.state.slices import BookRow, InstrumentRow
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece

STALE_AFTER_NS = 5_000_000_000


class BookPanel(Panel):
    """The best levels of one instrument."""

    TITLE: ClassVar[str] = "Book"
    EXPLANATION: ClassVar[str] = (
        "The best prices at which others want to sell (above) and buy (below), and how much rests there. "
        "The tint behind a row grows with the quantity from the best price to this one; between them stands the "
        "spread in hundredths of a percent."
    )

    def __init__(self, desk: Desk, *, id: str = "book") -> None:  # noqa: A002 - Textual's own name
        super().__init__(desk, id=id)
        self.instrument: InstrumentRow | None = None

    def condition(self, look: Look) -> Condition:
        row = self._row(look)
        if self.instrument is None or row is None:
            return Condition(Kind.LOADING, "waiting for the book")
        if not row.bids and not row.asks:
            return Condition(Kind.EMPTY, "the book is empty")
        old = look.now - row.ts_recv
        if old > STALE_AFTER_NS:
            return Condition(Kind.STALE, fmt.time_of_day(row.ts_recv))
        return Condition(Kind.LIVE, fmt.age(old))

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        row = self._row(look)
        assert row is not None
        assert self.instrument is not None
        inks = look.inks
        instrument = self.instrument.instrument
        places = decimals(instrument.price_step), decimals(instrument.quantity_step)
        above = max(1, (height - 1) // 2)
        below = max(1, height - 1 - above)
        asks, bids = row.asks[:above], row.bids[:below]
        deepest = max(sum(q for _, q in asks), sum(q for _, q in bids)) or 1.0
        lines: list[list[Piece]] = [[] for _ in range(above - len(asks))]
        lines += reversed(self._side(asks, deepest, width, places, (inks.down, inks.on_down_depth, inks.base)))
        lines.append(self._spread(row, look, width))
        lines += self._side(bids, deepest, width, places, (inks.up, inks.on_up_depth, inks.base))
        return lines

    def _row(self, look: Look) -> BookRow | None:
        return look.state.books.get(self.instrument.instrument.id) if self.instrument else None

    def _side(
        self,
        levels: tuple[tuple[float, float], ...],
        deepest: float,
        width: int,
        places: tuple[int, int],
        styles: tuple[Style, Style, Style],
    ) -> list[list[Piece]]:
        """Lines of one side; styles: of the price, behind the depth, of the quantity."""
        ink, ground, base = styles
        lines: list[list[Piece]] = []
        summed = 0.0
        half = (width - 1) // 2
        for price, quantity in levels:
            summed += quantity
            left = fmt.fit(fmt.number(price, places[0]), half, right=True)
            text = quantity_text(quantity, places[1], width - half - 1)
            tinted = width - round(summed / deepest * width)
            line = left + " " + fmt.fit(text, width - half - 1, right=True)
            pieces = [(line[:half], ink, 0), (line[half:], base, half)]
            lines.append([part for text, style, at in pieces for part in _split(text, style, tinted - at, ground)])
        return lines

    def _spread(self, row: BookRow, look: Look, width: int) -> list[Piece]:
        if not (row.bids and row.asks):
            return [("one side only".center(width), look.inks.warning)]
        bid, ask = row.bids[0][0], row.asks[0][0]
        bps = (ask - bid) / ((ask + bid) / 2) * 10_000
        text = f" spread {bps:.{2 if bps >= 0.1 else 4}f} bps "
        return [(text.center(width, "-" if look.symbols == "ascii" else "─"), look.inks.dim)]


def quantity_text(quantity: float, places: int, width: int) -> str:
    """A quantity with at most four decimals, fewer where they do not fit; never shown as nothing when it is not."""
    most = min(places, 4)
    for digits in range(most, -1, -1):
        text = fmt.number(quantity, digits)
        if len(text) <= width:
            least = 10.0**-digits
            return f"<{least:.{digits}f}" if 0 < quantity < least / 2 else text
    return fmt.compact(quantity)


def _split(text: str, style: Style, at: int, ground: Style) -> list[Piece]:
    """``text`` with ``ground`` behind it from ``at`` on."""
    at = max(0, min(len(text), at))
    return [piece for piece in ((text[:at], style), (text[at:], style + ground)) if piece[0]]
