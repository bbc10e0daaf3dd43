"""One number in two communities: a case at the lowest office over both, and no number leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from node.domain.cases import units_of
from node.folds.blind_index import BlindIndexKey, current_key
from node.ids import natural_id
from node.office import Office
from node.services.common.reason import ActorMissing, ReasonMissing
from node.services.duplicates import blind_index, cases
from node.services.duplicates.cases import CaseNotOpen, CaseNotOurs, UnknownCase
from node.services.health.problems import Problem
from node.services.health.status import status
from node.services.health.verify import verify
from node.services.records import edits
from node.services.upkeep.rebuild import pending_derived
from sync.model.change import Operation
from sync.recovery import child as recovery_child
from sync.recovery import heads
from sync.recovery import parent as recovery_parent
from tests.support.network import CITY, EAST, LAKE, NORTH, PARENT, WEST, A, B, F, Network
from tests.unit.node.offices import exchange

CODES = (CITY, EAST, WEST, NORTH, LAKE, A, B, F)
UP = (A, B, F, NORTH, LAKE, EAST, WEST)
NUMBER = "33010219560512002X"
OTHER = "330102195605120046"
THIRD = "330102195605120062"
WHY = {"reason": "甲社区已迁出", "actor": "王"}


@pytest.fixture
def net(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    made = Network(tmp_path, CODES, templates=tmp_path_factory.getbasetemp() / "cases")
    yield made
    made.close()


def meet(net: Network, order: tuple[str, ...] = UP) -> None:
    for _ in range(5):
        for code in order:
            exchange(net[code], net[PARENT[code]])


def keyed(net: Network) -> None:
    blind_index.continue_indexing(net[CITY])
    meet(net)
    for code in CODES:
        blind_index.continue_indexing(net[code])


def resident(net: Network, code: str, number: str = NUMBER) -> bytes:
    net.forward()
    raw = {"id_number": number, "name": "张三", "birth_date": "1956-05-12"}
    return edits.create(net[code], "resident", raw).id


def states(net: Network) -> dict[str, list[str]]:
    """Own cases by office."""
    return {
        code: [v.state for v in cases.list_cases(net[code], every=True)
               if v.owner == net.unit(code)]
        for code in CODES
    }  # fmt: skip


def own_open(net: Network) -> list[str]:
    return [code for code, found in states(net).items() if "open" in found]


def leave(net: Network, code: str, record: bytes) -> None:
    net.forward()
    raw = {"status": "moved_out"}
    edits.change(net[code], "resident", net.unit(code), record, raw)


def test_a_duplicate_in_two_communities_of_a_street_is_a_case_at_the_street(net: Network) -> None:
    keyed(net)
    mine = resident(net, A)
    resident(net, B)
    meet(net)
    assert own_open(net) == [NORTH]
    (found,) = cases.list_cases(net[A])
    (kept,) = cases.list_cases(net[NORTH])
    assert kept.units == {net.unit(A): 1, net.unit(B): 1}
    assert cases.show(net[A], found.id).records == (mine,)
    assert cases.list_cases(net[F]) == cases.list_cases(net[CITY]) == []
    assert [p.code for p in _problems(net[A])] == ["cases"]


def test_a_duplicate_in_two_districts_is_a_case_at_the_city_that_all_between_receive(
    net: Network,
) -> None:
    keyed(net)
    resident(net, A)
    resident(net, F)
    meet(net)
    assert own_open(net) == [CITY]
    found = {code: len(cases.list_cases(net[code])) for code in CODES}
    assert found == {**dict.fromkeys(CODES, 1), B: 0}


def test_no_office_learns_from_a_duplicate_where_another_branch_has_the_number(
    net: Network,
) -> None:
    """Who enters a number in order to ask whose it is learns no place."""
    keyed(net)
    resident(net, A)
    resident(net, B)
    resident(net, F)
    meet(net)
    assert own_open(net) == [CITY]
    for code in CODES:
        below = set(net[code].tree.subtree(net.unit(code)))
        for found in cases.list_cases(net[code], every=True):
            assert found.units.keys() <= below
        with net[code].store.read() as tx:
            rows = tx.exec_driver_sql("SELECT f_units FROM r_case").fetchall()
        assert all(units_of(row[0]).keys() <= below for row in rows)


def test_three_duplicates_are_one_case_that_absorbs_the_lower_one(net: Network) -> None:
    keyed(net)
    for code in (A, B):
        resident(net, code)
    meet(net)
    third = resident(net, F)
    meet(net)
    assert own_open(net) == [CITY]
    assert states(net)[NORTH] == ["raised"]
    leave(net, F, third)
    meet(net)
    assert own_open(net) == [NORTH]
    assert cases.list_cases(net[F]) == []


def test_records_added_before_the_index_key_are_indexed_when_it_arrives(net: Network) -> None:
    resident(net, A)
    resident(net, F)
    meet(net)
    assert _marks(net[A]) == 0
    keyed(net)
    resident(net, B, OTHER)
    meet(net, tuple(reversed(UP)))
    assert own_open(net) == [CITY]
    assert [_marks(net[c]) for c in (A, B, F, CITY)] == [1, 1, 1, 3]


def test_a_case_closes_by_itself_when_one_record_is_left_and_no_record_was_touched(
    net: Network,
) -> None:
    keyed(net)
    gone = resident(net, A)
    resident(net, F)
    meet(net)
    edits.end(net[A], "resident", gone)
    meet(net)
    assert own_open(net) == []
    assert all(not cases.list_cases(net[c]) for c in CODES)
    assert edits.list_records(net[F], "resident").total == 1


def test_an_office_that_lost_its_own_line_of_a_case_still_settles_those_of_others(
    net: Network,
) -> None:
    """Its own line is nobody else's; a restored office takes back only what it had sent."""
    keyed(net)
    gone = resident(net, A)
    resident(net, B)
    meet(net)
    street = net[NORTH]
    street.store.write(
        lambda tx: tx.exec_driver_sql(f"DELETE FROM r_case WHERE f_told={net.unit(NORTH)}")
    )
    edits.end(net[A], "resident", gone)
    meet(net)
    assert all(not cases.list_cases(net[c]) for c in CODES)


