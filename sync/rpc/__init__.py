"""gRPC as both contracts use it: the options of a channel, the status of a refused call.

It stays light: every command that asks a served office loads it.

Face: all of it.
"""
