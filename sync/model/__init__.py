"""The engine's values: changes, versions, streams, audiences, rights. Pure; all packages use it.

Face: all of it.
"""
