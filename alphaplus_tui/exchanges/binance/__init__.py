"""Binance spot and USD-M futures, and whatever speaks as they do."""

from alphaplus_tui.exchanges.binance.adapter import BinanceFuturesMarketData, BinanceMarketData

__all__ = ["BinanceFuturesMarketData", "BinanceMarketData"]
