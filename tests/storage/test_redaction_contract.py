"""What reducing ended records promises on every store: versions stay, values go, nobody notices."""

from __future__ import annotations

from collections.abc import Set

import pytest

from sync.compare import digests
from sync.compare.repair_log import evidence_to_json, stored_evidence
from sync.log import entries as log
from sync.merge.evidence import Evidence
from sync.model.change import RecordKey
from sync.retention import redact as retention_redact
from sync.retention.redact import Ended, KeepReason
from sync.store.sql import execute
from tests.storage.test_copy_contract import chunk_from, join
from tests.support.sites import (
    CITY,
    DISTRICT,
    GARDEN,
    LEVEL,
    NOTICE,
    PERSON,
    START_MS,
    STREET,
    Crash,
    Site,
    record_id,
)

DAY_MS = 86_400_000
NOBODY: frozenset[RecordKey] = frozenset()


def found(site: Site, before_ms: int = START_MS + DAY_MS) -> list[Ended]:
    with site.store.read() as tx:
        return retention_redact.ended_with_values(
            tx, site.tables["person"], LEVEL[GARDEN], before_ms, 100
        )


def redact(site: Site, *, low_water_mark: int | None = None, asked: Set[RecordKey] = NOBODY) -> int:
    """Redact what may be redacted; `low_water_mark`: nobody needs entries up to it."""
    some = found(site)
    with site.store.read() as tx:
        upto = log.position(tx) if low_water_mark is None else low_water_mark
    return site.store.write(
        lambda tx: retention_redact.redact(
            tx, site.tables["person"], LEVEL[GARDEN], some, low_water_mark=upto, asked=asked
        )
    )


def ended_pair(open_site) -> tuple[Site, Site]:
    """Return a community that has ended its record 1, and its street that has received that."""
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="a", tags="x", most=3), garden.create(2, name="z"))
    garden.send(street)
    street.commit(street.update(1, GARDEN, grade="甲"))
    street.send(garden)
    garden.commit(garden.delete(1))
    garden.send(street)
    return garden, street


def row(site: Site, number: int) -> dict[str, object]:
    names = PERSON.names
    columns = ["causal_length", *(f"f_{n}" for n in names)]
    with site.store.read() as tx:
        (one,) = site.tables["person"].rows(tx, GARDEN, [record_id(number)], columns)
    return dict(zip(("causal_length", *names), one, strict=True))


def checksums(site: Site) -> dict[bytes, int]:
    with site.store.read() as tx:
        ids = [record_id(n) for n in range(10)]
        return digests.checksums(tx, site.tables["person"], GARDEN, ids)


def versions(site: Site) -> dict[tuple[int, bytes], object]:
    """Return all of every record but its values."""
    return {
        at: (
            s.created, s.causal_length, s.causal_length_version, s.survived_delete,
            {n: (h.shown.version, [x.version for x in h.losers]) for n, h in s.fields.items()},
        )
        for at, s in site.states().items()
    }  # fmt: skip


def test_redaction_removes_values_and_keeps_versions_causal_lengths_and_digests(open_site):
    _, street = ended_pair(open_site)
    before, sums = versions(street), street.digests()
    assert redact(street) == 1
    assert row(street, 1) == {
        "causal_length": 2, "name": None, "rank": None, "tags": None,
        "most": 3,  # which of two is shown hangs on it
        "grade": "甲",  # the community could not say it again
    }  # fmt: skip
    assert street.value(2, "name", GARDEN) == "z"
    assert versions(street) == before
    assert street.digests() == sums == street.recomputed_digests()
    assert found(street) == []


def test_a_store_with_redacted_records_and_one_without_compare_as_equal(open_site):
    garden, street = ended_pair(open_site)
    assert checksums(garden) == checksums(street)
    redact(street)
    assert row(garden, 1)["name"] == "a"
    assert checksums(garden) == checksums(street)
    with street.store.read() as tx:
        whole = digests.count(tx, street.tables["person"], GARDEN, range(64))
    assert all(one.consistent for one in whole.values())


def test_a_value_in_conflict_with_a_delete_is_compared(open_site):
    garden, street = ended_pair(open_site)
    street.commit(street.update(2, GARDEN, name="neu"))
    garden.commit(garden.delete(2))
    garden.send(street)
    street.send(garden)
    assert checksums(garden) == checksums(street)
    assert row(street, 2)["name"] == "neu"
    street.store.write(
        lambda tx: (
            execute(tx, "UPDATE r_person SET f_name='z' WHERE id=?", (record_id(2),)).rowcount
        )
    )
    assert checksums(garden)[record_id(2)] != checksums(street)[record_id(2)]


