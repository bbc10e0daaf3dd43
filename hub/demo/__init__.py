"""Demonstration data: a generated street to try the system with; no real person is in it."""
