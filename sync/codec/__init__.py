"""The wire and log format: entries, blocks, chunks, compression, signatures of bytes.

Face: all of it.
"""
