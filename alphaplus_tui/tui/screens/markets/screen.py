"""The Markets screen: watchlist, chart, order book and tape of the selected symbol."""

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import TIMEFRAMES, Timeframe
from alphaplus_tui.session.queries import CandlesBetween
from alphaplus_tui.tui.actions import MARKETS, bindings
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.live_screen import LiveScreen
from alphaplus_tui.tui.screens.markets.watchlist import Watchlist
from alphaplus_tui.tui.screens.markets.why import WhyLine
from alphaplus_tui.tui.widgets.book import BookPanel
from alphaplus_tui.tui.widgets.chart import Chart
from alphaplus_tui.tui.widgets.find import FindLine
from alphaplus_tui.tui.widgets.grid import LiveGrid
from alphaplus_tui.tui.widgets.tape import TapePanel


class MarketsScreen(LiveScreen):
    """One symbol is selected; every panel but the watchlist shows that one."""

    NAME: ClassVar[str] = MARKETS
    CSS_PATH = "screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(MARKETS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.watchlist = Watchlist(desk)
        self.chart = Chart(desk)
        self.book = BookPanel(desk)
        self.tape = TapePanel(desk)
        self.why = WhyLine(desk)
        self.find = FindLine("a part of the symbol; Enter goes there, Esc shows all", id="find")

    def body(self) -> Iterator[Widget]:
        yield from (self.watchlist, self.chart, self.book, self.tape, self.why)

    def below(self) -> Iterator[Widget]:
        yield self.find

    def pull(self, look: Look) -> None:
        self._choose(look)
        super().pull(look)

    def _choose(self, look: Look) -> None:
        """Hand the selected instrument and timeframe to the panels."""
        row = self.desk.selected()
        timeframes = self.timeframes(look)
        wanted = Timeframe(self.desk.layout.timeframe)
        if timeframes and wanted not in timeframes:
            wanted = timeframes[0]
        self.chart.choose(row, wanted, timeframes)
        self.book.instrument = self.tape.instrument = self.why.instrument = row
        if row is not None and self.watchlist.cursor != row.instrument.id and not self.watchlist.sorting.find:
            self.watchlist.cursor = row.instrument.id

    def timeframes(self, look: Look) -> list[Timeframe]:
        """Those that candles are built of, shortest first."""
        known = {timeframe for _, timeframe in look.state.charts}
        return [Timeframe(name) for name in TIMEFRAMES if name in known]

    # Selecting

    def select(self, key: str) -> None:
        self.desk.layout.symbol = key
        self.desk.remember()
        self.pull(self.desk.look())

    def on_live_grid_moved(self, message: LiveGrid.Moved) -> None:
        self.select(message.key)

    def on_live_grid_opened(self, message: LiveGrid.Opened) -> None:
        self.select(message.key)
        self.show_panel("chart")

    def action_pin(self) -> None:
        if self.watchlist.cursor:
            self.watchlist.sorting.pin(self.watchlist.cursor)
            self.watchlist.resorted()

    def action_sort(self, by: int) -> None:
        self.watchlist.sorting.by_next(by)
        self.watchlist.resorted()

    def action_sort_reverse(self) -> None:
        self.watchlist.sorting.turn_around()
        self.watchlist.resorted()

    def action_find(self) -> None:
        self.show_panel("watchlist")
        self.find.open()

    def on_find_line_typed(self, message: FindLine.Typed) -> None:
        self.watchlist.sorting.find = message.text
        look = self.desk.look()
        self.watchlist.pull(look)
        matching = self.watchlist.keys(look)
        if matching:
            self.watchlist.go(matching[0], tell=False)

    def on_find_line_closed(self, message: FindLine.Closed) -> None:
        found = self.watchlist.cursor
        self.watchlist.sorting.find = ""
        self.watchlist.focus()
        if message.kept and found:
            self.select(found)
        self.watchlist.go(self.desk.layout.symbol or found, tell=False)

    def back(self) -> bool:
        if self.find.close(kept=False):
            return True
        if self.chart.view.cross is not None:
            self.chart.view.toggle_cross()
            return True
        if self.chart.view.pan:
            self.chart.view.reset()
            return True
        if self.panels.away_from_home():
            self.show_panel("watchlist")
            return True
        return super().back()

    async def action_why(self) -> None:
        """The newest decision of the selected symbol in full, on the Signals screen."""
        row = self.desk.selected()
        if row is not None:
            self.desk.why = row.instrument.id
            await self.run_action("app.show('signals')")

    # The chart

    def action_timeframe(self, by: int) -> None:
        if (timeframe := self.chart.neighbour(by)) is not None:
            self._use_timeframe(timeframe)

    def on_chart_timeframe_pressed(self, message: Chart.TimeframePressed) -> None:
        self._use_timeframe(message.timeframe)

    def _use_timeframe(self, timeframe: str) -> None:
        self.desk.layout.timeframe = timeframe
        self.desk.remember()
        self.pull(self.desk.look())

    def action_zoom(self, by: int) -> None:
        self.chart.view.change_zoom(by)

    def action_pan(self, by: int) -> None:
        self.chart.view.move(by)

    def action_chart_reset(self) -> None:
        self.chart.view.reset()

    def action_crosshair(self) -> None:
        self.chart.view.toggle_cross()

    def action_chart_style(self) -> None:
        self.chart.next_style()

    def on_chart_need_older(self, message: Chart.NeedOlder) -> None:
        query = CandlesBetween(InstrumentId(message.instrument), message.timeframe, 0, message.before, 1000)
        self.questions.ask(
            f"older:{message.instrument}:{message.timeframe}", query, self.chart.take_older, self._no_older
        )

    def _no_older(self, cause: str) -> None:
        self.chart.take_older(())
        self.notify(cause, title="No older candles", severity="warning", timeout=4, markup=False)