def districts(open_site) -> tuple[Site, Site, Site, Site, Site]:
    """Return community, street, two stores of one district that received the same, and the city.

    Record 1 has ended; the city has not received that.
    """
    garden, street, city = open_site(GARDEN), open_site(STREET), open_site(CITY)
    one, other = open_site(DISTRICT), open_site(DISTRICT)
    garden.commit(garden.create(1, name="a", tags="x", most=3))
    carry(garden, street, one, other)
    one.send(city)
    garden.commit(garden.delete(1))
    carry(garden, street, one, other)
    return garden, street, one, other, city


def carry(garden: Site, street: Site, *districts: Site) -> None:
    garden.send(street)
    for district in districts:
        street.send(district)


@pytest.mark.parametrize("received", [True, False])
def test_a_late_edit_is_listed_restores_nothing_and_a_restored_record_is_complete(
    open_site, received
):
    garden, street, one, other, city = districts(open_site)
    assert redact(one) == 1
    city.commit(city.update(1, GARDEN, name="spät", tags="y"))
    for district in (one, other):
        city.send(district)
    assert versions(one) == versions(other)
    assert one.digests() == other.digests() == one.recomputed_digests()
    assert (row(one, 1)["causal_length"], one.value(1, "name", GARDEN)) == (2, None)
    listed = [(value, deleted) for _, value, deleted in one.records()["open"]]
    assert sorted(listed) == [('"spät"', 1), ('"y"', 1)]
    assert one.records()["open"] == other.records()["open"]
    assert redact(one) == 0  # somebody must look first
    if received:
        one.send(street)
        street.send(garden)
    again = garden.update(1, name="neu", tags="z", most=None, rank=None)
    garden.commit(again)
    carry(garden, street, one, other)
    assert one.records() == other.records()
    assert row(one, 1)["causal_length"] == 3
    assert len(one.records()["open"]) == (0 if received else 1)


def test_deleting_it_again_and_again_leaves_it_redacted(open_site):
    garden, street, one, other, _ = districts(open_site)
    assert redact(one) == 1
    garden.now_ms += 1_000
    garden.commit(garden.delete(1))
    carry(garden, street, one, other)
    assert versions(one) == versions(other)
    assert row(one, 1)["name"] is None
    assert redact(one) == 0


def test_snapshots_carry_redacted_records_and_remove_no_value(open_site):
    garden, street = ended_pair(open_site)
    whole, empty = open_site(GARDEN), open_site(GARDEN)
    join(whole, chunk_from(street, GARDEN))
    assert redact(street) == 1
    chunk = chunk_from(street, GARDEN)
    for site in (empty, whole, garden):
        join(site, chunk)
        assert site.digests() == street.digests() == site.recomputed_digests()
        assert versions(site) == versions(street)
    assert row(empty, 1)["name"] is None
    assert row(whole, 1)["name"] == row(garden, 1)["name"] == "a"
    back = chunk_from(garden, GARDEN)
    join(street, back)
    assert versions(street) == versions(garden)
    assert redact(street) == 1  # what a copy brought goes again


def test_active_recent_contested_and_control_records_are_no_candidates_for_redaction(open_site):
    garden, street = ended_pair(open_site)
    street.commit(street.update(2, GARDEN, name="neu"))
    garden.commit(garden.delete(2))
    garden.send(street)
    assert [one.id for one in found(street)] == [record_id(1)]
    assert found(street, START_MS - 1) == []
    garden.commit(garden.update(1, name="wieder", rank=None, most=None, tags=None))
    garden.send(street)
    assert found(street) == []
    assert retention_redact.removable(NOTICE, LEVEL[GARDEN]) == ()
    assert retention_redact.removable(PERSON, LEVEL[GARDEN]) == ("name", "rank", "tags")


def test_records_under_a_retention_hold_keep_their_values(open_site):
    _, street = ended_pair(open_site)
    with street.store.read() as tx:
        end = log.position(tx)
        (at,) = execute(tx, "SELECT max(arrival) FROM entry WHERE lane=2").fetchone()
    assert end == at
    assert redact(street, low_water_mark=at - 1) == 0
    assert row(street, 1)["name"] == "a"
    assert redact(street, low_water_mark=at) == 1


