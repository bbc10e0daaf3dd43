"""Digests: kept up by a few additions a transaction, they equal what the records add up to."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from node.store.engine import sqlite_url
from sync.merge import digest
from sync.model.version import VERSION_BYTES, version_of
from tests.support.sites import DISTRICT, GARDEN, STREET, Site, record_id, site_at

ids = st.binary(min_size=16, max_size=16)
versions = st.builds(version_of, st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
names = st.text(min_size=1, max_size=8)

rows = st.fixed_dictionaries(
    {}, optional={
        "name": st.sampled_from(["a", "b", None]), "rank": st.sampled_from(["p", "q"]),
        "most": st.integers(-3, 3), "tags": st.sampled_from(["x", "x,y", "z", None]),
    },
).filter(bool)  # fmt: skip
steps = st.one_of(
    st.tuples(st.just("write"), st.booleans(), st.integers(0, 3), rows),
    st.tuples(st.just("write"), st.booleans(), st.integers(0, 3), rows),
    st.tuples(st.just("end"), st.just(True), st.integers(0, 3), st.none()),
    st.tuples(st.just("settle"), st.booleans(), st.integers(0, 3), st.none()),
    st.tuples(st.just("send"), st.booleans(), st.just(0), st.none()),
    st.tuples(st.just("clock"), st.booleans(), st.integers(-50, 50), st.none()),
)


def do(step: tuple[object, ...], site: Site, other: Site) -> None:
    verb, _, number, values = step
    state = {i: s for (_, i), s in site.states().items()}.get(record_id(abs(number)))
    match verb:
        case "write" if state is None:
            site.commit(site.create(number, GARDEN, **values))
        case "write":
            site.commit(site.update(number, GARDEN, **values))
        case "end" if state is not None:
            site.commit(site.delete(number))
        case "settle" if state is not None:
            resolves = {n: [x.version for x in h.losers] for n, h in state.fields.items()}
            kept = {n: state.fields[n].shown.value for n, lost in resolves.items()
                    if lost and n != "grade"}  # fmt: skip
            if kept:
                site.commit(site.update(number, GARDEN, resolves, **kept))
        case "send":
            site.send(other)
        case "clock":
            site.now_ms += number


@settings(max_examples=25)
@given(st.lists(steps, min_size=3, max_size=30))
def test_after_any_history_digests_equal_recomputation_and_offices_agree(script):
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        sites = [
            site_at(unit, sqlite_url(folder / f"{n}.db"))
            for n, unit in enumerate((GARDEN, STREET, DISTRICT))
        ]
        for site in sites:
            closing.callback(site.store.close)
        garden, street, district = sites
        for step in script:
            site, other = (garden, street) if step[1] else (street, garden)
            do(step, site, other)
            assert site.digests() == site.recomputed_digests()
        for sender, receiver in ((garden, street), (street, garden), (street, district)):
            sender.send(receiver)
        assert garden.records() == street.records() == district.records()
        for site in sites:
            assert site.digests() == site.recomputed_digests()
            assert site.quarantined() == []


@given(ids, st.lists(names, min_size=1, max_size=6, unique=True), versions)
def test_the_hash_of_a_new_record_is_what_its_creation_adds(record, fields, version):
    whole = digest.record_hash(record, 1, version, ((n, version) for n in fields))
    added = digest.id_factor(record) * digest.created_factor(fields, version)
    assert added % digest.PRIME == whole


@given(ids, names, versions, versions)
def test_a_new_field_version_adds_the_difference_of_the_two_hashes(record, name, old, new):
    before = digest.record_hash(record, 1, bytes(VERSION_BYTES), [(name, old)])
    after = digest.record_hash(record, 1, bytes(VERSION_BYTES), [(name, new)])
    moved = digest.id_factor(record) * digest.moved_factor(name, old, new)
    assert (before + moved) % digest.PRIME == after


@given(st.lists(ids, max_size=50))
def test_ids_are_counted_and_summed_by_bucket(column):
    found = digest.ids_by_bucket(column)
    assert sum(count for count, _ in found.values()) == len(column)
    for bucket, (_, total) in found.items():
        mine = [digest.id_factor(i) for i in column if digest.bucket_of(i) == bucket]
        assert total == sum(mine) % digest.PRIME


@given(ids, names, versions, versions)
def test_swapping_the_shown_and_the_losing_value_changes_the_hash(record, name, one, two):
    swapped = [
        digest.record_hash(record, 1, bytes(VERSION_BYTES), [(name, a)], [(name, b)])
        for a, b in ((one, two), (two, one))
    ]
    assert (swapped[0] == swapped[1]) == (one == two or digest.id_factor(record) == 0)


@given(ids, versions, st.integers(1, 5))
def test_another_causal_length_changes_the_hash(record, version, causal_length):
    prints = {
        digest.record_hash(record, n, version, ()) for n in (causal_length, causal_length + 1)
    }
    assert len(prints) == 2 or digest.id_factor(record) == 0


@given(
    st.lists(ids, min_size=1, max_size=20, unique=True), names, st.data(), versions, st.booleans()
)
def test_version_changes_summed_by_bucket_equal_those_of_the_records_one_by_one(
    column, name, data, new, alike
):
    fields = (name, name + "2")
    bases = [
        [data.draw(versions)] * len(column) if alike else [data.draw(versions) for _ in column]
        for _ in fields
    ]
    expected = dict.fromkeys(map(digest.bucket_of, column), 0)
    for k, record in enumerate(column):
        for field, stood in zip(fields, bases, strict=True):
            moved = digest.moved_factor(field, stood[k], new)
            expected[digest.bucket_of(record)] += digest.id_factor(record) * moved
    found = digest.sums_moved(fields, column, bases, new)
    assert {b: n % digest.PRIME for b, n in found.items()} == {
        b: n % digest.PRIME for b, n in expected.items()
    }
