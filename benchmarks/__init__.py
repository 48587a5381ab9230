"""Benchmarks: each a command that prints a table of ratios, both sides in one run, medians."""
