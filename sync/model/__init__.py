"""Values of the engine: records, versions, streams, audiences, rights. Pure, and imported by all the rest.

Face: all of it.
"""
