"""Verify finds what was changed behind the records' back, and nothing else."""

from __future__ import annotations

import pytest

from node.services.health.verify import DIFFERENCES_MAX, VerifyReport, verify
from sync.model.change import Operation
from sync.store.sql import sql
from tests.support.network import EAST, NORTH, SOUTH, A, B, Network


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def net(tmp_path, templates):
    """A street and two communities with something of everything."""
    opened = Network(tmp_path, (A, B, NORTH), templates=templates)
    opened.create_many(A, "household", [{"hh_no": str(n), "kind": "resident"} for n in range(120)])
    opened.create_many(
        A, "resident",
        [{"id_number": str(n), "birth_date": f"19{n % 80 + 10}-01-01", "sex": "male"}
         for n in range(50)],
    )  # fmt: skip
    premises = opened.create(A, "premises", name="a", use="office", area_m2=4000, tenure="owned")
    opened.create(B, "premises", name="b", use="office", area_m2=100, tenure="rented")
    opened.write(A, opened.edit(A, "premises", premises, Operation.UPDATE, {"area_m2": 3000}))
    opened.settle()
    yield opened
    opened.close()


def tampered(net: Network, code: str, statement: str, *parameters: object) -> VerifyReport:
    office = net[code]
    office.store.write(lambda tx: tx.exec_driver_sql(sql(tx, statement), parameters))
    return verify(office)


def test_an_untouched_store_is_consistent_and_everything_was_compared(net):
    for code in (A, B, NORTH):
        assert verify(net[code]) == VerifyReport(
            compared=verify(net[code]).compared, different=0, differences=()
        )
    progress = []
    report = verify(net[A], lambda check, count: progress.append((check, count)))
    assert [check for check, _ in progress] == [
        "cells",
        "totals",
        "digests",
        "balances",
        "postings",
        "streams",
    ]
    assert {name for name, count in report.compared.items() if count} == {
        "cells", "totals", "digests", "streams"
    }  # fmt: skip


def nth(number: int) -> str:
    """Return the condition for the nth entry of a log."""
    return f"arrival = (SELECT arrival FROM entry ORDER BY arrival LIMIT 1 OFFSET {number - 1})"


@pytest.mark.parametrize(
    ("code", "statement", "check"),
    [
        (A, "UPDATE r_cell SET f_amount = f_amount + 1 WHERE f_measure='households'", "cells"),
        (A, "UPDATE r_household SET f_status='moved_out' WHERE f_hh_no='7'", "cells"),
        (A, "DELETE FROM r_premises", "digests"),
        (A, "UPDATE r_premises SET v_area_m2 = NULL", "digests"),
        (A, "UPDATE r_resident SET causal_length = 2 WHERE f_id_number='7'", "digests"),
        (A, "DELETE FROM digest WHERE register='premises'", "digests"),
        (A, "INSERT INTO balance VALUES (1, 'F1', 2026, 'held', 5)", "balances"),
        (NORTH, "UPDATE total SET amount = amount - 1 WHERE measure='households'", "totals"),
        (NORTH, "DELETE FROM total WHERE measure='households'", "totals"),
        (NORTH, "INSERT INTO total VALUES (99, 'households', '', '', 1)", "totals"),
        (NORTH, "UPDATE entry SET seq = seq + 1 WHERE " + nth(3), "streams"),
        (NORTH, "DELETE FROM entry WHERE " + nth(2), "streams"),
        (NORTH, "DELETE FROM stream", "streams"),
        (NORTH, "UPDATE entry SET wire = X'00' WHERE " + nth(1), "streams"),
    ],
)
def test_a_change_made_outside_the_program_is_found(net, code, statement, check):
    report = tampered(net, code, statement)
    assert not report.sound
    assert check in {difference.check for difference in report.differences}


def test_a_replaced_entry_breaks_the_chain(net):
    with net[NORTH].store.read() as tx:
        rows = tx.exec_driver_sql(
            "SELECT arrival, wire FROM entry WHERE incarnation=? ORDER BY arrival",
            (net[A].identity.incarnation,),
        ).fetchall()
    forged = bytearray(rows[0][1])
    forged[-1] ^= 1  # in the payload: number and predecessor still fit
    report = tampered(
        net, NORTH, "UPDATE entry SET wire=? WHERE arrival=?", bytes(forged), rows[0][0]
    )
    assert [difference.check for difference in report.differences] == ["streams"]


def test_a_loser_missing_from_the_conflicts_is_found(tmp_path, templates):
    net = Network(tmp_path, (A, NORTH, SOUTH, EAST), templates=templates)
    record = net.create(A, "premises", name="a", use="office", area_m2=100, address="x")
    net.up(A)
    mine = net.edit(A, "premises", record, Operation.UPDATE, {"address": "one"})
    theirs = net.edit(A, "premises", record, Operation.UPDATE, {"address": "two"})
    net.write(A, mine)
    net.write(NORTH, theirs)
    net.up(A)
    assert verify(net[NORTH]).compared["conflicts"] == 1
    assert verify(net[NORTH]).sound
    report = tampered(net, NORTH, "UPDATE conflict SET state='superseded'")
    assert [difference.check for difference in report.differences] == ["conflicts"]
    report = tampered(net, NORTH, "DELETE FROM conflict")
    assert "digests" in {difference.check for difference in report.differences}
    net.close()


def test_many_differences_are_counted_and_the_first_listed(net):
    rows = [("x", "", f"n={n}", 1) for n in range(DIFFERENCES_MAX + 5)]
    unit = net.unit(NORTH)
    net[NORTH].store.write(
        lambda tx: tx.exec_driver_sql(
            sql(tx, "INSERT INTO total VALUES (?,?,?,?,?)"), [(unit, *row) for row in rows]
        )
    )
    report = verify(net[NORTH])
    assert report.different == DIFFERENCES_MAX + 5
    assert len(report.differences) == DIFFERENCES_MAX


def test_no_personal_value_is_in_a_report(net):
    report = tampered(net, A, "UPDATE r_resident SET f_sex='female', f_id_number='secret'")
    assert not report.sound
    assert "secret" not in repr(report)
