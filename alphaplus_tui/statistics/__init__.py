"""Measures of predictions and of drift: pure numpy."""
