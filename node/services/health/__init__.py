"""The state of this office: status, problems, verification.

Face: `problems`, `status`, `verify`.
"""
