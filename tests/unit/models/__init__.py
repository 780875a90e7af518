"""Tests of alphaplus_tui.models."""
