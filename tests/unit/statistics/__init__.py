"""Tests of alphaplus_tui.statistics."""
