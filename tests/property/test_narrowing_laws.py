"""Narrowing finds exactly the records that differ, whatever differs, in bounded steps."""

from __future__ import annotations

from collections.abc import Mapping
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from sync import narrowing
from sync.digest import bucket_of
from sync.narrowing import (
    Ask,
    BucketKey,
    Narrowing,
    RecordName,
    Sum,
    UnitKey,
    apart,
    parts_apart,
    parts_of,
    rows_apart,
    steps,
    width_of,
)

Copy = dict[RecordName, int]  # record -> its check

ids = st.one_of(
    st.binary(min_size=16, max_size=16),
    st.integers(0, 300).map(lambda n: n.to_bytes(16, "big")),
    st.tuples(st.sampled_from([0, 64, 1]), st.integers(0, 400)).map(
        lambda t: bytes(12) + t[1].to_bytes(3, "big") + bytes([t[0]])
    ),
)
names = st.builds(RecordName, st.sampled_from(["person", "notice"]), st.integers(1, 3), ids)
copies = st.dictionaries(names, st.integers(1, 1 << 60), max_size=120)


def unit_sums(copy: Copy) -> dict[UnitKey, Sum]:
    found: dict[UnitKey, Sum] = {}
    for (register, unit, _), check in copy.items():
        key = UnitKey(register, unit)
        count, total = found.get(key, Sum())
        found[key] = Sum(count + 1, total + check)
    return found


def bucket_sums(copy: Copy, units: tuple[UnitKey, ...]) -> dict[BucketKey, Sum]:
    found: dict[BucketKey, Sum] = {}
    for (register, unit, record), check in copy.items():
        if (register, unit) in units:
            key = BucketKey(register, unit, bucket_of(record))
            count, total = found.get(key, Sum())
            found[key] = Sum(count + 1, total + check)
    return found


def checks(copy: Copy, key: BucketKey) -> dict[bytes, int]:
    return {
        name.id: check
        for name, check in copy.items()
        if name[:2] == key.of and bucket_of(name.id) == key.bucket
    }


def counts_of(
    mine: Mapping[BucketKey, Sum], theirs: Mapping[BucketKey, Sum]
) -> dict[BucketKey, int]:
    return {
        k: max(mine.get(k, Sum()).records, theirs.get(k, Sum()).records)
        for k in apart(mine, theirs)
    }


def compare(mine: Copy, theirs: Copy) -> tuple[Narrowing, list[Ask]]:
    """Narrow to the end, answering as a store would; return the questions, too."""
    narrow, asked = Narrowing(), []
    while (ask := narrow.ask()) is not None:
        asked.append(ask)
        if ask.level == "units":
            sums = unit_sums(mine)
            narrow.told_units(apart(sums, unit_sums(theirs)), sums)
        elif ask.level == "buckets":
            narrow.told_buckets(
                counts_of(bucket_sums(mine, ask.units), bucket_sums(theirs, ask.units))
            )
        elif ask.level == "parts":
            found: list[RecordName] = []
            for key in ask.buckets:
                ours, others = checks(mine, key), checks(theirs, key)
                width = width_of(len(ours))
                parts = parts_apart(parts_of(ours, width), parts_of(others, width))
                found += (RecordName(*key.of, i) for i in rows_apart(ours, others, width, parts))
            narrow.told_rows(found)
        else:
            for name in ask.rows:
                mine.pop(name, None)
                if name in theirs:
                    mine[name] = theirs[name]
            narrow.told_repaired()
    return narrow, asked


@given(copies, copies, st.data())
def test_any_set_of_differences_is_found_exactly(
    mine: Copy, theirs: Copy, data: st.DataObject
) -> None:
    for name in data.draw(st.lists(st.sampled_from(sorted(theirs)), max_size=60)) if theirs else ():
        mine[name] = theirs[name]  # much is alike
    expected = {n for n in mine.keys() | theirs.keys() if mine.get(n) != theirs.get(n)}
    narrow, asked = compare(mine, theirs)
    assert set(narrow.found) == expected
    assert len(narrow.found) == len(expected), "one was found twice"
    repaired = [name for ask in asked for name in ask.rows]
    assert sorted(repaired) == sorted(expected)
    assert narrow.left == []


