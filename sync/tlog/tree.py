"""The Merkle tree of a log (RFC 6962, 2.1): hashes, what to append, proofs and their checks. Pure.

A perfect subtree is named by (height, number): it covers the leaves from `number << height`, and
`1 << height` of them. An entry is stored with the hashes of the perfect subtrees that end with it,
its own leaf first. So nothing is ever rewritten, and every proof is made of stored hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
Node = tuple[int, int]  # height and number of a perfect subtree
Range = tuple[int, int]  # leaves, from and to before
ReadNodes = Callable[[Sequence[Node]], Mapping[Node, bytes]]


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


# -- what is stored -------------------------------------------------------------------------------


def place_of(node: Node) -> tuple[int, int]:
    """Return with which entry a subtree's hash is stored, and as which of that entry's hashes."""
    height, number = node
    return ((number + 1) << height) - 1, height


def left_siblings(index: int) -> list[Node]:
    """Return the subtrees with which an appended leaf closes larger ones, the smallest first."""
    found: list[Node] = []
    while (index >> (height := len(found))) & 1:
        found.append((height, (index >> height) - 1))
    return found


def closed_by(leaf: bytes, siblings: Iterable[bytes]) -> list[bytes]:
    """Return the hashes that are stored with a leaf. `siblings`: those of `left_siblings`."""
    hashes = [leaf]
    for left in siblings:
        hashes.append(node_hash(left, hashes[-1]))
    return hashes


class Frontier:
    """Appends leaves in memory: the hashes of the perfect subtrees of a tree that grows."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # the largest subtree first

    def append(self, leaf: bytes) -> list[bytes]:
        """Append a leaf; return the hashes that are stored with it."""
        closing = len(left_siblings(self.size))
        siblings = reversed(self._peaks[len(self._peaks) - closing :])
        hashes = closed_by(leaf, siblings)
        self._peaks[len(self._peaks) - closing :] = [hashes[-1]]
        self.size += 1
        return hashes

    def root(self) -> bytes:
        return joined(self._peaks) if self._peaks else EMPTY_ROOT


# -- proofs ---------------------------------------------------------------------------------------


def root(size: int, read: ReadNodes) -> bytes:
    """Return the root hash of the first `size` leaves."""
    return hashes_of([(0, size)], read)[0] if size else EMPTY_ROOT


def inclusion(index: int, size: int, read: ReadNodes) -> list[bytes]:
    """Return the proof that a leaf is among the first `size` ones (RFC 6962, 2.1.1)."""
    return hashes_of(inclusion_ranges(index, 0, size), read)


def consistency(old: int, size: int, read: ReadNodes) -> list[bytes]:
    """Return the proof that the first `old` leaves are the same (RFC 6962, 2.1.2).

    It is empty for nothing, and for all.
    """
    if not 0 < old < size:
        return []
    return hashes_of(consistency_ranges(old, 0, size, whole=True), read)


def inclusion_ranges(index: int, start: int, end: int) -> list[Range]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*inclusion_ranges(index, start, middle), (middle, end)]
    return [*inclusion_ranges(index, middle, end), (start, middle)]


def consistency_ranges(old: int, start: int, end: int, *, whole: bool) -> list[Range]:
    """`old`: where the older tree ends. `whole`: that tree begins here, so its root is known."""
    if old == end:
        return [] if whole else [(start, end)]
    middle = start + _split(end - start)
    if old <= middle:
        return [*consistency_ranges(old, start, middle, whole=whole), (middle, end)]
    return [*consistency_ranges(old, middle, end, whole=False), (start, middle)]


def hashes_of(ranges: Sequence[Range], read: ReadNodes) -> list[bytes]:
    """Return the hash of each range of leaves; all of what they need is read at once."""
    parts = [subtrees(*each) for each in ranges]
    known = read([node for nodes in parts for node in nodes])
    return [joined([known[node] for node in nodes]) for nodes in parts]


def subtrees(start: int, end: int) -> list[Node]:
    """Return the perfect subtrees of a range that begins where one as long as it may begin."""
    found: list[Node] = []
    while start < end:
        height = (end - start).bit_length() - 1
        found.append((height, start >> height))
        start += 1 << height
    return found


def joined(hashes: Sequence[bytes]) -> bytes:
    """Return the hash over subtrees that follow each other, the largest first."""
    *others, found = hashes
    for left in reversed(others):
        found = node_hash(left, found)
    return found


def _split(leaves: int) -> int:
    """Return the largest power of two below a number of leaves."""
    return 1 << (leaves - 1).bit_length() - 1


# -- their checks ---------------------------------------------------------------------------------


def is_consistent(
    old: int, size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Return whether a proof shows that a tree goes on with an older one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= size:
        return False
    if old in (0, size):
        return not proof and old_root == (EMPTY_ROOT if not old else new_root)
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)  # a perfect tree: its root is the first hash
    if not path:
        return False
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if not last:
            return False
        if node & 1 or node == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        node, last = node >> 1, last >> 1
    return not last and (before, after) == (old_root, new_root)
