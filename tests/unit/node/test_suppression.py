"""What small counts hide, and what is hidden with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.suppression import hidden, is_small


def column(*counts: int) -> dict[tuple[str, str], tuple[int, ...]]:
    return {(name, ""): (count,) for name, count in zip("abcdefgh", counts, strict=False)}


def of_column(*counts: int) -> set[int]:
    table = column(*counts)
    return {table[cell][0] for cell in hidden(table, row_sums=False)}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((5, 90, 0), set()),  # nothing small, and nobody is nobody
        ((3, 90, 17), {3, 17}),  # alone it would be the sum less the others: the least goes too
        ((3, 2, 90), {3, 2}),  # two hide each other
        ((1, 1, 90), {1, 90}),  # a sum of two for two of them would tell
        ((4, 4, 90), {4, 90}),
        ((3, 0, 0), {3, 0}),
        ((2,), {2}),  # alone in its line: nothing can be done
    ],
)
def test_a_small_count_hides_another_one_when_the_rest_would_reveal_it(counts, expected):
    assert of_column(*counts) == expected


def test_both_parts_of_a_ratio_are_hidden_when_either_count_is_small():
    assert is_small((3, 1_000))
    assert is_small((0, 4))
    assert not is_small((0, 1_000))
    assert not is_small(())


def test_a_count_hidden_above_stays_hidden_and_reveals_nothing():
    table = {(u, g): (50,) for u in "ab" for g in "xy"}
    assert hidden(table, [("a", "x")]) == set(table)


tables = st.dictionaries(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")),
    st.tuples(st.integers(0, 12)),
    max_size=12,
)


@given(tables)
def test_no_line_with_a_sum_has_a_single_hidden_cell(table):
    out = hidden(table)
    assert {cell for cell, counts in table.items() if is_small(counts)} <= out
    for at in (0, 1):
        for name in {cell[at] for cell in table}:
            line = [cell for cell in table if cell[at] == name]
            gone = [cell for cell in line if cell in out]
            if len(gone) == len(line):
                continue
            assert len(gone) != 1
            total = sum(table[cell][0] for cell in gone)
            small = all(is_small(table[cell]) for cell in gone)
            assert not (gone and small and total in (len(gone), 4 * len(gone)))


@given(tables, st.randoms())
def test_what_is_hidden_does_not_depend_on_the_order_of_the_rows(table, rng):
    items = list(table.items())
    rng.shuffle(items)
    assert hidden(dict(items)) == hidden(table)
