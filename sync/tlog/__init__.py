"""Transparency log: its tree of hashes, signed notes, checkpoints and proofs, in C2SP's formats.

Face: all of it.
"""
