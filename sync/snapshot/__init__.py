"""Snapshots: whether one is sent, its chunks, its receiver, the upload by a child.

Face: `progress`.
"""
