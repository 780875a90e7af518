"""The HTTP API: what other programs see of a running AlphaPlus, and what they may wish of it."""
