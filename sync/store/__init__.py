"""SQL: the tables of the engine, statements, conflicts, quarantine.

Face: all of it.
"""
