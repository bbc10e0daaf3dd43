"""What people decide about peers: which of two stores under one name stays.

Face: all of it.
"""
