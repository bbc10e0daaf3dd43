"""What an office knows of its peers: their status, refused signatures, comparisons.

A floor below the office: `PeerContext` is all that it asks of one.
"""
