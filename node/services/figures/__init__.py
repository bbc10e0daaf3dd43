"""Figures: cells, totals, closings, completeness, queries.

Face: `cells`, `closings`, `completeness`, `days_counted`, `report`, `reported`, `rollup`.
"""
