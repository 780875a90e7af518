"""Tests of alphaplus_tui.gates."""
