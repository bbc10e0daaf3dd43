"""The audit log for people: what it has, whether it is whole, and proofs of it.

Face: all of it.
"""
