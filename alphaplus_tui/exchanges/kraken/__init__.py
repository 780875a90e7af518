"""Kraken spot: version 2 of its streams, and the public part of its REST."""

from alphaplus_tui.exchanges.kraken.adapter import KrakenMarketData

__all__ = ["KrakenMarketData"]
