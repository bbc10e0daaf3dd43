"""The audit log of an office: what happened here, appended in the transaction of what it records.

Others import all of its files.
"""
