"""Settings: one frozen section per concern, each value with its origin; folders, and the lock of the data folder."""
