"""Retention: truncation of the log, redaction of deleted records.

Face: all of it.
"""
