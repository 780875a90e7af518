"""What is known of single exchanges that ccxt's description of them does not say."""

from collections.abc import Mapping

from msgspec import Struct, field


class Quirks(Struct, frozen=True):
    """How an exchange differs from what is assumed of one that nothing is known of."""

    numbered: bool = False
    """Its trade ids count the trades of an instrument one by one."""
    trades_params: Mapping[str, object] = field(default_factory=dict[str, object])
    """For ``fetch_trades``, so that ids are of the space that the stream's are of."""
    trades_by_time: bool = True
    """``fetch_trades`` takes the moment to begin at; otherwise it has the newest trades only."""
    without: frozenset[str] = frozenset()
    """Methods, in ccxt's names, that it claims to have and that are of no use."""


_BINANCE_SPOT = Quirks(numbered=True, trades_params={"fetchTradesMethod": "publicGetTrades"}, trades_by_time=False)
"""ccxt asks for aggregated trades by default, whose ids are others than the stream's."""

_QUIRKS: Mapping[str, Quirks] = {
    "binance": _BINANCE_SPOT,
    "binanceus": _BINANCE_SPOT,
    # trades of the insurance fund have numbers, but are not told: numbers skip without a trade missing
    "binanceusdm": Quirks(trades_params={"fetchTradesMethod": "fapiPublicGetTrades"}, trades_by_time=False),
    "binancecoinm": Quirks(trades_params={"fetchTradesMethod": "dapiPublicGetTrades"}, trades_by_time=False),
}


def quirks_of(name: str) -> Quirks:
    return _QUIRKS.get(name, Quirks())
