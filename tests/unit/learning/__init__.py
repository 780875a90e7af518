"""Tests of alphaplus_tui.learning."""
