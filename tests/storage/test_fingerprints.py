"""Fingerprints on both stores: kept sums are those of the records, and a bucket reads its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import event, text

from sync import digest, fingerprints
from sync.fingerprints import AsOf
from sync.narrowing import BucketKey, Sum, UnitKey
from sync.schema import Lane
from tests.storage.conftest import OpenSite
from tests.support.sites import GARDEN, ORCHID, PERSON, STREET, Site, record_id

SHARED = {"person": [GARDEN], "notice": []}


@contextmanager
def statements(site: Site) -> Iterator[list[str]]:
    """Collect the statements that readers of a store run."""
    found: list[str] = []

    def hear(_tx: object, _cursor: object, statement: str, *_rest: object) -> None:
        found.append(statement)

    event.listen(site.store._reader, "before_cursor_execute", hear)
    try:
        yield found
    finally:
        event.remove(site.store._reader, "before_cursor_execute", hear)


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
        sums = fingerprints.unit_sums(tx, SHARED)
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
        sums = fingerprints.unit_sums(tx, SHARED)
    assert sums[UnitKey("person", GARDEN)] == Sum(64, 64 * largest % digest.PRIME)


def test_a_bucket_counted_from_its_records_is_what_is_kept_of_it(open_site: OpenSite) -> None:
    site = filled(open_site(GARDEN))
    table = site.tables["person"]
    with site.store.read() as tx:
        kept = fingerprints.bucket_sums(tx, [UnitKey("person", GARDEN)])
        some = fingerprints.count(tx, table, GARDEN, [3, 17])
        whole = fingerprints.count(tx, table, GARDEN, range(64))
    assert len(kept) == 64
    for bucket, one in some.items():
        assert one.sound
        assert one.counted == kept[BucketKey("person", GARDEN, bucket)]
        assert one.checks == whole[bucket].checks
        assert {digest.bucket_of(i) for i in one.checks} == {bucket}
    assert sum(one.counted.records for one in whole.values()) == 200


def test_offices_that_heard_the_same_make_the_same_checks(open_site: OpenSite) -> None:
    child, street = filled(open_site(GARDEN), 40), open_site(STREET)
    child.send(street)
    contested(child, street)
    found = []
    for site in (child, street):
        with site.store.read() as tx:
            found.append(fingerprints.count(tx, site.tables["person"], GARDEN, range(64)))
    assert {n: one.checks for n, one in found[0].items()} == {
        n: one.checks for n, one in found[1].items()
    }


def contested(child: Site, street: Site) -> None:
    """Let both write the same fields apart, and hear of each other."""
    street.now_ms = child.now_ms = child.now_ms + 10
    street.commit(street.update(2, GARDEN, name="街", tags="a,c", most=900))
    child.commit(child.update(2, name="居", tags="b", most=7))
    child.send(street)
    street.send(child)


def test_whatever_is_changed_behind_the_programs_back_changes_a_check(open_site: OpenSite) -> None:
    for change in (
        "UPDATE r_person SET f_name='坏' WHERE id=:i",
        "UPDATE r_person SET f_most=NULL WHERE id=:i",
        "UPDATE r_person SET v_name=:v WHERE id=:i",
        "UPDATE r_person SET born=:v WHERE id=:i",
        "UPDATE r_person SET life=3 WHERE id=:i",
        "UPDATE r_person SET unseen='name:00' WHERE id=:i",
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
        found = fingerprints.count(tx, site.tables["person"], GARDEN, range(64))
    return {record: check for one in found.values() for record, check in one.checks.items()}


def test_a_wrong_sum_is_told_and_mended_and_nothing_else_is_touched(open_site: OpenSite) -> None:
    site = filled(open_site(GARDEN), 70)
    right = site.digests()
    site.store.write(
        lambda tx: tx.execute(text("UPDATE digest SET sum = sum + 1 WHERE bucket IN (3, 9)"))
    )
    table = site.tables["person"]
    with site.store.read() as tx:
        found = fingerprints.count(tx, table, GARDEN, [3, 4, 9])
    assert [n for n, one in found.items() if not one.sound] == [3, 9]
    mended = site.store.write(lambda tx: fingerprints.mend(tx, table, GARDEN, [3, 4, 9]))
    assert mended == [3, 9]
    assert site.digests() == right
    assert site.store.write(lambda tx: fingerprints.mend(tx, table, GARDEN, [3, 4, 9])) == []


def test_two_are_comparable_only_when_each_has_all_of_the_other(open_site: OpenSite) -> None:
    child, street = filled(open_site(GARDEN), 5), open_site(STREET)

    def point() -> AsOf | None:
        held = {lane: street.held.get((GARDEN, lane), 0) for lane in Lane}
        with child.store.read() as tx:
            return fingerprints.as_of(tx, STREET, street.incarnation, held)

    def there(point: AsOf | None) -> bool:
        assert point is not None
        with street.store.read() as tx:
            return fingerprints.is_at(tx, GARDEN, child.incarnation, point)

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


def test_what_goes_to_another_child_does_not_stand_in_the_way(open_site: OpenSite) -> None:
    child, orchid, street = filled(open_site(GARDEN), 5), open_site(ORCHID), open_site(STREET)
    child.send(street)
    orchid.commit(orchid.create(900, name="兰"))
    orchid.send(street)
    street.commit(street.update(900, ORCHID, grade="乙"))
    held = {lane: street.held.get((GARDEN, lane), 0) for lane in Lane}
    with child.store.read() as tx:
        point = fingerprints.as_of(tx, STREET, street.incarnation, held)
    assert point is not None
    with street.store.read() as tx:
        assert fingerprints.is_at(tx, GARDEN, child.incarnation, point)


def test_catalogues_that_differ_in_a_register_say_so() -> None:
    other = replace(PERSON, fields=PERSON.fields[:-1])
    assert digest.schema_print(PERSON) == digest.schema_print(replace(PERSON, indexes=()))
    assert digest.schema_print(PERSON) != digest.schema_print(other)
