"""Peers: their status, refused signatures, comparisons, as an office knows them.

Below the office: `PeerContext` is all that it uses of one.
"""
