"""Measures: pixels to columns."""
