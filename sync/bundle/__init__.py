"""Bundles: a signed file with the batches that a link would carry.

Face: all of it.
"""
