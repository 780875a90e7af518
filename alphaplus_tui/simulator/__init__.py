"""A demo exchange in a process of its own, speaking Binance's public spot protocol on loopback."""
