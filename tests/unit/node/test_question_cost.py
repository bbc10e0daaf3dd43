"""A question costs what lies below the unit asked about, and nothing for its neighbours."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from node.config import OfficeConfig
from node.office import Office
from node.open import open_office
from node.peers.status import PeerStatus
from node.services.figures.rollup import answer
from node.services.health.status import status
from node.setup import init_office
from sync.log import entries as log
from sync.model.report import NodeStatus
from sync.model.schema import Lane
from sync.store.sql import execute, execute_many
from tests.unit.node.offices import CATALOGUE, DISTRICT, START_MS, Clock

SMALL, LARGE = 8, 200  # communities of each street that is not asked about
STREETS, COMMUNITIES = 3, 8
ASKED = "330102001000"


class Costs:
    """What SQLite did to read, in steps of its machine."""

    def __init__(self) -> None:
        self.steps = 0

    def step(self) -> None:
        self.steps += 1


def tree(others: int) -> bytes:
    lines = ["code,name,level,parent_code", "330100000000,试市,city,",
             f"{DISTRICT},试区,district,330100000000"]  # fmt: skip
    for n in range(1, STREETS + 1):
        street = f"330102{n:03}000"
        lines.append(f"{street},街道{n},street,{DISTRICT}")
        lines += [
            f"330102{n:03}{m:03},社区{n}-{m},community,{street}"
            for m in range(1, (COMMUNITIES if n == 1 else others) + 1)
        ]
    return "\n".join(lines).encode()


@contextmanager
def district(folder: Path, others: int) -> Iterator[Office]:
    """A district that has received from every office of its streets, and has cells of each."""
    rng = random.Random(others)
    init_office(folder, OfficeConfig(unit=DISTRICT), CATALOGUE, rng=rng, tree_csv=tree(others))
    office = open_office(folder, wall_ms=Clock(), rng=rng, catalogue=CATALOGUE, synchronous="OFF")
    below = office.tree.subtree(office.identity.unit)[1:]
    office.store.write(lambda tx: _fill(tx, office, below))
    office.peer_status.receive_status(
        NodeStatus(unit=unit, at_ms=START_MS, incarnation=unit, bulk_seq=1) for unit in below
    )
    office.peer_status.save()
    yield office
    office.close()


def _fill(tx, office, below):
    log.register_incarnations(tx, [(unit, unit, int(office.tree.level(unit))) for unit in below])
    execute_many(
        tx,
        "INSERT INTO stream (incarnation, audience, lane, seq, hash, hlc) VALUES (?,?,?,1,x'',?)",
        [(unit, "up:city", Lane.BULK.value, START_MS << 16) for unit in below],
    )
    execute_many(
        tx, "INSERT INTO r_cell (unit, id, created, f_measure, f_period, f_dims, f_amount) "
            "VALUES (?,?,x'00','households','','household_kind=resident',20)",
        [(unit, unit.to_bytes(16, "big")) for unit in below],
    )  # fmt: skip
    execute_many(
        tx, "INSERT INTO quarantine (id, arrival, incarnation, register, unit, record, reason, "
            "detail, state, at_ms, tries) VALUES (?,1,1,'cell',?,x'','malformed','','open',1,1)",
        [(unit.to_bytes(16, "big"), unit) for unit in below],
    )  # fmt: skip
    execute(tx, "ANALYZE")


@contextmanager
def counting(office: Office) -> Iterator[Costs]:
    costs = Costs()

    def listen(dbapi, _record):
        dbapi.set_progress_handler(costs.step, 1)

    engine = office.store._reader
    engine.dispose()
    event.listen(engine, "connect", listen)
    try:
        with office.store.read():
            pass  # the connection's own pragmas
        costs.steps = 0
        yield costs
    finally:
        event.remove(engine, "connect", listen)
        engine.dispose()


def steps(office: Office, ask) -> int:
    with counting(office) as costs:
        ask(office)
    return costs.steps


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A district of few offices and one of many; both ask about one street of eight."""
    base = tmp_path_factory.mktemp("cost")
    with district(base / "small", SMALL) as small, district(base / "large", LARGE) as large:
        yield small, large


@pytest.mark.parametrize("by", [None, "unit"])
def test_a_question_about_a_street_reads_no_more_where_others_have_many_communities(pair, by):
    def ask(office: Office) -> None:
        found = answer(office, "K5", unit=office.tree.find(ASKED).unit_id, by=by)
        assert found.completeness.counts.received == COMMUNITIES

    small, large = (steps(office, ask) for office in pair)
    assert small > 100  # it is counted
    assert large <= small * 1.1


def test_a_question_looks_at_the_news_of_no_office_that_is_not_asked_about(pair, monkeypatch):
    _, large = pair
    looked: list[int] = []
    plain = PeerStatus._watermarks

    def watermarks(news, tx, units):
        found = plain(news, tx, units)
        looked.extend(found)
        return found

    monkeypatch.setattr(PeerStatus, "_watermarks", watermarks)
    street = large.tree.find(ASKED).unit_id
    answer(large, "K5", unit=street)
    assert set(looked) <= set(large.tree.subtree(street))
    looked.clear()
    status(large)
    assert looked == []
