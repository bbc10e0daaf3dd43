"""Conflicts: views, and their resolution by a person.

Face: all of it.
"""
