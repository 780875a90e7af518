"""How events become rows of the state, one concern a file; only ``projection`` uses these."""
