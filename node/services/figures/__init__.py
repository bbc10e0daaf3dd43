"""Figures: cells, totals, closings, completeness, queries.

Face: `cells`, `closings`, `completeness`, `rollup`.
"""
