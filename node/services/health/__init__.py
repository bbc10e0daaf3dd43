"""The state of this office: status, problems, verification.

Face: `problems`, `status`, `tree_status`, `verify`.
"""
