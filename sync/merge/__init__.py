"""Algorithms over values: merge of an edit, join of two copies, digests. Pure.

Face: `digest`, `record`.
"""
