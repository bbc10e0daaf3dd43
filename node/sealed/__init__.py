"""Sealed backups: what lies at the parent and only its own office can read.

Others import `recovery_key` (the key, a file outside the store), `sealed_file` (its format),
`kept` (what a parent keeps for its children) and `errors`.
"""
