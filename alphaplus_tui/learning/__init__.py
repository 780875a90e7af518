"""Training: from candles to a validated, exported model and an honest report."""
