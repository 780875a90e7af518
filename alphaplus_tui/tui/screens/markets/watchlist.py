"""The watchlist: one live row an instrument."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from msgspec import Struct

from alphaplus_tui.domain.events import ExchangeState
from alphaplus_tui.domain.instrument import Instrument, InstrumentId, decimals
from alphaplus_tui.domain.text import clean
from alphaplus_tui.state.slices import DecisionRow, FeedRow, FeedState, PriceRow
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.screens.markets.order import WatchOrder, spread_bps
from alphaplus_tui.tui.widgets.grid import Cell, Column, LiveGrid
from alphaplus_tui.tui.widgets.marks import sparkline
from alphaplus_tui.tui.widgets.names import name_of, several_exchanges
from alphaplus_tui.tui.widgets.opinion import chance, ink_of, mark, share
from alphaplus_tui.tui.widgets.panel import Condition, Kind
from alphaplus_tui.tui.widgets.status import feed_words

TINT_S = 0.4
"""How long a changed price stays tinted."""


class WatchRow(Struct, frozen=True, gc=False):
    """What one row shows."""

    instrument: Instrument
    price: PriceRow
    feed: FeedRow | None
    decision: DecisionRow | None
    pinned: bool
    decimals: int
    room: int
    """Decimals reserved in the column of prices."""


def _name(row: WatchRow, look: Look, width: int) -> Cell:
    star = "*" if look.symbols == "ascii" else "★"
    mark = (star + " " if row.pinned else "  ", look.inks.warning)
    return [mark, (fmt.fit(row.instrument.symbol, width - 2), look.inks.base)]


def _exchange(row: WatchRow, look: Look, width: int) -> Cell:
    return "  " + fmt.fit(row.instrument.exchange, width - 2), look.inks.dim


def _nothing_yet(look: Look) -> Condition:
    """No instrument is known: because an exchange does not answer, or because it is early."""
    for row in look.state.exchanges.values():
        if row.state is ExchangeState.FAILED:
            return Condition(
                Kind.ERROR, f"{row.exchange}: {clean(row.reason)}", "the settings name it: exchange.symbols"
            )
        if row.state is ExchangeState.AWAY:
            advice = "it is asked again and again; the Services screen (4) shows more"
            return Condition(Kind.ERROR, f"{row.exchange} does not answer: {clean(row.reason)}", advice)
    return Condition(Kind.LOADING, "waiting for the market", "the Services screen (4) shows what is starting")


def _last(row: WatchRow, look: Look, width: int) -> Cell:
    inks, price = look.inks, row.price
    up, down = ("+", "-") if look.symbols == "ascii" else ("▲", "▼")
    mark, ink = ((up, inks.up), (" ", inks.base), (down, inks.down))[1 - price.direction]
    if price.last is not None and look.mono - price.last_changed < TINT_S:
        ink = inks.strong + (inks.on_up if price.direction > 0 else inks.on_down)
    text = fmt.number(price.last, row.decimals, room=row.room)
    if len(text) > width - 2:
        text = text.rstrip()
    return [(fmt.fit(text, width - 2, right=True), ink), (f" {mark}", ink)]


def _change(row: WatchRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return fmt.percent(row.price.change_pct), look.inks.direction(row.price.change_pct)


def _spread(row: WatchRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    bps = spread_bps(row.price)
    return (fmt.NOTHING if bps is None else f"{bps:.1f}"), look.inks.base


def _volume(row: WatchRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    return fmt.compact(row.price.quote_volume), look.inks.base


def _spark(row: WatchRow, look: Look, width: int) -> Cell:
    values = row.price.sparkline
    ink = look.inks.direction(values[-1] - values[0]) if len(values) > 1 else look.inks.dim
    return sparkline(values, width, symbols=look.symbols), ink


def _says(row: WatchRow, look: Look, width: int) -> Cell:
    if row.decision is None:
        return fmt.NOTHING, look.inks.faint
    decision = row.decision.decision
    if decision.gate:
        return f"{mark(decision.direction, look)} {decision.gate}", look.inks.faint
    likely = share(chance(decision.direction, decision.prediction.probabilities))
    ink = ink_of(decision.direction, look)
    text = f"{mark(decision.direction, look)} {decision.direction.value} {likely}"
    return [
        (fmt.fit(text, width - 4), ink),
        (fmt.fit(fmt.age(max(0, look.now - decision.decided_at)), 4, right=True), look.inks.dim),
    ]


def _age(row: WatchRow, look: Look, width: int) -> Cell:  # noqa: ARG001 - the grid fits it
    if row.feed is not None and row.feed.state not in {FeedState.LIVE, FeedState.ENDED}:
        mark = {FeedState.STALE: "◌", FeedState.GAP: "▲", FeedState.BACKFILLING: "◐"}.get(row.feed.state, "○")
        if row.feed.state is FeedState.STALE:
            return f"{mark}{fmt.age(look.now - row.feed.since)}", look.inks.warning
        return mark, look.inks.warning
    if not row.price.ts_recv:
        return fmt.NOTHING, look.inks.dim
    return fmt.age(look.now - row.price.ts_recv), look.inks.dim


COLUMNS: tuple[Column[WatchRow], ...] = (
    Column("symbol", "  Symbol", 11, _name),
    Column("last", "Last  ", 16, _last, right=True),
    Column("change", "24h", 7, _change, right=True, rank=1),
    Column("spread", "bps", 5, _spread, right=True, rank=4),
    Column("volume", "Volume", 6, _volume, right=True, rank=3),
    Column("signal", "Signal", 16, _says, rank=5),
    Column("spark", "Trend", 7, _spark, rank=2, grow=True),
    Column("age", "Age", 4, _age, right=True, rank=1),
)
EXCHANGE: Column[WatchRow] = Column("exchange", "  Exchange", 10, _exchange)
"""Shown where several are followed."""


class Watchlist(LiveGrid[WatchRow]):
    """All instruments, pinned ones first."""

    TITLE: ClassVar[str] = "Watchlist"
    EXPLANATION: ClassVar[str] = (
        "Every instrument that is followed: last price (tinted when it has just changed), change against 24 hours "
        "ago, spread in hundredths of a percent, volume of 24 hours in quote units, the last hour or so, and the age "
        "of what you see. ◌ stale, ○ reconnecting, ◐ catching up, ▲ trades are missing. "
        "/ finds a symbol, space pins it, s sorts by the next column, S turns the order around."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, COLUMNS, id="watchlist")
        self.sorting = WatchOrder(desk)
        self._rows: dict[str, tuple[PriceRow | None, FeedRow | None, DecisionRow | None, bool, WatchRow]] = {}
        self._ordered: tuple[Hashable, Sequence[str]] = (None, ())
        self._room = 2

    def condition(self, look: Look) -> Condition:
        if not look.state.instruments:
            return _nothing_yet(look)
        find = self.sorting.find
        if find and not self.sorting.matching(look.state):
            return Condition(Kind.EMPTY, f"no symbol with {find!r}", "Esc shows all")
        shown = f"“{find}”" if find else ""
        return Condition(Kind.LIVE, shown or f"{len(look.state.instruments)} symbols")

    def head(self, column: Column[WatchRow]) -> str:
        layout = self.desk.layout
        if column.key != layout.sort or not layout.sort:
            return column.title
        return column.title.strip() + ("▴" if layout.sort_reverse else "▾")

    def keys(self, look: Look) -> Sequence[str]:
        instruments = look.state.instruments
        stamp = self.sorting.stamp(look)
        if stamp != self._ordered[0]:
            self._room = max((decimals(row.instrument.price_step) for row in instruments.values()), default=2)
            self._room = min(6, self._room)
            self._name_exchanges(look)
            self._ordered = (stamp, self.sorting.keys(look.state))
        return self._ordered[1]

    def row(self, look: Look, key: str) -> WatchRow | None:
        instrument = look.state.instruments.get(InstrumentId(key))
        if instrument is None:
            return None
        name = instrument.instrument.id
        price, feed = look.state.prices.get(name), look.state.feeds.get(name)
        decision = look.state.decisions.get(name)
        pinned = key in self.desk.layout.pinned
        known = self._rows.get(key)
        if known is not None and known[0] is price and known[1] is feed and known[2] is decision and known[3] == pinned:
            return known[4]
        places = decimals(instrument.instrument.price_step)
        row = WatchRow(instrument.instrument, price or PriceRow(name), feed, decision, pinned, places, self._room)
        self._rows[key] = (price, feed, decision, pinned, row)
        return row

    def stamp(self, row: WatchRow, look: Look) -> Hashable:
        tinted = look.mono - row.price.last_changed < TINT_S
        since = row.feed.since if row.feed is not None and row.feed.state is FeedState.STALE else row.price.ts_recv
        judged = row.decision.decision.decided_at if row.decision is not None else look.now
        return tinted, fmt.age(look.now - since), fmt.age(max(0, look.now - judged))

    def _name_exchanges(self, look: Look) -> None:
        columns = (EXCHANGE, *COLUMNS) if several_exchanges(look.state) else COLUMNS
        if columns != self.columns:
            self.columns = columns
            self._fitted = (-1, ())

    def on_live_grid_head_pressed(self, message: LiveGrid.HeadPressed) -> None:
        self.sorting.by_column(message.column)
        self.resorted()

    def resorted(self) -> None:
        """The order changed: the cursor stays in view."""
        self.go(self.cursor, tell=False)

    def copy_row(self) -> str:
        look = self.desk.look()
        row = self.row(look, self.cursor)
        if row is None:
            return ""
        price, name = row.price, name_of(row.instrument.id, look.state)
        bps = spread_bps(price)
        words = [name, f"last {fmt.number(price.last, row.decimals)}", f"24h {fmt.percent(price.change_pct).strip()}"]
        words.append(f"spread {fmt.NOTHING if bps is None else f'{bps:.1f} bps'}")
        words.append(f"volume {fmt.compact(price.quote_volume)}")
        if row.feed is not None:
            words.append(feed_words(row.feed, look.now))
        return "  ".join(words)
