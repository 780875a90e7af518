"""Which instruments Binance says it has."""

from collections.abc import Sequence

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.text import clean
from alphaplus_tui.exchanges.binance.frames import SymbolInfo
from alphaplus_tui.exchanges.binance.rest import INVALID_SYMBOL, BinanceRest
from alphaplus_tui.exchanges.binance.symbols import unified_symbol, venue_symbol
from alphaplus_tui.exchanges.shared.http import Refused

_MOST_AT_ONCE = 100
"""More symbols than this in one address would be too long; then all are asked for."""
_ILLEGAL_CHARACTERS = -1100


class Listing:
    """Asks ``exchangeInfo``."""

    def __init__(self, exchange: str, rest: BinanceRest) -> None:
        self._exchange, self._rest = exchange, rest

    async def ask(self, symbols: Sequence[str]) -> list[Instrument]:
        """Of ``symbols`` where Binance can be asked for some and knows them all, else all; only what trades when
        ``symbols`` is empty."""
        if 0 < len(symbols) <= _MOST_AT_ONCE and not self._rest.kind.derivative:
            try:
                info = await self._rest.exchange_info([venue_symbol(symbol) for symbol in symbols])
            except Refused as refused:
                if refused.code not in {INVALID_SYMBOL, _ILLEGAL_CHARACTERS}:
                    raise
            else:
                return [self._instrument(row) for row in info.symbols]
        info = await self._rest.exchange_info()
        return [self._instrument(row) for row in info.symbols if symbols or row.status == "TRADING"]

    def _instrument(self, row: SymbolInfo) -> Instrument:
        base, quote = clean(row.base, limit=40), clean(row.quote, limit=40)
        price_step = next((f.tickSize for f in row.filters if f.filterType == "PRICE_FILTER"), 0.0)
        quantity_step = next((f.stepSize for f in row.filters if f.filterType == "LOT_SIZE"), 0.0)
        return Instrument(
            exchange=self._exchange,
            symbol=unified_symbol(
                base,
                quote,
                margin=clean(row.margin, limit=40),
                contract=row.contract,
                delivers_at_ms=row.delivers_at,
            ),
            venue_symbol=clean(row.symbol, limit=80),
            base=base,
            quote=quote,
            price_step=price_step if price_step > 0 else 1e-8,
            quantity_step=quantity_step if quantity_step > 0 else 1e-8,
        )
