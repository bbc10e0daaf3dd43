"""What happens after a backup was restored or a disk was lost, and which of two stores is a clone.

Face: `child`, `clones`, `heads`, `reissue`, `stamps`.
"""
