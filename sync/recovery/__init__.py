"""Recovery after a backup was restored or a disk was lost; detection of cloned stores.

Face: `child`, `clones`, `heads`, `reissue`, `stamps`.
"""
