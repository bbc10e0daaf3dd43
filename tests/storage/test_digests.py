"""Fingerprints on both stores: kept sums are those of the records, and a bucket reads its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import event, text

from sync.compare import digests
from sync.compare.digests import SyncPoint
from sync.compare.drilldown import Sum
from sync.merge import digest
from sync.model.report import BucketKey, UnitKey
from sync.model.schema import Lane
from tests.storage.conftest import OpenSite
from tests.support.sites import GARDEN, ORCHID, PERSON, STREET, Site, record_id

SHARED = {"person": [GARDEN], "notice": []}


@contextmanager
def statements(site: Site) -> Iterator[list[str]]:
    """Collect the statements that readers of a store run."""
    found: list[str] = []

    def record_statement(_tx: object, _cursor: object, statement: str, *_rest: object) -> None:
        found.append(statement)

    event.listen(site.store._reader, "before_cursor_execute", record_statement)
    try:
        yield found
    finally:
        event.remove(site.store._reader, "before_cursor_execute", record_statement)


def filled(site: Site, count: int = 200) -> Site:
    """Make records of every kind: plain, changed, ended, contested."""
    site.commit(*(site.create(n, name=f"人{n}", most=n) for n in range(1, count + 1)))
    site.now_ms += 1
    site.commit(*(site.update(n, name="改") for n in range(1, count, 7)))
    site.commit(*(site.delete(n) for n in range(1, count, 11)))
    return site


def test_sums_of_units_are_those_of_their_records_and_no_record_is_read(
    open_site: OpenSite,
) -> None:
    site = filled(open_site(GARDEN))
    with statements(site) as run, site.store.read() as tx:
        sums = digests.unit_sums(tx, SHARED)
    assert not [s for s in run if "r_person" in s]
    recomputed = site.recomputed_digests()
    total = sum(s for _, s in recomputed.values()) % digest.PRIME
    assert sums == {UnitKey("person", GARDEN): Sum(200, total)}


def test_sums_beyond_the_range_of_one_column_are_added_right(open_site: OpenSite) -> None:
    site = open_site(GARDEN)
    largest = digest.PRIME - 1
    site.store.write(
        lambda tx: [
            tx.execute(
                text("INSERT INTO digest (register, unit, bucket, count, sum) "
                     "VALUES ('person', :u, :b, 1, :s)"),
                {"u": GARDEN, "b": bucket, "s": largest},
            )
            for bucket in range(64)
        ]
    )  # fmt: skip
    with site.store.read() as tx:
        sums = digests.unit_sums(tx, SHARED)
    assert sums[UnitKey("person", GARDEN)] == Sum(64, 64 * largest % digest.PRIME)


def test_a_bucket_counted_from_its_records_equals_its_stored_digest(open_site: OpenSite) -> None:
    site = filled(open_site(GARDEN))
    table = site.tables["person"]
    with site.store.read() as tx:
        kept = digests.bucket_sums(tx, [UnitKey("person", GARDEN)])
        some = digests.count(tx, table, GARDEN, [3, 17])
        whole = digests.count(tx, table, GARDEN, range(64))
    assert len(kept) == 64
    for bucket, one in some.items():
        assert one.consistent
        assert one.counted == kept[BucketKey("person", GARDEN, bucket)]
        assert one.checksums == whole[bucket].checksums
        assert {digest.bucket_of(i) for i in one.checksums} == {bucket}
    assert sum(one.counted.records for one in whole.values()) == 200


def test_offices_that_received_the_same_entries_compute_the_same_checksums(
    open_site: OpenSite,
) -> None:
    child, street = filled(open_site(GARDEN), 40), open_site(STREET)
    child.send(street)
    contested(child, street)
    found = []
    for site in (child, street):
        with site.store.read() as tx:
            found.append(digests.count(tx, site.tables["person"], GARDEN, range(64)))
    assert {n: one.checksums for n, one in found[0].items()} == {
        n: one.checksums for n, one in found[1].items()
    }


def contested(child: Site, street: Site) -> None:
    """Let both write the same fields concurrently, and receive each other's edits."""
    street.now_ms = child.now_ms = child.now_ms + 10
    street.commit(street.update(2, GARDEN, name="街", tags="a,c", most=900))
    child.commit(child.update(2, name="居", tags="b", most=7))
    child.send(street)
    street.send(child)


