"""Trouble of the store: full, locked, a failed sync, a commit that failed and may be there."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import apsw
import pytest
from sqlalchemy import event

from node.audiences import audiences_of
from node.ids import uuid7
from node.office import Office
from node.open import open_office
from node.services.health.verify import verify
from node.services.records import edits
from node.services.upkeep import quarantine
from node.store import engine, meta
from node.store.engine import CommitUnknown, NotAStore, StoreUnavailable, sqlite_driver
from sync.apply import applier
from sync.link.child import ChildEnd
from sync.link.messages import Apply
from sync.log import entries as log
from sync.model.change import Batch, Edit, Operation, RecordKey
from sync.model.schema import Lane
from sync.recovery import child as recovery_child
from sync.store.sql import execute
from tests.simulation.disk import Disk, Driver
from tests.unit.node.offices import CATALOGUE, COMMUNITY, STREET, Clock, exchange, new_office

KIND = next(iter(CATALOGUE.registers["service_outlet"].fields["kind"].choices))
HALL = {"name": "办公楼", "use": "办公", "area_m2": "660"}


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Office]:
    office = new_office(tmp_path / "street", STREET, Clock(), seed=2)
    yield office
    office.close()


@pytest.fixture
def community(tmp_path: Path) -> Iterator[Office]:
    office = new_office(tmp_path / "community", COMMUNITY, Clock())
    yield office
    office.close()


def names(office: Office) -> set[str]:
    with office.store.read() as tx:
        return {row[0] for row in execute(tx, "SELECT f_name FROM r_service_outlet")}


def create(office: Office, name: str) -> None:
    """Create a record that an office of any level may have."""
    unit, register = office.identity.unit, office.catalogue.registers["service_outlet"]
    edit = Edit(
        key=RecordKey(register.name, unit, uuid7(office.clock.now_ms(), office.rng)),
        operation=Operation.CREATE,
        values={"name": name, "kind": KIND},
        audiences=audiences_of(register, unit=unit, writer=unit, level=office.level),
    )
    office.commit(lambda _tx: [edit])


def batch_of(office: Office) -> Batch:
    with office.store.read() as tx:
        return log.read_up(tx, lane=Lane.BULK, incarnation=office.identity.incarnation, after=0)


def take(office: Office, batch: Batch, peer: int) -> int:
    return office.store.write(
        lambda tx: applier.apply_batch(office.replica, tx, batch, peer=peer, upward=True)
    ).position


@contextmanager
def on_connections(office: Office, *pragmas: str) -> Iterator[None]:
    """Have every connection that writes, also one opened later, work under these pragmas."""
    writer = office.store._writer

    def prepare(dbapi: Any, _record: Any) -> None:
        for pragma in pragmas:
            dbapi.execute(f"PRAGMA {pragma}")

    event.listen(writer, "connect", prepare)
    writer.dispose()
    try:
        yield
    finally:
        event.remove(writer, "connect", prepare)
        writer.dispose()


@contextmanager
def full(office: Office) -> Iterator[None]:
    """Let the database grow no further."""
    with office.store.read() as tx:
        pages = execute(tx, "PRAGMA page_count").fetchone()[0]
        free = execute(tx, "PRAGMA freelist_count").fetchone()[0]
    assert free == 0
    with on_connections(office, f"max_page_count={pages}"):
        yield


@contextmanager
def failing_commits(
    office: Office, *, there: bool, times: int = 1, why: str = "disk I/O error"
) -> Iterator[list[int]]:
    """Have commits fail: after they have taken effect (`there`), or before."""
    dialect = office.store._writer.dialect
    plain = dialect.do_commit
    failed = [0]

    def do_commit(connection: Any) -> None:
        if failed[0] >= times:
            plain(connection)
            return
        failed[0] += 1
        if there:
            plain(connection)
        raise sqlite_driver.OperationalError(why)

    with mock.patch.object(dialect, "do_commit", do_commit):
        yield failed


# -- a full disk ----------------------------------------------------------------------------------


def test_a_full_disk_refuses_new_edits_entirely_and_accepts_them_again_when_there_is_room(
    street: Office,
) -> None:
    create(street, "先")
    with full(street):
        for attempt in range(3):
            acked = filled(street, str(attempt))
            assert acked <= names(street)  # reading goes on
        assert not acked
    create(street, "后")
    assert {"先", "后"} <= names(street)
    assert verify(street).sound


def test_a_disk_that_is_full_at_the_commit_asks_for_room_and_not_for_other_programs(
    street: Office,
) -> None:
    full_ = "database or disk is full"
    with failing_commits(street, there=False, why=full_), pytest.raises(StoreUnavailable) as no:
        create(street, "满")
    assert "Free disk space" in no.value.remedy_en
    assert "other program" not in no.value.remedy_en
    assert "清理磁盘空间" in no.value.remedy_zh
    assert "满" not in names(street)


def filled(office: Office, prefix: str) -> set[str]:
    """Create records until the store refuses one; return the names of those that it took."""
    acked: set[str] = set()
    for n in range(2_000):
        name = f"{prefix}-{n}-" + "长" * 40
        try:
            create(office, name)
        except StoreUnavailable:
            return acked
        acked.add(name)
    raise AssertionError("the disk is never full")


def test_a_full_disk_quarantines_nothing_that_a_child_pushes(
    street: Office, community: Office
) -> None:
    create(community, "先")
    first = batch_of(community)
    child = community.identity.unit
    first_reply = take(street, first, child)
    for n in range(400):
        create(community, f"{n}-" + "长" * 40)
    rest = batch_of(community)
    with full(street):
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                take(street, rest, child)
        assert names(street) == {"先"}
        assert (
            take(street, first, child) == first_reply
        )  # what is held already is still acknowledged
    assert quarantine.page_of(street).lines == ()
    take(street, rest, child)
    assert len(names(street)) == 401
    assert quarantine.page_of(street).lines == ()
    assert verify(street).sound


def test_an_office_on_a_full_disk_can_be_closed_and_opened_again(tmp_path: Path) -> None:
    clock = Clock()
    office = new_office(tmp_path / "o", COMMUNITY, clock)
    create(office, "先")
    with (
        full(office),
        mock.patch.object(
            type(office.store), "_outside", side_effect=StoreUnavailable("s", "disk is full")
        ),
    ):
        office.close()
    again = open_office(tmp_path / "o", wall_ms=clock, rng=random.Random(1), catalogue=CATALOGUE)
    assert names(again) == {"先"}
    again.close()


# -- a locked store -------------------------------------------------------------------------------


def test_a_store_locked_by_another_program_is_reported_and_works_again_afterwards(
    street: Office, community: Office
) -> None:
    create(community, "楼")
    batch, child = batch_of(community), community.identity.unit
    with on_connections(street, "busy_timeout=20"):
        other = sqlite_driver.connect(street.folder / "office.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for work in (lambda: create(street, "x"), lambda: take(street, batch, child)):
            with pytest.raises(StoreUnavailable) as refused:
                work()
            assert refused.value.retryable
        assert names(street) == set()
        other.execute("ROLLBACK")
        other.close()
        take(street, batch, child)
    assert names(street) == {"楼"}
    assert quarantine.page_of(street).lines == ()


def test_a_damaged_page_is_reported_as_corruption_and_not_retryable(street: Office) -> None:
    error = sqlite_driver.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = 11
    with (
        mock.patch.object(street.store._writer.dialect, "do_execute", side_effect=error),
        pytest.raises(NotAStore) as refused,
    ):
        street.store.write(lambda tx: tx.exec_driver_sql("SELECT 1"))
    assert not refused.value.retryable


# -- a commit that fails --------------------------------------------------------------------------


def test_a_commit_that_failed_but_is_stored_counts_as_done_once(street: Office) -> None:
    woken: list[Any] = []
    street.on_wake(woken.append)
    with failing_commits(street, there=True) as failed:
        create(street, "楼")
    assert failed == [1]
    assert names(street) == {"楼"}
    assert len(woken) == 1
    assert woken[0].up
    create(street, "后")
    assert verify(street).sound


def test_a_commit_that_failed_and_is_not_stored_is_refused_and_may_be_repeated(
    street: Office,
) -> None:
    with failing_commits(street, there=False), pytest.raises(StoreUnavailable):
        create(street, "楼")
    assert names(street) == set()
    create(street, "楼")
    with street.store.read() as tx:
        rows = execute(
            tx, "SELECT seq FROM entry WHERE incarnation=?", (street.identity.incarnation,)
        )
        assert len(rows.fetchall()) == len(set(street_streams(street)))
    assert verify(street).sound


def street_streams(office: Office) -> list[str]:
    with office.store.read() as tx:
        rows = execute(tx, "SELECT audience, lane FROM stream WHERE incarnation=?",
                   (office.identity.incarnation,))  # fmt: skip
        return [f"{audience}/{lane}" for audience, lane in rows]


@pytest.mark.parametrize("there", [True, False])
def test_a_batch_whose_commit_failed_is_stored_once_whatever_the_outcome(
    street: Office, community: Office, *, there: bool
) -> None:
    for n in range(3):
        create(community, f"楼{n}")
    batch, child = batch_of(community), community.identity.unit
    with failing_commits(street, there=there):
        if there:
            assert take(street, batch, child) == batch.upto
        else:
            with pytest.raises(StoreUnavailable):
                take(street, batch, child)
    assert take(street, batch, child) == batch.upto  # the child says it again
    assert names(street) == {"楼0", "楼1", "楼2"}
    assert street.clock.last >= max(hlc for (hlc,) in hlcs(street))
    assert verify(street).sound


def hlcs(office: Office) -> list[tuple[int]]:
    with office.store.read() as tx:
        return [tuple(row) for row in execute(tx, "SELECT hlc FROM entry")]


def test_when_a_commit_cannot_be_verified_nothing_is_written_until_it_is(
    street: Office,
) -> None:
    with failing_commits(street, there=True):
        plain = type(street.store)._verify_commit
        looks: list[str] = []

        def look(store: Any) -> None:
            looks.append("look")
            if len(looks) == 1:
                raise wrapped()
            plain(store)

        with mock.patch.object(type(street.store), "_verify_commit", look):
            with pytest.raises(CommitUnknown) as unknown:
                create(street, "楼")
            assert unknown.value.retryable
            create(street, "后")
            assert looks == ["look", "look"]
    assert names(street) == {"楼", "后"}
    assert verify(street).sound


def wrapped() -> Exception:
    from sqlalchemy.exc import OperationalError

    return OperationalError("SELECT", None, sqlite_driver.OperationalError("disk I/O error"))


@pytest.mark.parametrize("there", [True, False])
def test_a_new_incarnation_is_the_same_in_memory_and_in_the_store(
    street: Office, *, there: bool
) -> None:
    before = street.identity.incarnation
    with failing_commits(street, there=there):
        if there:
            street.store.write(lambda tx: recovery_child.rotate_incarnation(tx, street))
        else:
            with pytest.raises(StoreUnavailable):
                street.store.write(lambda tx: recovery_child.rotate_incarnation(tx, street))
    with street.store.read() as tx:
        stored = meta.get(tx, meta.INCARNATION)
    assert street.identity.incarnation == street.replica.identity.incarnation == stored
    assert (stored != before) is there
    create(street, "楼")
    assert verify(street).sound


def test_a_pulled_batch_is_applied_once_although_the_commit_failed(
    street: Office, community: Office
) -> None:
    edits.create(community, "premises", HALL)
    exchange(community, street)
    record = next(iter(ids(community)))
    edits.change(street, "premises", community.identity.unit, record, {"address": "甲路"})
    with street.store.read() as tx:
        batch = log.read_down(
            tx, child=community.identity.unit, lane=Lane.BULK,
            incarnation=street.identity.incarnation, after=0,
        )  # fmt: skip
    assert batch.entries
    end = ChildEnd(community, street.identity.unit)
    with failing_commits(community, there=True):
        end.perform(Apply(batch))
    end.perform(Apply(batch))
    with community.store.read() as tx:
        rows = execute(tx, "SELECT f_address FROM r_premises WHERE id=?", (record,)).fetchall()
    assert [row[0] for row in rows] == ["甲路"]
    assert verify(community).sound


def ids(office: Office) -> set[bytes]:
    with office.store.read() as tx:
        return {bytes(row[0]) for row in execute(tx, "SELECT id FROM r_premises")}


# -- a sync that fails ----------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 3])
def test_an_edit_that_the_disk_did_not_sync_is_not_acknowledged_and_the_office_continues(
    tmp_path: Path, times: int
) -> None:
    """On a file system whose sync fails at a commit, `times` in a row."""
    disk = Disk()
    clock = Clock()
    new_office(tmp_path / "o", COMMUNITY, clock).close()
    disk.load(str(tmp_path / "o" / "office.db"), (tmp_path / "o" / "office.db").read_bytes())
    with mock.patch.object(engine, "sqlite_driver", Driver(disk)):
        office = open_office(
            tmp_path / "o", wall_ms=clock, rng=random.Random(1), catalogue=CATALOGUE
        )
        create(office, "先")
        failures = [0]

        def before(what: str, _path: str) -> None:
            if what == "sync" and failures[0] < times:
                failures[0] += 1
                raise apsw.IOError

        disk.before = before
        acked = set()
        for n in range(times + 2):
            try:
                create(office, f"楼{n}")
            except (StoreUnavailable, CommitUnknown):
                continue
            acked.add(f"楼{n}")
        assert failures == [times]
        assert names(office) >= {"先", *acked}
        assert f"楼{times + 1}" in acked
        assert verify(office).sound
        office.close()
