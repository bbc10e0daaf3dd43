"""Erasure: what retention removes is gone from the files, and the log is proven without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.china import DAY_MS
from node.services.health.verify import verify
from node.services.records import edits
from node.services.upkeep.retention import retire
from sync.log import signatures
from sync.store.sql import execute
from tests.support.network import NORTH, A, Network
from tests.unit.node.test_log_retention import all_durable, days_pass
from tests.unit.node.test_service_conflicts import HALL
from tests.unit.node.test_service_records import RESIDENT

DAYS, LEASE_DAYS = 40, 30
MANY = 60  # so that pages become free
CANARIES = ("司空鹦鹉", "13977770001", "鹦鹉路")
GONE = {**RESIDENT, "name": CANARIES[0], "phone": CANARIES[1]}


@pytest.fixture
def net(tmp_path: Path):
    made = Network(tmp_path / "net", (NORTH, A), templates=tmp_path / "made")
    settings = {"tombstone_days": DAYS, "log_days": DAYS, "lease_days": LEASE_DAYS}
    for office in made.offices.values():
        office.config = office.config.model_copy(update=settings)
    yield made
    made.close()


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def found(content: bytes) -> list[str]:
    return [each for each in CANARIES if each.encode() in content]


def ended_and_retired(net: Network) -> None:
    """Enter and end a resident and premises, with others around them; let their days pass."""
    resident = edits.create(net[A], "resident", GONE)
    premises = [
        edits.create(net[A], "premises", {**HALL, "name": f"{n}号楼", "address": CANARIES[2] * 30})
        for n in range(MANY)
    ]
    hall = edits.create(net[A], "premises", {**HALL, "address": CANARIES[2]})
    net.up(A)
    assert found(bytes_of(net[A].folder)) == list(CANARIES)
    assert found(bytes_of(net[NORTH].folder)) == [CANARIES[2]]  # persons stay below
    edits.end(net[A], "resident", resident.id)
    for each in (hall, *premises):
        edits.end(net[A], "premises", each.id)
    edits.create(net[A], "premises", {**HALL, "name": "新楼"})
    net.up(A)
    for code in (A, NORTH):
        all_durable(net, code)
        days_pass(net, code, 1)
    net.forward((DAYS + 1) * DAY_MS)
    for code in (A, NORTH):
        all_durable(net, code)
        days_pass(net, code, LEASE_DAYS)
    edits.create(net[A], "premises", {**HALL, "name": "又一楼"})  # the newest of its stream
    net.up(A)
    for code in (A, NORTH):
        all_durable(net, code)
        net.forward((DAYS + 1) * DAY_MS)
        retire(net[code], net.ms)


def test_what_was_erased_is_in_no_byte_of_the_offices_files(net: Network) -> None:
    folders = {code: net[code].folder for code in (A, NORTH)}
    ended_and_retired(net)
    for code in (A, NORTH):
        net[code].close()
        assert found(bytes_of(folders[code])) == [], code
    net.offices.clear()


def test_after_erasure_the_log_is_still_chained_and_signed(net: Network) -> None:
    ended_and_retired(net)
    for code in (A, NORTH):
        assert verify(net[code]).sound, code
        with net[code].store.read() as tx:
            truncated = execute(tx, "SELECT count(*) FROM stream_base").fetchone()[0]
            left = execute(tx, "SELECT count(*) FROM entry WHERE lane=2").fetchone()[0]
            assert signatures.unsigned_streams(tx, net[code].identity.unit) == 0
        assert left < 6, (code, truncated)
    # The chain goes on: the next entry is bound to one that is gone, and the parent accepts it.
    made = edits.create(net[A], "premises", {**HALL, "name": "第三楼"})
    net.up(A)
    there = edits.get(net[NORTH], "premises", made.unit, made.id)
    assert there.values["name"] == "第三楼"
    assert all(verify(net[code]).sound for code in (A, NORTH))