def test_correcting_a_number_updates_its_index_entry(net: Network) -> None:
    keyed(net)
    wrong = resident(net, A)
    resident(net, B)
    meet(net)
    net.forward()
    edits.change(net[A], "resident", net.unit(A), wrong, {"id_number": OTHER})
    meet(net)
    assert own_open(net) == []


def test_a_closed_case_stays_closed_until_a_record_joins(net: Network) -> None:
    keyed(net)
    resident(net, A)
    resident(net, B)
    meet(net)
    (case,) = cases.list_cases(net[NORTH])
    with pytest.raises(CaseNotOurs):
        cases.close(net[A], case.id, **WHY)
    with pytest.raises(ReasonMissing):
        cases.close(net[NORTH], case.id, reason=" ", actor="王")
    with pytest.raises(ActorMissing):
        cases.close(net[NORTH], case.id, reason="已迁出", actor=" ")
    with pytest.raises(UnknownCase):
        cases.close(net[F], case.id, **WHY)
    cases.close(net[NORTH], case.id, **WHY)
    with pytest.raises(CaseNotOpen):
        cases.close(net[NORTH], case.id, **WHY)
    meet(net)
    assert own_open(net) == []
    assert cases.show(net[A], case.id).reason == WHY["reason"]
    resident(net, F)
    meet(net)
    assert own_open(net) == [CITY]


def test_no_identity_number_or_name_is_in_another_offices_store(net: Network) -> None:
    keyed(net)
    record = resident(net, A)
    resident(net, F)
    meet(net)
    for code in (CITY, EAST, NORTH, WEST, LAKE, B):
        net[code].store.checkpoint()
        with net[code].store.read() as tx:
            wires = [bytes(r[0]) for r in tx.exec_driver_sql("SELECT wire FROM entry")]
            indexed = tx.exec_driver_sql("SELECT count(*) FROM r_resident").scalar_one()
        stored = b"".join(path.read_bytes() for path in net[code].folder.glob("office.db*"))
        assert indexed == 0
        assert wires
        for canary in (NUMBER.encode(), "张三".encode(), record):
            assert canary not in stored


def test_index_entries_duplicated_over_two_incarnations_are_corrected(net: Network) -> None:
    keyed(net)
    resident(net, A)
    resident(net, F)
    office = net[A]
    office.commit(lambda tx: [
        office.folds.blind_index.edit(_key(tx), kind, mark, 2, exists=True)
        for kind, mark in blind_index.indexed(office, tx)
    ])  # fmt: skip
    meet(net)
    office.commit(lambda tx: pending_derived(office, tx))
    meet(net)
    with office.store.read() as tx:
        assert pending_derived(office, tx) == []
        assert set(blind_index.indexed(office, tx).values()) == {1}
    assert own_open(net) == [CITY]
    assert verify(office).sound


