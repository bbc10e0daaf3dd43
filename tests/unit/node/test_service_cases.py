"""One number in two communities: a case at the lowest office over both, and no number leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from node.app import Office
from node.folds.marks import MarkKey, key_held
from node.services import cases, marks, registers
from node.services.cases import CaseNeedsReason, CaseNotOpen, CaseNotOurs, UnknownCase
from node.services.left_undone import left_undone
from node.services.problems import Problem
from node.services.status import status
from node.services.verify import verify
from tests.support.network import CITY, EAST, LAKE, NORTH, PARENT, WEST, A, B, F, Network
from tests.unit.node.offices import exchange

CODES = (CITY, EAST, WEST, NORTH, LAKE, A, B, F)
UP = (A, B, F, NORTH, LAKE, EAST, WEST)
NUMBER = "33010219560512002X"
OTHER = "330102195605120046"
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
    marks.keep_marking(net[CITY])
    meet(net)
    for code in CODES:
        marks.keep_marking(net[code])


def resident(net: Network, code: str, number: str = NUMBER) -> bytes:
    net.forward()
    raw = {"id_number": number, "name": "张三", "birth_date": "1956-05-12"}
    return registers.create(net[code], "resident", raw).id


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
    registers.change(net[code], "resident", net.unit(code), record, raw)


def test_two_communities_of_a_street_make_a_case_at_the_street(net: Network) -> None:
    keyed(net)
    mine = resident(net, A)
    resident(net, B)
    meet(net)
    assert own_open(net) == [NORTH]
    (told,) = cases.list_cases(net[A])
    assert told.units == {net.unit(A): 1, net.unit(B): 1}
    assert cases.show(net[A], told.id).records == (mine,)
    assert cases.list_cases(net[F]) == cases.list_cases(net[CITY]) == []
    assert [p.code for p in _problems(net[A])] == ["cases"]


def test_two_districts_make_a_case_at_the_city_that_is_heard_on_the_way(net: Network) -> None:
    keyed(net)
    resident(net, A)
    resident(net, F)
    meet(net)
    assert own_open(net) == [CITY]
    told = {code: len(cases.list_cases(net[code])) for code in CODES}
    assert told == {**dict.fromkeys(CODES, 1), B: 0}


def test_three_are_one_case_and_the_lower_one_is_taken_up(net: Network) -> None:
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


def test_whatever_came_before_the_key_is_marked_when_it_comes(net: Network) -> None:
    resident(net, A)
    resident(net, F)
    meet(net)
    assert _marks(net[A]) == 0
    keyed(net)
    resident(net, B, OTHER)
    meet(net, tuple(reversed(UP)))
    assert own_open(net) == [CITY]
    assert [_marks(net[c]) for c in (A, B, F, CITY)] == [1, 1, 1, 3]


def test_a_case_settles_by_itself_when_one_is_left_and_no_record_was_touched(net: Network) -> None:
    keyed(net)
    gone = resident(net, A)
    resident(net, F)
    meet(net)
    registers.end(net[A], "resident", gone)
    meet(net)
    assert own_open(net) == []
    assert all(not cases.list_cases(net[c]) for c in CODES)
    assert registers.list_records(net[F], "resident").total == 1


def test_a_number_put_right_takes_its_mark_along(net: Network) -> None:
    keyed(net)
    wrong = resident(net, A)
    resident(net, B)
    meet(net)
    net.forward()
    registers.change(net[A], "resident", net.unit(A), wrong, {"id_number": OTHER})
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
    with pytest.raises(CaseNeedsReason):
        cases.close(net[NORTH], case.id, reason=" ", actor="王")
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


def test_no_byte_of_a_number_or_name_is_in_another_offices_store(net: Network) -> None:
    keyed(net)
    record = resident(net, A)
    resident(net, F)
    meet(net)
    for code in (CITY, EAST, NORTH, WEST, LAKE, B):
        net[code].store.checkpoint()
        with net[code].store.read() as tx:
            wires = [bytes(r[0]) for r in tx.exec_driver_sql("SELECT wire FROM entry")]
            held = tx.exec_driver_sql("SELECT count(*) FROM r_resident").scalar_one()
        stored = b"".join(path.read_bytes() for path in net[code].folder.glob("office.db*"))
        assert held == 0
        assert wires
        for canary in (NUMBER.encode(), "张三".encode(), record):
            assert canary not in stored


def test_marks_counted_twice_over_two_lives_are_put_right(net: Network) -> None:
    keyed(net)
    resident(net, A)
    resident(net, F)
    office = net[A]
    office.commit(lambda tx: [
        office.marks.edit(_key(tx), kind, mark, 2, exists=True)
        for kind, mark in marks.held(office, tx)
    ])  # fmt: skip
    meet(net)
    office.commit(lambda tx: left_undone(office, tx))
    meet(net)
    with office.store.read() as tx:
        assert left_undone(office, tx) == []
        assert set(marks.held(office, tx).values()) == {1}
    assert own_open(net) == [CITY]
    assert verify(office).sound


def _key(tx: Connection) -> MarkKey:
    key = key_held(tx)
    assert key is not None
    return key


def _marks(office: Office) -> int:
    with office.store.read() as tx:
        row = tx.exec_driver_sql("SELECT count(*) FROM r_mark WHERE f_n > 0")
        return int(row.scalar_one())


def _problems(office: Office) -> list[Problem]:
    return [p for p in status(office).problems if p.code == "cases"]
