"""The change log: append, read, sign, truncate; what a log still proves of the past.

Face: all of it.
"""
