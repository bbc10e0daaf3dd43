"""A batch is taken in portions: whole entries, nothing left out, nothing twice."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.apply.receive import portions
from sync.codec.entry import check_entries_of_one_message
from sync.model.change import Batch, Entry, Signature
from sync.model.errors import Malformed
from sync.model.limits import BATCH_BYTES_MAX, LISTED_MAX
from sync.model.schema import Lane

# The changes of each entry, which of three streams it is of, and whether it is signed.
entries_of = st.lists(
    st.tuples(st.integers(1, 1_000), st.integers(1, 3), st.booleans()), max_size=40
)


def batch_of(given: list[tuple[int, int, bool]]) -> tuple[Batch, list[Entry]]:
    """Return a batch that is signed where it ends, and its entries."""
    last = {stream: n for n, (_, stream, _) in enumerate(given)}
    entries: list[Entry] = []
    signatures: list[Signature] = []
    for n, (changes, stream, signed) in enumerate(given):
        entry = Entry(
            stream, 1, 3, "up:city", Lane.BULK, n + 1, b"", n, changes, b"", str(n).encode(), b""
        )
        entries.append(entry)
        if signed or last[stream] == n:
            signatures.append(Signature(stream, "up:city", Lane.BULK, n + 1, b"s", b"k"))
    positions = tuple(10 + 3 * n for n in range(len(given)))
    wires = tuple(entry.wire for entry in entries)
    return Batch(Lane.BULK, 7, 5, 500, wires, positions, tuple(signatures)), entries


def is_signed_at_its_end(part: Batch, entries: list[Entry]) -> bool:
    """Say whether every stream of a part has a signature for its last entry there."""
    signed = {(s.incarnation, s.seq) for s in part.signatures}
    here = [entry for entry in entries if entry.wire in part.entries]
    return all((i, seq) in signed for i, seq in {e.incarnation: e.seq for e in here}.items())


@given(entries_of, st.integers(1, 2_000))
def test_portions_split_the_batch_between_entries(
    given: list[tuple[int, int, bool]], most: int
) -> None:
    batch, entries = batch_of(given)
    parts = list(portions(batch, entries, most))
    assert b"|".join(e for p in parts for e in p.entries) == b"|".join(batch.entries)
    assert [x for p in parts for x in p.positions] == list(batch.positions)
    assert parts[0].after == batch.after
    assert parts[-1].upto == batch.upto
    for before, part in pairwise(parts):
        assert part.after == before.upto == before.positions[-1]


@given(entries_of, st.integers(1, 2_000))
def test_a_portion_ends_where_each_stream_in_it_is_signed(
    given: list[tuple[int, int, bool]], most: int
) -> None:
    batch, entries = batch_of(given)
    assert all(is_signed_at_its_end(part, entries) for part in portions(batch, entries, most))


@given(st.lists(st.integers(1, 1_000), max_size=40), st.integers(1, 2_000))
def test_where_each_entry_is_signed_a_portion_is_one_entry_or_within_its_bound(
    sizes: list[int], most: int
) -> None:
    batch, entries = batch_of([(size, n % 3 + 1, True) for n, size in enumerate(sizes)])
    left = list(sizes)
    for part in portions(batch, entries, most):
        taken = [left.pop(0) for _ in part.entries]
        assert len(taken) <= 1 or sum(taken) <= most


def test_a_batch_that_only_moves_the_cursor_is_one_portion() -> None:
    batch = Batch(Lane.CONTROL, 7, 5, 9)
    assert list(portions(batch, [], 1)) == [batch]


@pytest.mark.parametrize(
    ("entries", "signatures"),
    [([b""] * (LISTED_MAX + 1), 0), ([bytes(BATCH_BYTES_MAX), b"1"], 0), ([b"1"], 2)],
    ids=["too many entries", "too many bytes", "more signatures than entries"],
)
def test_one_message_brings_no_more_than_a_sender_may_put_into_it(
    entries: list[bytes], signatures: int
) -> None:
    with pytest.raises(Malformed):
        check_entries_of_one_message(entries, signatures)
    check_entries_of_one_message([bytes(2 * BATCH_BYTES_MAX)])  # one entry may be larger
