"""The link protocol between a child and its parent: session, messages, both ends.

Face: `child`, `dialer`, `status`.
"""
