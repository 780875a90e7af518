"""The console in a browser: each tab an attached console of its own."""
