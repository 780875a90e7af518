"""Adapters of the market data port: one exchange each, and recordings of them."""
