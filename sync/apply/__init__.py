"""Every way into a store: local edits, batches, copies, retries of what was quarantined.

Face: all of it.
"""
