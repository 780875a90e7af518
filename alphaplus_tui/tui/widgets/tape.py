"""The tape: the last trades of an instrument, newest first."""

from typing import ClassVar

from alphaplus_tui.domain.instrument import decimals
from alphaplus_tui.domain.market import Side
from alphaplus_tui.state.slices import InstrumentRow, TapeRow
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.book import quantity_text
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece


class TapePanel(Panel):
    """Time, price and quantity of each print; ▲ a buyer was in a hurry, ▼ a seller."""

    TITLE: ClassVar[str] = "Tape"
    EXPLANATION: ClassVar[str] = (
        "Every public trade as it happens, newest first, by the exchange's time (UTC). "
        "▲ a buyer took what was offered, ▼ a seller did."
    )

    def __init__(self, desk: Desk, *, id: str = "tape") -> None:  # noqa: A002 - Textual's own name
        super().__init__(desk, id=id)
        self.instrument: InstrumentRow | None = None

    def condition(self, look: Look) -> Condition:
        row = self._row(look)
        if self.instrument is None:
            return Condition(Kind.LOADING, "waiting for the market")
        if row is None or not row.trades:
            return Condition(Kind.EMPTY, "no trade yet")
        return Condition(Kind.LIVE, f"last {fmt.age(look.now - row.trades[0].ts_recv)} ago")

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        row = self._row(look)
        assert row is not None
        assert self.instrument is not None
        inks, instrument = look.inks, self.instrument.instrument
        price_places, quantity_places = decimals(instrument.price_step), decimals(instrument.quantity_step)
        lines: list[list[Piece]] = []
        for trade in row.trades[:height]:
            buying = trade.side is Side.BUY
            ink = inks.up if buying else inks.down
            price = fmt.number(trade.price, price_places)
            mark = ("+" if buying else "-") if look.symbols == "ascii" else ("▲" if buying else "▼")
            room = width - 8 - len(price) - 3
            quantity = fmt.fit(quantity_text(trade.quantity, quantity_places, room - 1), room, right=True)
            lines.append(
                [
                    (fmt.time_of_day(trade.ts_event), inks.dim),
                    (f" {mark}", ink),
                    (f" {price}", ink),
                    (quantity, inks.base),
                ]
            )
        return lines

    def _row(self, look: Look) -> TapeRow | None:
        return look.state.tapes.get(self.instrument.instrument.id) if self.instrument else None
