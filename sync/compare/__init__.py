"""Anti-entropy: digests, drill-down to the records that differ, their repair and its log.

Face: `digests`.
"""
