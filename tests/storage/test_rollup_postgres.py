"""Rollup, closings, status and verify on PostgreSQL: the same answers as on SQLite."""

from __future__ import annotations

import random

import pytest

from node.config import OfficeConfig
from node.ids import uuid7
from node.office import Office
from node.open import open_office
from node.services.figures.closings import close_period
from node.services.figures.rollup import answer
from node.services.health.status import status
from node.services.health.verify import verify
from node.setup import init_office
from sync.model.change import Edit, Operation, RecordKey
from tests.support.network import CATALOGUE, DAY_MS, START_MS, TREE, A


@pytest.fixture
def office(tmp_path, fresh_postgres_url):
    config = OfficeConfig(unit=A, store=fresh_postgres_url)
    rng = random.Random(1)
    folder = tmp_path / "office"
    init_office(folder, config, CATALOGUE, rng=rng, tree_csv=TREE.encode())
    wall = {"ms": START_MS}
    opened = open_office(folder, wall_ms=lambda: wall["ms"], rng=rng, catalogue=CATALOGUE)
    yield opened, wall
    opened.close()


def households(office: Office, count: int) -> list[Edit]:
    return [
        Edit(
            key=RecordKey("household", office.identity.unit, uuid7(START_MS, office.rng)),
            operation=Operation.CREATE,
            values={"hh_no": str(n), "kind": "resident"},
        )
        for n in range(count)
    ]


def test_an_office_on_postgresql_answers_closes_and_verifies(office):
    it, wall = office
    it.commit(lambda _tx: households(it, 30))
    wall["ms"] += 3 * DAY_MS
    close_period(it, "2026-05")
    it.commit(lambda _tx: households(it, 12))
    assert answer(it, "K2", by="household_kind").shown.numerator == 42
    past = answer(it, "K2", as_of=it.today().replace(month=5, day=31), history="as-was")
    assert (past.shown.numerator, past.closing) == (30, "2026-05")
    report = verify(it)
    assert report.sound, report.differences
    # One cell is private, and has no total; the closing and its mark have.
    assert report.compared["totals"] == report.compared["cells"] - 1 + 4
    it.store.write(lambda tx: tx.exec_driver_sql("UPDATE total SET amount = amount + 1"))
    assert not verify(it).sound
    assert status(it, tree=True).sums.offices == 1