def test_any_change_made_outside_the_program_changes_a_checksum(open_site: OpenSite) -> None:
    for change in (
        "UPDATE r_person SET f_name='坏' WHERE id=:i",
        "UPDATE r_person SET f_most=NULL WHERE id=:i",
        "UPDATE r_person SET v_name=:v WHERE id=:i",
        "UPDATE r_person SET created=:v WHERE id=:i",
        "UPDATE r_person SET causal_length=3 WHERE id=:i",
        "UPDATE r_person SET survived_delete='name:00' WHERE id=:i",
        "DELETE FROM r_person WHERE id=:i",
        "UPDATE conflict SET value='\"坏\"' WHERE record=:i AND head=1",
        "DELETE FROM conflict WHERE record=:i AND head=1",
    ):
        child, street = filled(open_site(GARDEN), 4), open_site(STREET)
        child.send(street)
        contested(child, street)
        before = checks_of(child)
        values = {"i": record_id(2), "v": bytes(16)}
        names = {name: v for name, v in values.items() if f":{name}" in change}
        child.store.write(lambda tx: tx.execute(text(change), names))  # noqa: B023
        assert checks_of(child) != before, change


def checks_of(site: Site) -> dict[bytes, int]:
    with site.store.read() as tx:
        found = digests.count(tx, site.tables["person"], GARDEN, range(64))
    return {record: check for one in found.values() for record, check in one.checksums.items()}


def test_a_wrong_digest_is_reported_and_fixed_and_nothing_else_is_touched(
    open_site: OpenSite,
) -> None:
    site = filled(open_site(GARDEN), 70)
    right = site.digests()
    site.store.write(
        lambda tx: tx.execute(text("UPDATE digest SET sum = sum + 1 WHERE bucket IN (3, 9)"))
    )
    table = site.tables["person"]
    with site.store.read() as tx:
        found = digests.count(tx, table, GARDEN, [3, 4, 9])
    assert [n for n, one in found.items() if not one.consistent] == [3, 9]
    fixed = site.store.write(lambda tx: digests.fix_digest(tx, table, GARDEN, [3, 4, 9]))
    assert fixed == [3, 9]
    assert site.digests() == right
    assert site.store.write(lambda tx: digests.fix_digest(tx, table, GARDEN, [3, 4, 9])) == []


def test_two_offices_are_comparable_only_when_each_has_received_everything_of_the_other(
    open_site: OpenSite,
) -> None:
    child, street = filled(open_site(GARDEN), 5), open_site(STREET)

    def point() -> SyncPoint | None:
        received_up_to = {lane: street.received_up_to.get((GARDEN, lane), 0) for lane in Lane}
        with child.store.read() as tx:
            return digests.sync_point(tx, STREET, street.incarnation, received_up_to)

    def there(point: SyncPoint | None) -> bool:
        assert point is not None
        with street.store.read() as tx:
            return digests.is_at(tx, GARDEN, child.incarnation, point)

    assert point() is None, "nothing was sent yet"
    child.send(street)
    first = point()
    assert there(first)
    street.commit(street.update(2, GARDEN, grade="甲"))
    assert not there(point()), "something waits for the child"
    street.send(child)
    assert there(point())
    child.commit(child.update(3, name="新"))
    assert point() is None, "something waits for the parent"
    child.send(street)
    assert not there(first), "the child's side is of an earlier point"
    assert there(point())


def test_entries_for_another_child_do_not_prevent_a_comparison(open_site: OpenSite) -> None:
    child, orchid, street = filled(open_site(GARDEN), 5), open_site(ORCHID), open_site(STREET)
    child.send(street)
    orchid.commit(orchid.create(900, name="兰"))
    orchid.send(street)
    street.commit(street.update(900, ORCHID, grade="乙"))
    received_up_to = {lane: street.received_up_to.get((GARDEN, lane), 0) for lane in Lane}
    with child.store.read() as tx:
        point = digests.sync_point(tx, STREET, street.incarnation, received_up_to)
    assert point is not None
    with street.store.read() as tx:
        assert digests.is_at(tx, GARDEN, child.incarnation, point)


def test_catalogues_that_differ_in_a_register_are_reported() -> None:
    other = replace(PERSON, fields=PERSON.fields[:-1])
    assert digest.schema_hash(PERSON) == digest.schema_hash(replace(PERSON, indexes=()))
    assert digest.schema_hash(PERSON) != digest.schema_hash(other)
