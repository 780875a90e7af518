"""Any exchange that ccxt knows, behind the market data port; the library itself is imported at the first question."""