@given(copies)
def test_equal_copies_are_asked_one_question(copy: Copy) -> None:
    narrow, asked = compare(dict(copy), dict(copy))
    assert [ask.level for ask in asked] == ["units"]
    assert narrow.found == []


@given(st.dictionaries(st.builds(BucketKey, st.just("r"), st.integers(1, 9), st.integers(0, 63)),
                       st.integers(0, 60_000), max_size=200))  # fmt: skip
def test_a_step_is_bounded_and_every_bucket_is_in_one(counts: dict[BucketKey, int]) -> None:
    taken: list[BucketKey] = []
    for step in steps(counts):
        assert step
        rows = sum(counts[key] for key in step)
        assert rows <= narrowing.DIGEST_STEP_ROWS or len(step) == 1
        assert len(step) <= narrowing.DIGEST_STEP_BUCKETS
        taken += step
    assert sorted(taken) == sorted(counts)


@given(st.integers(0, 10_000_000))
def test_parts_are_a_power_of_two_and_small_until_their_number_is_bounded(count: int) -> None:
    width = width_of(count)
    assert width & (width - 1) == 0
    assert count <= width * narrowing.PART_ROWS or width == narrowing.DIGEST_PARTS_MAX


@settings(max_examples=20)
@given(st.sets(st.integers(0, 63)), st.sets(st.integers(1, 5)))
def test_buckets_that_are_to_be_read_are_asked_for_though_sums_are_equal(
    read: set[int], units: set[int]
) -> None:
    narrow = Narrowing(read=read)
    held = [UnitKey("person", unit) for unit in units]
    narrow.told_units([], held)
    ask = narrow.ask()
    if not (read and units):
        assert ask is None
        return
    assert ask == Ask("buckets", units=tuple(sorted(held)))
    narrow.told_buckets({BucketKey(*key, n): 1 for key in held for n in read})
    ask = narrow.ask()
    assert ask is not None
    assert ask.level == "parts"


def test_a_list_that_was_cut_is_asked_for_again_after_the_repair() -> None:
    key = BucketKey("person", 1, 5)
    narrow = Narrowing()
    narrow.told_units([key.of], [])
    narrow.told_buckets({key: 9})
    with mock.patch.object(narrowing, "REPAIR_ROWS", 1):
        narrow.told_rows(
            [RecordName("person", 1, bytes(16)), RecordName("person", 1, bytes(15) + b"\x40")],
            [key],
        )
        levels = []
        for _ in range(2):
            ask = narrow.ask()
            assert ask is not None
            levels.append(ask.level)
            narrow.told_repaired()
        ask = narrow.ask()
        assert ask is not None
        assert [*levels, ask.level] == ["rows", "rows", "parts"]


def test_who_only_looks_is_not_asked_to_repair() -> None:
    key = BucketKey("person", 1, 5)
    narrow = Narrowing(repair=False)
    narrow.told_units([key.of], [])
    narrow.told_buckets({key: 9})
    narrow.told_rows([RecordName("person", 1, bytes(16))], [key])
    assert narrow.ask() is None
    assert narrow.left == [(narrow.found[0], "")]


def test_what_was_not_joined_is_left_with_its_reason() -> None:
    key, name = BucketKey("person", 1, 0), RecordName("person", 1, bytes(16))
    narrow = Narrowing()
    narrow.told_units([key.of], [])
    narrow.told_buckets({key: 9})
    narrow.told_rows([name])
    narrow.told_repaired({name: "hole"})
    assert narrow.ask() is None
    assert narrow.left == [(name, "hole")]


def test_a_bucket_whose_sum_was_doubtful_is_read_again_after_its_repair() -> None:
    key, name = BucketKey("person", 1, 0), RecordName("person", 1, bytes(16))
    narrow = Narrowing()
    narrow.told_units([key.of], [])
    narrow.told_buckets({key: 9})
    narrow.told_rows([name], doubtful=[key])
    assert narrow.ask() == Ask("rows", rows=(name,))
    narrow.told_repaired()
    assert narrow.ask() == Ask("parts", buckets=(key,))
    narrow.told_rows([], doubtful=[key])
    assert narrow.ask() is None
    assert narrow.left == []
