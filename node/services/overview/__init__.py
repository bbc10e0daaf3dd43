"""Overview: what waits for an office, gathered from every service.

Face: `today`.
"""
