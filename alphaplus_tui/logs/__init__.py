"""The log: set up from plain values, kept as JSON lines on disk and in a ring, and read back page by page."""
