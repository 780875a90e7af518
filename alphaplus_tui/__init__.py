"""AlphaPlus: a terminal trading console whose services also run headless."""

__version__ = "0.1.0"
