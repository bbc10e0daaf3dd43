"""Quarantine: a bad change blocks what depends on it and nothing else; it is applied or closed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from node.config import OfficeConfig
from node.domain.catalogue import Catalogue
from node.office import Office
from node.open import open_office
from node.services.common.pages import BadToken
from node.services.common.reason import ReasonMissing
from node.services.health.verify import verify
from node.services.records import edits as registers
from node.services.upkeep import quarantine
from node.setup import init_office
from sync.apply import applier, retry
from sync.codec import entry as codec
from sync.log import entries as log
from sync.log.outcome import Received
from sync.model.change import Edit, Operation, RecordKey, Value
from sync.model.version import version_of
from sync.store.sql import execute
from tests.support.network import CATALOGUE, NORTH, START_MS, TREE, A, Network

KIND = next(iter(CATALOGUE.registers["service_outlet"].fields["kind"].choices))
PREMISES: dict[str, Value] = {"name": "办公楼", "use": "office", "area_m2": 100, "tenure": "owned"}


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("holes-templates")


@pytest.fixture
def net(tmp_path: Path, templates: Path) -> Iterator[Network]:
    network = Network(tmp_path, (A, NORTH), templates=templates)
    yield network
    network.close()


def areas(office: Office) -> dict[bytes, int]:
    with office.store.read() as tx:
        return {bytes(r[0]): r[1] for r in execute(tx, "SELECT id, f_area_m2 FROM r_premises")}


def refuse_updates(office: Office, on: bool) -> None:
    """Have the store refuse one value, as a constraint or a bug of this version would."""

    def write(tx: Connection) -> None:
        if on:
            execute(tx, "CREATE TRIGGER t BEFORE UPDATE ON r_premises WHEN new.f_area_m2=666 "
                    "BEGIN SELECT RAISE(ABORT, 'poison'); END")  # fmt: skip
            execute(tx, "CREATE TRIGGER u BEFORE INSERT ON r_premises WHEN new.f_area_m2=666 "
                    "BEGIN SELECT RAISE(ABORT, 'poison'); END")  # fmt: skip
        else:
            execute(tx, "DROP TRIGGER t")
            execute(tx, "DROP TRIGGER u")

    office.store.write(write)


def change(net: Network, record: bytes, area: int) -> None:
    net.write(A, net.edit(A, "premises", record, Operation.UPDATE, {"area_m2": area}))


def test_a_poisoned_record_blocks_its_own_later_changes_and_no_others(net: Network) -> None:
    refuse_updates(net[NORTH], on=True)
    good, bad = net.create_many(A, "premises", [PREMISES, {**PREMISES, "area_m2": 666}])
    change(net, bad, 7)
    change(net, good, 8)
    net.settle()
    assert areas(net[NORTH]) == {good: 8}
    quarantined = quarantine.page_of(net[NORTH]).lines
    assert [(h.reason, h.records) for h in quarantined] == [
        ("constraint_violation", (bad,)), ("blocked", (bad,)),
    ]  # fmt: skip
    assert all(h.writer == net.unit(A) and h.state == "open" for h in quarantined)


def test_a_quarantined_change_retried_after_its_cause_is_fixed_is_applied_with_those_blocked_by_it(
    net: Network,
) -> None:
    refuse_updates(net[NORTH], on=True)
    (bad,) = net.create_many(A, "premises", [{**PREMISES, "area_m2": 666}])
    change(net, bad, 7)
    net.settle()
    assert areas(net[NORTH]) == {}
    again = quarantine.retry_quarantined(net[NORTH])
    assert (again.tried, again.applied) == (2, 0)
    assert {h.tries for h in quarantine.page_of(net[NORTH]).lines} == {2}
    refuse_updates(net[NORTH], on=False)
    first = quarantine.page_of(net[NORTH]).lines[0]
    assert quarantine.retry_quarantined(net[NORTH], first.id) == quarantine.Retried(1, 2)
    assert areas(net[NORTH]) == {bad: 7}
    assert quarantine.page_of(net[NORTH]).lines == ()
    assert verify(net[NORTH]).sound


def reasons(office: Office, register: str) -> list[str]:
    return [h.reason for h in quarantine.page_of(office).lines if h.register == register]


def test_a_change_that_waits_for_a_record_is_applied_when_the_record_arrives(net: Network) -> None:
    record = net.create(A, "premises", **PREMISES)
    change(net, record, 5)
    change(net, record, 6)
    create, *updates = net.batches(A, bytes_max=1)
    office = net[NORTH]
    # A bug has let the changes in before their record: the stream is as whole as they say.
    entries = [codec.entry_from_wire(b.entries[0]) for b in (create, *updates)]
    office.store.write(lambda tx: log.save_heads(tx, [(entries[0], create.signatures[0])]))
    for batch in updates:
        net.deliver(A, replace(batch, after=0))
    assert reasons(office, "premises") == ["missing_record", "blocked"]
    first = entries[0]
    version = version_of(first.hlc, first.incarnation)

    def late(tx: Connection) -> Received:
        received = Received(registers={"premises"})
        for block in codec.unpack(first.payload):
            office.replica.merger.merge(tx, block, version, first.level)
        office.replica.merger.flush(tx)
        retry.retry_ready(office.replica, tx, received)
        return received

    office.store.write(late)
    assert areas(office) == {record: 6}
    assert reasons(office, "premises") == []


def test_a_closed_quarantined_change_keeps_who_closed_it_and_why(net: Network) -> None:
    refuse_updates(net[NORTH], on=True)
    net.create_many(A, "premises", [{**PREMISES, "area_m2": 666}])
    net.settle()
    (quarantined,) = quarantine.page_of(net[NORTH]).lines
    with pytest.raises(ReasonMissing):
        quarantine.close_quarantined(net[NORTH], quarantined.id, actor="li", reason=" ")
    quarantine.close_quarantined(net[NORTH], quarantined.id, actor="li", reason="重复录入")
    (closed,) = quarantine.page_of(net[NORTH], states=("closed",)).lines
    assert "li: 重复录入" in closed.note
    with pytest.raises(quarantine.NotOpen):
        quarantine.retry_quarantined(net[NORTH], quarantined.id)
    with pytest.raises(quarantine.UnknownQuarantined):
        quarantine.show_quarantined(net[NORTH], bytes(16))
    assert quarantine.show_quarantined(net[NORTH], quarantined.id).operation == "create"


def test_quarantined_changes_are_listed_page_by_page_although_many_came_in_one_entry(
    net: Network,
) -> None:
    refuse_updates(net[NORTH], on=True)
    net.create_many(A, "premises", [{**PREMISES, "area_m2": 666}] * 5)
    net.settle()
    found: list[bytes] = []
    token = ""
    while True:
        page = quarantine.page_of(net[NORTH], after=token, limit=2)
        assert page.total == 5
        found += [line.id for line in page.lines]
        token = page.next
        if not token:
            break
    assert found == [line.id for line in quarantine.page_of(net[NORTH]).lines]
    with pytest.raises(BadToken):
        quarantine.page_of(net[NORTH], after="zz")
    with pytest.raises(BadToken):
        quarantine.page_of(net[NORTH], after=f"{2**63:x}.00")


def older() -> Catalogue:
    """A catalogue that does not know outlets, nor remarks on premises."""
    registers = dict(CATALOGUE.registers)
    del registers["service_outlet"]
    premises = registers["premises"]
    fields = {name: f for name, f in premises.fields.items() if name != "remark"}
    registers["premises"] = replace(premises, fields=fields)
    return replace(CATALOGUE, registers=registers, version="older")


def test_changes_unknown_to_an_older_catalogue_are_applied_after_the_upgrade(
    net: Network, tmp_path: Path
) -> None:
    net[NORTH].close()
    shutil.rmtree(tmp_path / NORTH)
    init_office(
        tmp_path / NORTH, OfficeConfig(unit=NORTH), older(), rng=random.Random(2),
        tree_csv=TREE.encode(),
    )  # fmt: skip

    def street(catalogue: Catalogue) -> Office:
        return open_office(
            tmp_path / NORTH, wall_ms=lambda: net.ms, rng=random.Random(1), catalogue=catalogue
        )

    net.offices[NORTH] = street(older())
    outlet = net.create(A, "service_outlet", name="便民点", kind=KIND)
    noted = net.create(A, "premises", **PREMISES, remark="旧")
    plain = net.create(A, "premises", **PREMISES)
    net.write(A, net.edit(A, "premises", noted, Operation.UPDATE, {"remark": "新", "area_m2": 7}))
    net.write(A, net.edit(A, "premises", plain, Operation.UPDATE, {"remark": "后"}))
    net.settle()
    assert areas(net[NORTH]) == {noted: 7, plain: 100}
    assert {(h.reason, h.state) for h in quarantine.page_of(net[NORTH]).lines} == {
        ("unknown_register", "deferred"), ("unknown_field", "deferred"),
    }  # fmt: skip
    net[NORTH].close()
    net.offices[NORTH] = street(CATALOGUE)
    with net[NORTH].store.read() as tx:
        remarks = {bytes(r[0]): r[1] for r in execute(tx, "SELECT id, f_remark FROM r_premises")}
        outlets = [bytes(r[0]) for r in execute(tx, "SELECT id FROM r_service_outlet")]
    assert remarks == {noted: "新", plain: "后"}
    assert outlets == [outlet]
    assert quarantine.page_of(net[NORTH]).lines == ()
    assert verify(net[NORTH]).sound
    assert digests(net[NORTH]) == digests(net[A])


def digests(office: Office) -> set[tuple[object, ...]]:
    with office.store.read() as tx:
        rows = execute(tx, "SELECT register, unit, bucket, count, sum FROM digest WHERE count>0")
        return {tuple(row) for row in rows}


def test_a_change_without_permission_blocks_only_its_writer(net: Network) -> None:
    record = net.create(A, "premises", **PREMISES)
    net.settle()
    foreign = Edit(
        key=RecordKey("premises", net.unit(NORTH), record), operation=Operation.CREATE,
        values=PREMISES, audiences=("up:city",),
    )  # fmt: skip
    office = net[A]
    office.store.write(lambda tx: applier.apply_derived(office.replica, tx, [foreign]))
    change(net, record, 12)
    net.settle()
    assert [h.reason for h in quarantine.page_of(net[NORTH]).lines] == ["foreign_unit"]
    assert areas(net[NORTH])[record] == 12


def test_a_rolled_back_program_leaves_digests_that_the_next_upgrade_corrects(
    tmp_path: Path, templates: Path
) -> None:
    Network(tmp_path, (A,), templates=templates).close()
    register = CATALOGUE.registers["premises"]
    later_field = replace(register.fields["remark"], name="later", aliases=())
    later = replace(
        CATALOGUE,
        version="later",
        registers={
            **CATALOGUE.registers,
            "premises": replace(register, fields={**register.fields, "later": later_field}),
        },
    )
    for n, catalogue in enumerate((later, CATALOGUE, later)):
        office = open_office(
            tmp_path / A, wall_ms=lambda: START_MS, rng=random.Random(n), catalogue=catalogue,
            synchronous="OFF",
        )  # fmt: skip
        registers.create(
            office, "premises", {"name": str(n), "use": "office", "area_m2": 1, "tenure": "owned"}
        )
        assert verify(office).sound
        office.close()
