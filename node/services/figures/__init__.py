"""Figures: cells, totals, closings, completeness, queries."""
