"""The words of AlphaPlus: frozen values that every room shares; no clock, no I/O."""
