"""A transaction done once more leaves nothing of its first try, and nobody is notified twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection

from node.domain.assignment import EventKind
from node.domain.catalogue import Catalogue, load_catalogue
from node.office import Office
from node.services.money import postings as money
from node.services.money import receipts as answers
from node.services.records import edits as record_edits
from node.services.work import actions as assignments
from sync.log.outcome import Applied
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.change import Edit
from sync.store.sql import RetryTransaction
from tests.support import assignment_network, money_network, work_steps
from tests.support.assignment_network import CITY, COMMUNITIES, DISTRICT, STREET
from tests.support.money_network import held_fen
from tests.unit.node.offices import COMMUNITY, Clock, new_office

YEAR = 2026
RESIDENT = {"id_number": "110101199003072316", "name": "示例", "birth_date": "1990-03-07"}


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def orders(tmp_path: Path, catalogue: Catalogue) -> Iterator[assignment_network.Network]:
    needed = assignment_network.needed(catalogue)
    network = assignment_network.Network(
        assignment_network.build(tmp_path / "template", needed), tmp_path / "net", needed
    )
    yield network
    network.close()


@pytest.fixture
def funds(tmp_path: Path, catalogue: Catalogue) -> Iterator[money_network.MoneyNetwork]:
    needed = money_network.needed(catalogue)
    network = money_network.MoneyNetwork(
        money_network.build(tmp_path / "template", needed), tmp_path / "net", needed
    )
    yield network
    network.close()


class Twice:
    """Takes the place of an office's `Replica.write`: each first try is taken back when done."""

    def __init__(self, office: Office) -> None:
        self._write = office.replica.write
        self.tries = 0
        office.replica.write = self  # type: ignore[method-assign]

    def __call__(
        self, tx: Connection, edits: Sequence[Edit], *, derived: bool = False,
        by: Attribution = UNKNOWN,
    ) -> Applied:  # fmt: skip
        done = self._write(tx, edits, derived=derived, by=by)
        self.tries += 1
        if self.tries % 2:
            raise RetryTransaction
        return done


def test_a_record_created_on_retry_is_the_one_that_is_returned(tmp_path: Path) -> None:
    office = new_office(tmp_path / "c", COMMUNITY, Clock())
    tries = Twice(office)
    made = record_edits.create(office, "resident", RESIDENT)  # each try gives it another id
    assert tries.tries == 2
    assert [view.id for view in record_edits.list_records(office, "resident").records] == [made.id]
    office.close()


def test_an_order_issued_on_retry_names_the_hops_that_exist(
    orders: assignment_network.Network,
) -> None:
    tries = Twice(orders[CITY])
    done = assignments.issue(orders[CITY], assignment_network.to_communities(orders), actor="mayor")
    assert tries.tries == 2
    assert sorted(done.assignments) == sorted(row.id for row in orders.rows(CITY))
    orders.settle()
    for code in (DISTRICT, STREET, *COMMUNITIES):
        assert orders.row(code, at=code).id in {row.id for row in orders.rows(CITY)}


def test_a_step_taken_on_retry_is_taken_once(orders: assignment_network.Network) -> None:
    assignments.issue(orders[CITY], assignment_network.to_communities(orders), actor="mayor")
    orders.settle()
    first = COMMUNITIES[0]
    Twice(orders[first])
    number = orders.row(first, at=first).id
    assert work_steps.accept(orders[first], number, actor="clerk").state == "accepted"
    after = assignments.act(orders[first], number, EventKind.PROGRESS, actor="clerk", percent=30)
    assert after.percent == 30
    orders.settle()
    assignment_network.assert_agreed(orders)


def test_money_moved_on_retry_is_moved_once(funds: money_network.MoneyNetwork) -> None:
    city, district = funds[money_network.CITY], funds[money_network.DISTRICT]
    for office in (city, district):
        Twice(office)
    fund = {"fund": "F1", "year": YEAR, "actor": "clerk"}
    money.appropriate(city, amount_fen=900, **fund)
    sent = money.release(city, to=funds.unit(money_network.DISTRICT), amount_fen=600, **fund)
    funds.settle()
    received = answers.receive_all(district, actor="cashier")
    assert [line.posting.transfer for line in received] == [sent.posting.transfer]
    funds.settle()
    assert held_fen(city, "F1", YEAR) == 300
    assert held_fen(district, "F1", YEAR) == 600
    money_network.assert_kept(funds)
