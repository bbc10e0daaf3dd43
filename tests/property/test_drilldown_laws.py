"""Narrowing finds exactly the records that differ, whatever differs, in bounded steps."""

from __future__ import annotations

from collections.abc import Mapping
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.compare import drilldown
from sync.compare.drilldown import (
    DrillDown,
    Query,
    Sum,
    apart,
    parts_apart,
    parts_of,
    rows_apart,
    steps,
    width_of,
)
from sync.merge.digest import bucket_of
from sync.model.change import RecordKey
from sync.model.report import BucketKey, UnitKey

FetchChunk = dict[RecordKey, int]  # record -> its check

ids = st.one_of(
    st.binary(min_size=16, max_size=16),
    st.integers(0, 300).map(lambda n: n.to_bytes(16, "big")),
    st.tuples(st.sampled_from([0, 64, 1]), st.integers(0, 400)).map(
        lambda t: bytes(12) + t[1].to_bytes(3, "big") + bytes([t[0]])
    ),
)
names = st.builds(RecordKey, st.sampled_from(["person", "notice"]), st.integers(1, 3), ids)
copies = st.dictionaries(names, st.integers(1, 1 << 60), max_size=120)


def unit_sums(copy: FetchChunk) -> dict[UnitKey, Sum]:
    found: dict[UnitKey, Sum] = {}
    for (register, unit, _), check in copy.items():
        key = UnitKey(register, unit)
        count, total = found.get(key, Sum())
        found[key] = Sum(count + 1, total + check)
    return found


def bucket_sums(copy: FetchChunk, units: tuple[UnitKey, ...]) -> dict[BucketKey, Sum]:
    found: dict[BucketKey, Sum] = {}
    for (register, unit, record), check in copy.items():
        if (register, unit) in units:
            key = BucketKey(register, unit, bucket_of(record))
            count, total = found.get(key, Sum())
            found[key] = Sum(count + 1, total + check)
    return found


def checksums(copy: FetchChunk, key: BucketKey) -> dict[bytes, int]:
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


def compare(mine: FetchChunk, theirs: FetchChunk) -> tuple[DrillDown, list[Query]]:
    """Narrow to the end, answering as a store would; return the questions, too."""
    search, asked = DrillDown(), []
    while (next_query := search.next_query()) is not None:
        asked.append(next_query)
        if next_query.level == "units":
            sums = unit_sums(mine)
            search.on_units(apart(sums, unit_sums(theirs)), sums)
        elif next_query.level == "buckets":
            search.on_buckets(
                counts_of(
                    bucket_sums(mine, next_query.units), bucket_sums(theirs, next_query.units)
                )
            )
        elif next_query.level == "parts":
            found: list[RecordKey] = []
            for key in next_query.buckets:
                ours, others = checksums(mine, key), checksums(theirs, key)
                width = width_of(len(ours))
                parts = parts_apart(parts_of(ours, width), parts_of(others, width))
                found += (RecordKey(*key.of, i) for i in rows_apart(ours, others, width, parts))
            search.on_rows(found)
        else:
            for name in next_query.rows:
                mine.pop(name, None)
                if name in theirs:
                    mine[name] = theirs[name]
            search.on_repaired()
    return search, asked


@given(copies, copies, st.data())
def test_any_set_of_differences_is_found_exactly(
    mine: FetchChunk, theirs: FetchChunk, data: st.DataObject
) -> None:
    for name in data.draw(st.lists(st.sampled_from(sorted(theirs)), max_size=60)) if theirs else ():
        mine[name] = theirs[name]  # much is alike
    expected = {n for n in mine.keys() | theirs.keys() if mine.get(n) != theirs.get(n)}
    search, asked = compare(mine, theirs)
    assert set(search.found) == expected
    assert len(search.found) == len(expected), "one was found twice"
    repaired = [name for next_query in asked for name in next_query.rows]
    assert sorted(repaired) == sorted(expected)
    assert search.left == []