def test_records_with_a_quarantined_change_or_an_open_request_keep_their_values(open_site):
    _, street = ended_pair(open_site)
    with street.store.read() as tx:
        end = log.position(tx)

    def why(asked: Set[RecordKey] = NOBODY) -> list[KeepReason]:
        some = found(street)
        with street.store.read() as tx:
            return list(
                retention_redact.keep_reasons(
                    tx, "person", some, low_water_mark=end, asked=asked
                ).values()
            )

    asked = {RecordKey("person", GARDEN, record_id(1))}
    assert why(asked) == [KeepReason.ASKED]
    assert redact(street, asked=asked) == 0
    for state, keep_reasons in (
        ("open", [KeepReason.QUARANTINED]),
        ("deferred", [KeepReason.QUARANTINED]),
        ("closed", []),
    ):
        street.store.write(lambda tx, state=state: _insert_quarantined(tx, state))
        assert why() == keep_reasons
    assert redact(street) == 1


def _insert_quarantined(tx, state: str) -> int:
    execute(tx, "DELETE FROM quarantine")
    return execute(
        tx,
        "INSERT INTO quarantine (id, arrival, incarnation, register, unit, record, reason, detail, "
        "state, at_ms, tries) VALUES (?,1,1,'person',?,?,'wrong_kind','',?,0,1)",
        (bytes(16), GARDEN, record_id(7) + record_id(1), state),
    ).rowcount


def test_a_record_restored_meanwhile_keeps_its_values(open_site):
    """Between looking for a record and reducing it somebody may have begun another life of it."""
    garden, _ = ended_pair(open_site)
    some = found(garden)
    with garden.store.read() as tx:
        end = log.position(tx)
    garden.commit(garden.update(1, name="wieder", rank=None, most=None, tags=None))
    done = garden.store.write(
        lambda tx: retention_redact.redact(
            tx, garden.tables["person"], LEVEL[GARDEN], some, low_water_mark=end, asked=NOBODY
        )
    )
    assert done == 0
    assert garden.value(1, "name") == "wieder"


def test_losers_and_values_in_the_repair_log_are_removed_too(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="a"))
    garden.send(street)
    street.commit(street.update(1, GARDEN, name="b", most=4))
    garden.commit(garden.update(1, name="c", most=2))
    garden.send(street)
    street.send(garden)
    (state,) = garden.states().values()
    lost = {n: [h.version for h in heads.losers] for n, heads in state.fields.items()}
    garden.commit(garden.delete(1)._replace(resolves={n: tuple(v) for n, v in lost.items() if v}))
    garden.send(street)
    note = (
        "INSERT INTO repair (id, at_ms, peer, register, unit, record, side, removed, evidence) "
        "VALUES (?,0,3,'person',4,?,'here','[1]',?)"
    )
    version = lost["name"][0]
    evidence = evidence_to_json(Evidence({version}, {"name": {version}}, {"name": {version: "a"}}))
    street.store.write(lambda tx: execute(tx, note, (bytes(16), record_id(1), evidence)).rowcount)
    before = versions(street)
    assert redact(street) == 1
    assert versions(street) == before
    with street.store.read() as tx:
        kept = dict(execute(tx, "SELECT field, value FROM conflict").fetchall())
        assert execute(tx, "SELECT removed FROM repair").fetchone()[0] == ""
        name = RecordKey("person", GARDEN, record_id(1))
        assert stored_evidence(tx, [name])[name] == Evidence({version}, {"name": {version}})
    assert kept == {"name": "null", "most": "2"}
    assert found(street) == []
    garden.commit(garden.update(1, name="neu", rank=None, tags=None, most=1))
    garden.send(street)
    assert street.records() == garden.records()


def test_a_redaction_that_crashes_anywhere_leaves_nothing(open_site):
    _, street = ended_pair(open_site)
    before = street.dump()
    for statement in range(1, 40):
        try:
            with street.crash_before(statement):
                redact(street)
        except Crash:
            assert street.dump() == before
            continue
        break
    assert statement > 4
    assert found(street) == []


def test_redacted_and_redactable_records_are_counted(open_site):
    garden, street = ended_pair(open_site)
    table = street.tables["person"]

    def count() -> dict[str, int]:
        with street.store.read() as tx:
            return dict(retention_redact.counted(tx, table, LEVEL[GARDEN], {GARDEN}))

    street.commit(street.update(2, GARDEN, name="neu"))
    garden.commit(garden.delete(2))
    garden.send(street)
    assert count() == {"values": 2, "contested": 1}
    redact(street)
    assert count() == {"values": 1, "contested": 1, "stubs": 1}
    with street.store.read() as tx:
        assert retention_redact.units_of(tx, "person") == [GARDEN]
