"""One person in two communities: the blind index and the cases that it finds.

Face: all of it.
"""
