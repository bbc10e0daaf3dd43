"""Workbooks: read, check, annotate and write the clerks' Excel and CSV files."""
