"""Workbooks: the clerk's Excel and CSV files, read with suspicion and written with care."""
