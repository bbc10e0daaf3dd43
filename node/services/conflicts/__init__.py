"""Conflicts: views, and their resolution by a person."""
