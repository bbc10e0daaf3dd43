"""Upkeep of the store: retention, redaction, rebuilding, bundles, quarantine, the tree.

Face: all of it.
"""
