"""The console: screens that mirror the state of a session."""
