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


def subproof_of(m: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """The definition of RFC 6962, 2.1.2."""
    if m == len(leaves):
        return [] if whole else [root_of(leaves)]
    k = largest_power_below(len(leaves))
    if m <= k:
        return [*subproof_of(m, leaves[:k], whole=whole), root_of(leaves[k:])]
    return [*subproof_of(m - k, leaves[k:], whole=False), root_of(leaves[:k])]


@given(leaves=entries, data=st.data())
def test_a_consistency_proof_is_that_of_the_definition_and_shows_only_what_is_so(
    leaves: list[bytes], data: st.DataObject
) -> None:
    stored = Stored([*leaves, b"last"])
    size = data.draw(st.integers(1, len(leaves) + 1))
    old = data.draw(st.integers(1, size))
    at_size = [*leaves, b"last"][:size]
    before, after = root_of(at_size[:old]), root_of(at_size)
    proof = tree.consistency(old, size, stored.read)
    assert proof == subproof_of(old, at_size, whole=True)
    assert tree.is_consistent(old, size, before, after, proof)
    other = root_of([*at_size[:-1], b"other"])
    assert other == after or not tree.is_consistent(old, size, before, other, proof)
    assert old == size or not tree.is_consistent(old, size, other, after, proof)
    assert not tree.is_consistent(old, size, before, after, [*proof, bytes(32)])
    for at in range(len(proof)):
        assert not tree.is_consistent(old, size, before, after, proof[:at])
        changed = [*proof[:at], bytes(32), *proof[at + 1 :]]
        assert not tree.is_consistent(old, size, before, after, changed)


@given(sizes=st.tuples(st.integers(-2, 70), st.integers(-2, 70)), hashes=st.lists(st.binary(
    min_size=32, max_size=32), max_size=9))  # fmt: skip
def test_a_made_up_proof_shows_nothing(sizes: tuple[int, int], hashes: list[bytes]) -> None:
    old, size = sizes
    made_up = tree.is_consistent(old, size, bytes(31) + b"1", bytes(31) + b"2", hashes)
    assert not made_up


@given(leaves=entries)
def test_what_is_stored_with_an_entry_never_changes_when_others_follow(leaves: list[bytes]) -> None:
    whole = Stored(leaves)
    for size in range(len(leaves)):
        assert Stored(leaves[:size]).rows == whole.rows[:size]
        left = whole.read(tree.left_siblings(size))
        siblings = [left[node] for node in tree.left_siblings(size)]
        assert tree.closed_by(tree.leaf_hash(leaves[size]), siblings) == whole.rows[size]
