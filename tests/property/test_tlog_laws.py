"""The tree of a log is that of RFC 6962: its roots and proofs, whatever its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from sync.tlog import tree
from sync.tlog.tree import Frontier, Node
from tests.support.audit import verifier

VERIFIER = verifier()
entries = st.lists(st.binary(max_size=3), max_size=70)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The definition of RFC 6962, 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = largest_power_below(len(leaves))
    return sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


def path_of(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The definition of RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if m < k:
        return [*path_of(m, leaves[:k]), root_of(leaves[k:])]
    return [*path_of(m - k, leaves[k:]), root_of(leaves[:k])]


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


class Stored:
    """The hashes of a log as its rows have them."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        frontier = Frontier()
        self.rows = [frontier.append(tree.leaf_hash(leaf)) for leaf in leaves]
        self.root = frontier.root()

    def read(self, wanted: Sequence[Node]) -> Mapping[Node, bytes]:
        places = {node: tree.place_of(node) for node in wanted}
        return {node: self.rows[index][at] for node, (index, at) in places.items()}


@given(leaves=entries)
def test_the_root_is_that_of_the_definition_however_it_is_computed(leaves: list[bytes]) -> None:
    stored = Stored(leaves)
    assert stored.root == root_of(leaves) == tree.root(len(leaves), stored.read)
    assert VERIFIER.root_of(map(tree.leaf_hash, leaves)) == stored.root


@given(leaves=entries, data=st.data())
def test_an_inclusion_proof_is_that_of_the_definition_at_every_size(
    leaves: list[bytes], data: st.DataObject
) -> None:
    stored = Stored([*leaves, b"last"])
    size = data.draw(st.integers(1, len(leaves) + 1))
    index = data.draw(st.integers(0, size - 1))
    at_size = [*leaves, b"last"][:size]
    path = tree.inclusion(index, size, stored.read)
    assert path == path_of(index, at_size)
    leaf = tree.leaf_hash(at_size[index])
    assert VERIFIER.root_by_proof(index, size, leaf, path) == root_of(at_size)


@given(leaves=entries)
def test_what_is_stored_with_an_entry_never_changes_when_others_follow(leaves: list[bytes]) -> None:
    whole = Stored(leaves)
    for size in range(len(leaves)):
        assert Stored(leaves[:size]).rows == whole.rows[:size]
        left = whole.read(tree.left_siblings(size))
        siblings = [left[node] for node in tree.left_siblings(size)]
        assert tree.closed_by(tree.leaf_hash(leaves[size]), siblings) == whole.rows[size]
