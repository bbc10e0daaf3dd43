"""Health of this office: status, problems, verification.

Face: `machine`, `problems`, `status`, `tree_status`, `verify`.
"""
