"""Bybit, version 5: spot and linear contracts."""

from alphaplus_tui.exchanges.bybit.adapter import BybitMarketData

__all__ = ["BybitMarketData"]
