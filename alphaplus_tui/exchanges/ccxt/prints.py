"""The trades of one instrument as they come, in whatever portions: each once, and whether some may be missing."""

from collections import Counter, deque
from collections.abc import Sequence

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Provenance, Side, Trade
from alphaplus_tui.domain.text import clean
from alphaplus_tui.exchanges.ccxt.library import Row
from alphaplus_tui.exchanges.ccxt.values import moment, number
from alphaplus_tui.exchanges.shared.parsing import ABSURD_QUANTITY, Unusable

_REMEMBERED = 4096
_LONGEST_ID = 80


class Prints:
    """Reads trades of ``instrument`` from what ccxt says."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._known: set[str] = set()
        self._order: deque[str] = deque()
        self._last_price = 0.0
        self._last_side = Side.BUY
        self._last_row: Row | None = None

    def read(self, rows: Sequence[Row], ts_recv: int, provenance: Provenance) -> tuple[list[Trade], list[str]]:
        """All of ``rows``, oldest first, and why some could not be read."""
        alike: Counter[str] = Counter()
        trades: list[Trade] = []
        wrong: list[str] = []
        for row in rows:
            try:
                trades.append(self._trade(row, ts_recv, provenance, alike))
            except Unusable as error:
                wrong.append(str(error))
        trades.sort(key=lambda trade: trade.seq)
        return trades, wrong

    def new(self, trades: Sequence[Trade]) -> tuple[list[Trade], bool]:
        """Those that did not come before; and whether none of them did although some were read before."""
        fresh = [trade for trade in trades if trade.trade_id not in self._known]
        hole = bool(self._known) and bool(trades) and len(fresh) == len(trades)
        for trade in fresh:
            self._known.add(trade.trade_id)
            self._order.append(trade.trade_id)
        while len(self._order) > _REMEMBERED:
            self._known.discard(self._order.popleft())
        return fresh, hole

    def tail(self, cache: Sequence[Row]) -> tuple[list[Row], bool]:
        """What was added to ``cache`` since the last call; and whether it was so much that older rows fell out."""
        last, added = self._last_row, list[Row]()
        found = last is None
        for row in reversed(cache):
            if row is last:
                found = True
                break
            added.append(row)
        if added:
            self._last_row = added[0]
        added.reverse()
        return added, not found

    def _trade(self, row: Row, ts_recv: int, provenance: Provenance, alike: "Counter[str]") -> Trade:
        price, quantity = number(row, "price"), number(row, "amount", most=ABSURD_QUANTITY)
        ts_event = moment(row, otherwise=ts_recv)
        side = self._side(row, price)
        identity = row.get("id")
        if identity is None or identity == "":
            # of those that look the same in one portion the second is another trade
            looks = f"{ts_event // 1_000_000}-{price:.12g}-{quantity:.12g}-{row.get('side') or ''}"
            alike[looks] += 1
            trade_id = clean(looks if alike[looks] == 1 else f"{looks}-{alike[looks]}", limit=_LONGEST_ID)
        else:
            trade_id = clean(str(identity), limit=_LONGEST_ID)
        seq = ts_event
        if self._instrument.numbered:
            if not trade_id.isdecimal() or len(trade_id) > 18:
                raise Unusable(f"id is {trade_id!r}, not a number")
            seq = int(trade_id)
        return Trade(self._instrument.id, trade_id, seq, price, quantity, side, ts_event, ts_recv, provenance)

    def _side(self, row: Row, price: float) -> Side:
        """The taker's; by the direction of the price where the exchange does not say.

        Source: C. Lee and M. Ready, Inferring Trade Direction from Intraday Data (1991), the tick test.
        """
        told = row.get("side")
        if told in {"buy", "sell"}:
            side = Side(told)
        elif price != self._last_price and self._last_price:
            side = Side.BUY if price > self._last_price else Side.SELL
        else:
            side = self._last_side
        self._last_price, self._last_side = price, side
        return side
