"""How an instrument is called on screen: by its symbol, with its exchange where several are followed."""

from alphaplus_tui.domain.instrument import InstrumentId, symbol_of
from alphaplus_tui.state.view import StateView


def several_exchanges(state: StateView) -> bool:
    return len(state.exchanges) > 1


def name_of(instrument: InstrumentId, state: StateView) -> str:
    """``BTC/USD``, or ``kraken:BTC/USD``."""
    return instrument if several_exchanges(state) else symbol_of(instrument)
