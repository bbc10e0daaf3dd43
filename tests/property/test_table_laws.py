"""Tables on a narrow terminal: they fit, ids are whole or tell the rows apart, nothing is lost."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from hub.cli.tables import GAP, fitted, shortest

hexes = st.integers(0, 2**128 - 1).map(lambda n: f"{n:032x}")
# As records have that are imported at once: one millisecond, one version.
close = st.integers(0, 2**62 - 1).map(lambda n: f"0190f3c2a1b07{n:019x}")
texts = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="万家花园社区闸弄口街道，。（）", max_size=60),
    st.sampled_from(
        ["", "2026-11-30 10:00:01", "110101199003072316", "1,234,567.50", "in_transit"]
    ),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    columns = draw(st.integers(1, 9))
    ids = draw(st.lists(st.one_of(hexes, close), min_size=1, max_size=12, unique=True))
    heads = ["ID", *draw(st.lists(st.text(max_size=12), min_size=columns, max_size=columns))]
    return heads, [[i, *draw(st.lists(texts, min_size=columns, max_size=columns))] for i in ids]


@given(tables(), st.integers(60, 160))
def test_a_table_fits_and_its_ids_tell_the_rows_apart(table, width):
    heads, rows = table
    cells, widths = fitted(heads, rows, width)
    shown = [row[0] for row in cells]
    assert len(set(shown)) == len(rows)
    assert all(
        row[0].startswith(short) and len(short) >= 8 for row, short in zip(rows, shown, strict=True)
    )
    if widths:
        narrowest = max(map(cell_len, shown)) + 2 * (len(widths) - 1)  # a wide character needs two
        assert sum(widths) + GAP * (len(widths) - 1) <= max(
            width, narrowest + GAP * (len(widths) - 1)
        )
        assert widths[0] >= max(map(cell_len, shown))  # never broken
    else:
        assert shown == [row[0] for row in rows]
    assert [row[1:] for row in cells] == [row[1:] for row in rows]


@given(tables())
def test_where_nobody_watches_nothing_is_shortened(table):
    heads, rows = table
    assert fitted(heads, rows, None) == (rows, [])


@given(st.lists(st.one_of(hexes, close), max_size=40))
def test_first_digits_are_as_many_as_tell_ids_apart_and_no_more(ids):
    short = shortest(ids)
    assert len(set(short)) == len(set(ids))
    assert len({len(each) for each in short}) <= 1
    if short and len(short[0]) > 8:
        fewer = {each[: len(short[0]) - 1] for each in ids}
        assert len(fewer) < len(set(ids))
    assert all(re.fullmatch("[0-9a-f]{8,32}", each) for each in short)
