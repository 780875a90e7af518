"""Tests of alphaplus_tui.features."""