def test_a_new_key_makes_every_office_reindex_in_portions_and_the_case_is_found_again(
    net: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blind_index, "RECORDS", 1)
    keyed(net)
    for code in (A, F):
        resident(net, code)
        resident(net, code, THIRD)
    meet(net)
    before = {view.id for view in cases.list_cases(net[CITY])}
    assert len(before) == 2
    city = net[CITY]
    record = natural_id("mark_key", "1")
    net.write(CITY, net.edit(CITY, "mark_key", record, Operation.UPDATE, {"secret": "ab" * 32}))
    meet(net)
    resident(net, B, OTHER)  # between the key and the tick
    leaves = resident(net, A, OTHER)
    leave(net, A, leaves)
    for code in (A, B):
        blind_index.continue_indexing(net[code], batches=2)
    meet(net)
    for code in CODES:
        blind_index.continue_indexing(net[code])
    meet(net)
    found = {view.id: view.units for view in cases.list_cases(city)}
    assert list(found.values()) == [{net.unit(A): 1, net.unit(F): 1}] * 2
    assert before.isdisjoint(found), "under the key in force"
    assert [_marks(net[c]) for c in (A, B, F)] == [2, 1, 2], "none with the former one"
    assert all(verify(net[code]).sound for code in CODES)


def test_of_two_index_keys_the_first_is_kept_and_entries_of_the_other_are_reindexed(
    net: Network, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A city whose disk is lost makes a second key before its children give back the first."""
    blind_index.continue_indexing(net[CITY])
    for upper, code in ((CITY, EAST), (EAST, NORTH), (NORTH, A)):
        exchange(net[code], net[upper])
    blind_index.continue_indexing(net[A])
    resident(net, A)
    net.forward()
    (tmp_path / "anew").mkdir()
    anew = Network(tmp_path / "anew", (CITY,), templates=tmp_path_factory.getbasetemp() / "cases")
    try:
        anew.ms = net.ms
        city = anew[CITY]
        city.store.write(lambda tx: recovery_child.rotate_incarnation(tx, city))
        blind_index.continue_indexing(city)
        for upper, code in ((city, WEST), (net[WEST], LAKE), (net[LAKE], F)):
            exchange(net[code], upper)
        blind_index.continue_indexing(net[F])
        resident(net, F)
        assert _secret(net[A]) != _secret(net[F])
        first = _secret(net[A])
        with net[EAST].store.read() as tx:
            page = heads.own_entries_of(tx, city.identity.unit, 0)
        city.store.write(
            lambda tx: recovery_parent.restore_own(
                tx, city, page.entries, page.signatures, child=net.unit(EAST), last=True
            )
        )
        assert _secret(city) == first
        blind_index.continue_indexing(city)
        net.offices[CITY].close()
        net.offices[CITY] = city
        meet(net)
        for code in CODES:
            blind_index.continue_indexing(net[code])
        meet(net)
        assert {_secret(net[code]) for code in CODES} == {first}
        assert own_open(net) == [CITY]
        assert [_marks(net[c]) for c in (A, F, CITY)] == [1, 1, 2]
        for code in CODES:
            assert _open_conflicts(net[code]) == 0
            assert verify(net[code]).sound
    finally:
        net.offices[CITY] = anew.offices.pop(CITY)


def _secret(office: Office) -> bytes:
    with office.store.read() as tx:
        return _key(tx).secret


def _open_conflicts(office: Office) -> int:
    with office.store.read() as tx:
        row = tx.exec_driver_sql("SELECT count(*) FROM conflict WHERE head=1 OR state='open'")
        return int(row.scalar_one())


def _key(tx: Connection) -> BlindIndexKey:
    key = current_key(tx)
    assert key is not None
    return key


def _marks(office: Office) -> int:
    with office.store.read() as tx:
        row = tx.exec_driver_sql("SELECT count(*) FROM r_mark WHERE f_n > 0")
        return int(row.scalar_one())


def _problems(office: Office) -> list[Problem]:
    return [p for p in status(office).problems if p.code == "cases"]
