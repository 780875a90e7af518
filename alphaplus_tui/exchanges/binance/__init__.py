"""Binance spot, and whatever speaks as it does."""

from alphaplus_tui.exchanges.binance.adapter import BinanceMarketData

__all__ = ["BinanceMarketData"]
