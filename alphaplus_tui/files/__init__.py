"""Formats of files that leave AlphaPlus."""
