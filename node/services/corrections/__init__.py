"""Correction requests between an office that reads a field and the office that owns it.

Face: `requests`, `views`.
"""
