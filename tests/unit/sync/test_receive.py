"""A batch is taken in portions: whole entries, nothing left out, nothing twice."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sync.apply.receive import portions
from sync.model.change import Batch
from sync.model.schema import Lane

sizes_of = st.lists(st.integers(1, 1_000), max_size=40)


def batch_of(sizes: list[int]) -> Batch:
    positions = tuple(10 + 3 * n for n in range(len(sizes)))
    entries = tuple(str(n).encode() for n in range(len(sizes)))
    return Batch(Lane.BULK, 7, 5, 500, entries, positions)


@given(sizes_of, st.integers(1, 2_000))
def test_portions_split_the_batch_between_entries(sizes: list[int], most: int) -> None:
    batch = batch_of(sizes)
    parts = list(portions(batch, sizes, most))
    assert b"|".join(e for p in parts for e in p.entries) == b"|".join(batch.entries)
    assert [x for p in parts for x in p.positions] == list(batch.positions)
    assert parts[0].after == batch.after
    assert parts[-1].upto == batch.upto
    for before, part in pairwise(parts):
        assert part.after == before.upto == before.positions[-1]


@given(sizes_of, st.integers(1, 2_000))
def test_a_portion_is_one_entry_or_within_its_bound(sizes: list[int], most: int) -> None:
    left = list(sizes)
    for part in portions(batch_of(sizes), sizes, most):
        taken = [left.pop(0) for _ in part.entries]
        assert len(taken) <= 1 or sum(taken) <= most


def test_a_batch_that_only_moves_the_cursor_is_one_portion() -> None:
    batch = Batch(Lane.CONTROL, 7, 5, 9)
    assert list(portions(batch, [], 1)) == [batch]
