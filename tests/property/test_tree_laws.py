"""Laws of the tree, on random trees: reading, walking, and a new file that rewrites no past."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from node.domain.tree_operations import apply_operations, diff_units
from node.domain.unit_csv import COLUMNS, BadUnitFile, read_units
from node.domain.units import Level, Tree, Unit

Row = tuple[str, str, str, str]  # code, name, level, parent_code
ROOT: Row = ("330100000000", "杭州市", "city", "")
D1, D2, D3 = date(2020, 1, 1), date(2021, 6, 1), date(2023, 6, 30)

# Few codes and few names: random trees then share, swap and reuse them, as real years do.
codes = st.integers(1, 60).map(lambda n: f"3301{n:08}")
names = st.sampled_from("东南西北中上下左右前后")


@st.composite
def trees(draw: st.DrawFn, communities_min: int = 0) -> list[Row]:
    """Draw the rows of a valid file, parents first."""
    free = draw(st.lists(codes, min_size=20, max_size=40, unique=True))
    rows, above = [ROOT], [ROOT]
    for level in (Level.DISTRICT, Level.STREET, Level.COMMUNITY):
        least = 1 if level < Level.COMMUNITY and communities_min else 0
        least = communities_min if level is Level.COMMUNITY else least
        born: list[Row] = []
        for parent in above:
            size = draw(st.lists(names, min_size=least, max_size=3, unique=True))
            for name in size[: len(free)]:
                born.append((free.pop(), f"{name}{level.zh}", level.en, parent[0]))
        rows, above = rows + born, born
    return rows


def csv_of(rows: list[Row]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([COLUMNS, *rows])
    return out.getvalue().encode()


def read(rows: list[Row], day: date) -> tuple[Unit, ...]:
    return read_units(csv_of(rows), "units.csv", day)


def seen(tree: Tree) -> set[Row]:
    """Return the rows of a file that would show this tree."""
    return {
        (
            unit.code,
            unit.name,
            unit.level.en,
            "" if unit.parent_id is None else tree.get(unit.parent_id).code,
        )
        for unit in tree
    }


def placed(tree: Tree) -> dict[int, tuple[str, str]]:
    return {unit.unit_id: (unit.code, tree.path(unit.unit_id)) for unit in tree}


@given(trees(), st.randoms(use_true_random=False))
def test_a_file_is_read_correctly_in_any_order_of_its_lines(rows, random) -> None:
    shuffled = random.sample(rows, len(rows))
    assert seen(Tree(read(shuffled, D1), D1)) == set(rows)
    assert set(read(shuffled, D1)) == set(read(rows, D1))


@given(trees())
def test_the_fast_tree_queries_agree_with_walking_the_parents(rows) -> None:
    """Compared with a simple model that knows nothing but each unit's parent."""
    tree = Tree(read(rows, D1), D1)
    up = {unit.unit_id: unit.parent_id for unit in tree}

    def above(unit_id: int) -> list[int]:
        parent = up[unit_id]
        return [] if parent is None else [parent, *above(parent)]

    for a in up:
        assert list(tree.ancestors(a)) == above(a)
        assert set(tree.children(a)) == {b for b in up if up[b] == a}
        assert set(tree.subtree(a)) == {b for b in up if a == b or a in above(b)}
        assert len(tree.subtree(a)) == len(set(tree.subtree(a)))
        assert tree.find(tree.path(a)).unit_id == a
        for b in up:
            assert tree.within(b, a) == (b in tree.subtree(a))
            hop = [c for c in tree.children(a) if c == b or c in above(b)]
            assert tree.next_hop(a, b) == (hop[0] if hop else None)


@given(trees(), trees())
def test_the_day_of_an_import_shows_the_file_and_the_days_before_show_their_own(old, new) -> None:
    units = read(old, D1)
    after = apply_operations(units, diff_units(Tree(units, D2), read(new, D2), D2))
    assert seen(Tree(after, D2)) == set(new)
    for day in (D1, D2 - timedelta(days=1)):
        assert placed(Tree(after, day)) == placed(Tree(units, day))


@given(trees(), trees(), trees())
def test_each_import_of_a_series_stays_visible_on_its_own_day(first, second, third) -> None:
    units = read(first, D1)
    for rows, day in ((second, D2), (third, D3)):
        units = apply_operations(units, diff_units(Tree(units, day), read(rows, day), day))
    assert [seen(Tree(units, day)) for day in (D1, D2, D3)] == [set(first), set(second), set(third)]


@given(trees(), trees())
def test_an_import_repeated_changes_nothing(old, new) -> None:
    units = read(old, D1)
    after = apply_operations(units, diff_units(Tree(units, D2), read(new, D2), D2))
    assert diff_units(Tree(after, D2), read(new, D2), D2) == []
    assert diff_units(Tree(after, D3), read(new, D3), D3) == []


@given(trees(), trees())
def test_a_unit_with_its_code_name_and_parent_keeps_its_id(old, new) -> None:
    units = read(old, D1)
    before = Tree(units, D2)
    after = Tree(apply_operations(units, diff_units(before, read(new, D2), D2)), D2)
    standing = {(u.code, u.name, u.level, u.parent_id): u.unit_id for u in after}
    for u in before:
        same = standing.get((u.code, u.name, u.level, u.parent_id))
        assert same in (None, u.unit_id)


