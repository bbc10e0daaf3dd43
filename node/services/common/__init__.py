"""Common parts of services: pages of a list and their tokens; who decided, and why.

Face: all of it.
"""
