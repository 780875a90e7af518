"""Coinbase Advanced Trade: its public streams and REST."""

from alphaplus_tui.exchanges.coinbase.adapter import CoinbaseMarketData

__all__ = ["CoinbaseMarketData"]