@given(copies)
def test_equal_copies_are_asked_one_question(copy: FetchChunk) -> None:
    search, asked = compare(dict(copy), dict(copy))
    assert [next_query.level for next_query in asked] == ["units"]
    assert search.found == []


@given(st.dictionaries(st.builds(BucketKey, st.just("r"), st.integers(1, 9), st.integers(0, 63)),
                       st.integers(0, 60_000), max_size=200))  # fmt: skip
def test_every_bucket_is_in_exactly_one_bounded_step(counts: dict[BucketKey, int]) -> None:
    taken: list[BucketKey] = []
    for step in steps(counts):
        assert step
        rows = sum(counts[key] for key in step)
        assert rows <= drilldown.DIGEST_STEP_ROWS or len(step) == 1
        assert len(step) <= drilldown.DIGEST_STEP_BUCKETS
        taken += step
    assert sorted(taken) == sorted(counts)


@given(st.integers(0, 10_000_000))
def test_parts_are_a_power_of_two_and_small_until_their_number_is_bounded(count: int) -> None:
    width = width_of(count)
    assert width & (width - 1) == 0
    assert count <= width * drilldown.PART_ROWS or width == drilldown.DIGEST_PARTS_MAX


@settings(max_examples=20)
@given(st.sets(st.integers(0, 63)), st.sets(st.integers(1, 5)))
def test_buckets_due_for_a_scan_are_queried_although_their_sums_are_equal(
    read: set[int], units: set[int]
) -> None:
    search = DrillDown(read=read)
    unit_keys = [UnitKey("person", unit) for unit in units]
    search.on_units([], unit_keys)
    next_query = search.next_query()
    if not (read and units):
        assert next_query is None
        return
    assert next_query == Query("buckets", units=tuple(sorted(unit_keys)))
    search.on_buckets({BucketKey(*key, n): 1 for key in unit_keys for n in read})
    next_query = search.next_query()
    assert next_query is not None
    assert next_query.level == "parts"


def test_a_truncated_list_is_queried_again_after_the_repair() -> None:
    key = BucketKey("person", 1, 5)
    search = DrillDown()
    search.on_units([key.of], [])
    search.on_buckets({key: 9})
    with mock.patch.object(drilldown, "REPAIR_ROWS", 1):
        search.on_rows(
            [RecordKey("person", 1, bytes(16)), RecordKey("person", 1, bytes(15) + b"\x40")],
            [key],
        )
        levels = []
        for _ in range(2):
            next_query = search.next_query()
            assert next_query is not None
            levels.append(next_query.level)
            search.on_repaired()
        next_query = search.next_query()
        assert next_query is not None
        assert [*levels, next_query.level] == ["rows", "rows", "parts"]


def test_a_comparison_without_repair_asks_for_no_repair() -> None:
    key = BucketKey("person", 1, 5)
    search = DrillDown(repair=False)
    search.on_units([key.of], [])
    search.on_buckets({key: 9})
    search.on_rows([RecordKey("person", 1, bytes(16))], [key])
    assert search.next_query() is None
    assert search.left == [(search.found[0], "")]


def test_a_record_that_was_not_repaired_is_reported_with_its_reason() -> None:
    key, name = BucketKey("person", 1, 0), RecordKey("person", 1, bytes(16))
    search = DrillDown()
    search.on_units([key.of], [])
    search.on_buckets({key: 9})
    search.on_rows([name])
    search.on_repaired({name: "quarantined"})
    assert search.next_query() is None
    assert search.left == [(name, "quarantined")]


def test_a_bucket_with_an_inconsistent_sum_is_rechecked_after_its_repair() -> None:
    key, name = BucketKey("person", 1, 0), RecordKey("person", 1, bytes(16))
    search = DrillDown()
    search.on_units([key.of], [])
    search.on_buckets({key: 9})
    search.on_rows([name], recheck=[key])
    assert search.next_query() == Query("rows", rows=(name,))
    search.on_repaired()
    assert search.next_query() == Query("parts", buckets=(key,))
    search.on_rows([], recheck=[key])
    assert search.next_query() is None
    assert search.left == []
