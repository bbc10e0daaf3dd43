"""Peers: a person's decision which of two stores under one name stays.

Face: all of it.
"""
