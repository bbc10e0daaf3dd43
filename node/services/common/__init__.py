"""What several services share: pages of a list and their tokens; who decided, and why.

Face: all of it.
"""