@given(trees(communities_min=1), st.data())
def test_no_unit_is_lost_by_a_renumbering(rows, data) -> None:
    """Every code but the root's is replaced; the names alone carry every id across."""
    dealt = data.draw(st.permutations([row[0] for row in rows[1:]]))
    code_of = {ROOT[0]: ROOT[0], **dict(zip((row[0] for row in rows[1:]), dealt, strict=True))}
    new = [(code_of[c], name, level, code_of.get(p, "")) for c, name, level, p in rows]
    units = read(rows, D1)
    before = Tree(units, D2)
    after = Tree(apply_operations(units, diff_units(before, read(new, D2), D2)), D2)
    assert {i: before.path(i) for i in placed(before)} == {i: after.path(i) for i in placed(after)}


Mutation = Callable[[list[Row], int, st.DataObject], tuple[Row, str] | None]


def _with(row: Row, **cells: str) -> Row:
    code, name, level, parent_code = (
        cells.get(column, cell) for column, cell in zip(COLUMNS, row, strict=True)
    )
    return (code, name, level, parent_code)


def duplicate_code(rows, at, data):
    other = data.draw(st.sampled_from([row for row in rows if row is not rows[at]]))
    return _with(rows[at], code=other[0]), "duplicate_code"


def orphan_parent(rows, at, data):
    return _with(rows[at], parent_code="999999999999"), "orphan_parent"


def wrong_level(rows, at, data):
    """Hang the row under a unit that is not one level up."""
    needed = Level[rows[at][2].upper()] - 1
    others = [r[0] for r in rows if Level[r[2].upper()] != needed and r is not rows[at]]
    return _with(rows[at], parent_code=data.draw(st.sampled_from(others))), "wrong_level"


def cycle(rows, at, data):
    """Hang the row under itself or one of its own."""
    below, grown = {rows[at][0]}, 0
    while len(below) != grown:
        grown = len(below)
        below |= {row[0] for row in rows if row[3] in below}
    return _with(rows[at], parent_code=data.draw(st.sampled_from(sorted(below)))), "cycle"


def second_root(rows, at, data):
    return _with(rows[at], level="city", parent_code=""), "two_roots"


def no_parent(rows, at, data):
    return _with(rows[at], parent_code=""), "no_parent"


def empty_name(rows, at, data):
    return _with(rows[at], name=data.draw(st.sampled_from(["", "  ", "\u3000"]))), "empty_name"


def bad_code(rows, at, data):
    bad = st.text("0123456789xE+.", max_size=14).filter(
        lambda code: not (len(code) == 12 and code.isdecimal())
    )
    return _with(rows[at], code=data.draw(bad)), "bad_code"


def unknown_level(rows, at, data):
    return _with(rows[at], level=data.draw(st.sampled_from(["", "4", "-1", "村", "towns"]))), (
        "unknown_level"
    )


def same_name(rows, at, data):
    siblings = [row for row in rows if row[3] == rows[at][3] and row is not rows[at]]
    return (_with(rows[at], name=siblings[0][1]), "duplicate_name") if siblings else None


MUTATIONS = [
    duplicate_code, orphan_parent, wrong_level, cycle, second_root, no_parent, empty_name,
    bad_code, unknown_level, same_name,
]  # fmt: skip


def faults_of(raw: bytes) -> set[tuple[int, str]]:
    with pytest.raises(BadUnitFile) as refusal:
        read_units(raw, "units.csv", D1)
    assert refusal.value.faults == sorted(refusal.value.faults)
    return {(fault.line, fault.code) for fault in refusal.value.faults}


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
@given(rows=trees(communities_min=1), data=st.data())
def test_every_mutation_of_a_good_file_is_refused_at_its_line(mutate, rows, data) -> None:
    at = data.draw(st.integers(1, len(rows) - 1))
    mutated = mutate(rows, at, data)
    assume(mutated is not None)
    row, code = mutated
    blanks = data.draw(st.integers(0, 3))  # blank lines count as lines
    raw = csv_of([*rows[:at], row, *rows[at + 1 :]])
    assert (at + 2 + blanks, code) in faults_of(b"\n" * blanks + raw)


@given(trees(communities_min=1), st.data())
def test_two_mutations_are_both_reported(rows, data) -> None:
    one, two = data.draw(
        st.lists(st.integers(1, len(rows) - 1), min_size=2, max_size=2, unique=True)
    )
    changed = list(rows)
    changed[one] = _with(rows[one], name="")
    changed[two] = _with(rows[two], parent_code="999999999999")
    assert {(one + 2, "empty_name"), (two + 2, "orphan_parent")} <= faults_of(csv_of(changed))


@given(trees(communities_min=1), st.data())
def test_an_invalid_character_is_refused_at_its_line(rows, data) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    lines = csv_of(rows).split(b"\n")
    lines[at + 1] = lines[at + 1].replace(rows[at][1].encode(), rows[at][1].encode()[:-1])
    assert (at + 2, "not_utf8") in faults_of(b"\n".join(lines))


@given(trees(communities_min=1))
def test_a_file_without_its_city_is_refused(rows) -> None:
    found = faults_of(csv_of(rows[1:]))
    assert (1, "no_root") in found
    orphans = {at + 2 for at, row in enumerate(rows[1:]) if row[3] == ROOT[0]}
    assert {line for line, code in found if code == "orphan_parent"} == orphans


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_line(raw) -> None:
    lines = raw.count(b"\n") + raw.count(b"\r") + 1
    try:
        units = read_units(raw, "noise.csv", D1)
    except BadUnitFile as refusal:
        found = refusal.faults
    else:
        assert Tree(units, D1)
        return
    assert found
    assert all(1 <= fault.line <= lines for fault in found)
