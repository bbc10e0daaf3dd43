"""A server that cuts a writer off: nothing is lost, nothing is there twice, nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import Connection, create_engine

from node.store.engine import CommitMark, CommitUnknown, Store, StoreUnavailable
from sync.apply import applier
from sync.store.sql import execute
from tests.storage.conftest import OpenSite
from tests.support.sites import GARDEN, STREET, Site, site_at

OpenPostgres = Callable[[int], Site]


@pytest.fixture
def open_postgres(postgres: Any, request: pytest.FixtureRequest) -> Iterator[OpenPostgres]:
    with ExitStack() as closing:

        def open_one(unit: int) -> Site:
            site = site_at(unit, closing.enter_context(postgres.fresh_database()))
            closing.callback(site.store.close)
            return marked(site)

        yield open_one


def marked(site: Site) -> Site:
    """Let the store see which transaction was the last, as an office does."""

    def mark(tx: Connection) -> CommitMark:
        row = execute(tx, "SELECT arrival, hlc FROM log_head WHERE id=1").fetchone()
        return CommitMark(row[0], row[1], "")

    site.store.marked(mark)
    return site


def backend_of(tx: Connection) -> int:
    return int(execute(tx, "SELECT pg_backend_pid()").fetchone()[0])


def terminate(store: Store, backend: int) -> None:
    """End a backend as an operator or a crash would, from a connection of one's own."""
    url = store._writer.url
    engine = create_engine(url)
    with engine.connect() as other:
        assert other.exec_driver_sql(f"SELECT pg_terminate_backend({backend}, 5000)").scalar_one()
    engine.dispose()


@contextmanager
def disconnect_at_commit(store: Store, *, before: bool) -> Iterator[None]:
    """Lose the server once, before it has committed or before it has said so."""
    dialect = store._writer.dialect
    plain = dialect.do_commit
    cut: list[bool] = []

    def do_commit(connection: Any) -> None:
        if cut:
            plain(connection)
            return
        cut.append(True)
        backend = connection.driver_connection.info.backend_pid
        if not before:
            plain(connection)
        terminate(store, backend)
        plain(connection)  # the line is dead: this raises
        connection.driver_connection.execute("SELECT 1")

    with mock.patch.object(dialect, "do_commit", do_commit):
        yield


def test_a_writer_that_is_disconnected_leaves_nothing_and_the_next_one_writes(
    open_postgres: OpenPostgres,
) -> None:
    site = open_postgres(GARDEN)

    def cut_off(tx: Connection) -> None:
        applier.apply_local(site.replica, tx, [site.create(1, name="甲")])
        terminate(site.store, backend_of(tx))
        execute(tx, "SELECT 1")

    with pytest.raises(StoreUnavailable):
        site.store.write(cut_off)
    assert site.value(1, "name") is None
    site.commit(site.create(2, name="乙"))
    assert site.value(2, "name") == "乙"
    assert site.digests() == site.recomputed_digests()


@pytest.mark.parametrize("before", [True, False])
def test_a_commit_whose_reply_is_lost_is_verified_and_not_repeated(
    open_postgres: OpenPostgres, *, before: bool
) -> None:
    site = open_postgres(GARDEN)
    site.commit(site.create(1, name="甲"))
    with disconnect_at_commit(site.store, before=before):
        if before:
            with pytest.raises(StoreUnavailable):
                site.commit(site.create(2, name="乙"))
        else:
            site.commit(site.create(2, name="乙"))
    assert site.value(2, "name") == (None if before else "乙")
    site.commit(site.create(3, name="丙"))
    own = site.dump("entry")["entry"]
    assert len(own) == (2 if before else 3)
    assert site.digests() == site.recomputed_digests()


@pytest.mark.parametrize("before", [True, False])
def test_a_push_whose_commit_is_disconnected_is_applied_once_when_it_is_retried(
    open_postgres: OpenPostgres, *, before: bool
) -> None:
    child, parent = open_postgres(GARDEN), open_postgres(STREET)
    for number in range(1, 4):
        child.commit(child.create(number, name="甲"))
    batch = child.batch_up()
    with disconnect_at_commit(parent.store, before=before):
        if before:
            with pytest.raises(StoreUnavailable):
                parent.take(batch, GARDEN)
        else:
            assert parent.take(batch, GARDEN).position == batch.upto
    again = parent.take(batch, GARDEN)
    assert (again.position, again.entries) == (batch.upto, 3 if before else 0)
    assert parent.records() == child.records()
    assert parent.digests() == parent.recomputed_digests()


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_transaction_that_the_server_aborts_for_serialization_is_retried_with_the_same_ids(
    open_postgres: OpenPostgres, state: str
) -> None:
    site = open_postgres(GARDEN)
    edit = site.create(1, name="甲")
    tries = []

    def work(tx: Connection) -> None:
        tries.append(state)
        applier.apply_local(site.replica, tx, [edit])
        if len(tries) < 3:
            execute(tx, f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$")

    site.store.write(work)
    assert len(tries) == 3
    assert site.value(1, "name") == "甲"
    assert site.digests() == site.recomputed_digests()


def test_a_store_that_aborts_every_transaction_is_unavailable_after_bounded_retries(
    open_postgres: OpenPostgres,
) -> None:
    site = open_postgres(GARDEN)
    tries = []

    def work(tx: Connection) -> None:
        tries.append(1)
        execute(tx, "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")

    with pytest.raises(StoreUnavailable):
        site.store.write(work)
    assert len(tries) == 4
    site.commit(site.create(1, name="甲"))


@pytest.mark.parametrize("state", ["53100", "57P01", "58030"])
def test_a_server_failure_quarantines_nothing_that_a_child_pushes(
    open_postgres: OpenPostgres, state: str
) -> None:
    """Disk full, shutdown, I/O error: said about a record's statement, and no fault of it."""
    child, parent = open_postgres(GARDEN), open_postgres(STREET)
    child.commit(child.create(1, name="甲"))
    batch = child.batch_up()
    fail = (
        "CREATE FUNCTION fail() RETURNS trigger AS $$ BEGIN "
        f"RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$ LANGUAGE plpgsql"
    )
    hook = "CREATE TRIGGER fails BEFORE INSERT ON r_person FOR EACH ROW EXECUTE FUNCTION fail()"
    parent.store.write(lambda tx: [execute(tx, fail), execute(tx, hook)])
    with pytest.raises(StoreUnavailable):
        parent.take(batch, GARDEN)
    assert parent.quarantined() == []
    parent.store.write(lambda tx: execute(tx, "DROP TRIGGER fails ON r_person"))
    parent.take(batch, GARDEN)
    assert parent.value(1, "name", GARDEN) == "甲"
    assert parent.quarantined() == []


def test_a_writer_waits_for_a_lock_no_longer_than_its_limit(open_postgres: OpenPostgres) -> None:
    site = open_postgres(GARDEN)
    with site.store._writer.connect() as tx:
        assert execute(tx, "SHOW lock_timeout").fetchone()[0] == "10s"


def test_a_failed_commit_without_a_log_position_is_reported_as_unknown(
    open_site: OpenSite,
) -> None:
    """Nothing in the store tells whether it is there: the caller must look, or say it again."""
    site = marked(open_site(GARDEN))
    site.commit(site.create(1, name="甲"))
    dialect = site.store._writer.dialect
    error = dialect.loaded_dbapi.OperationalError("disk I/O error")
    with mock.patch.object(dialect, "do_commit", side_effect=error), pytest.raises(CommitUnknown):
        site.store.write(lambda tx: execute(tx, "UPDATE stream SET seq = seq"))
    site.commit(site.create(2, name="乙"))
    assert site.value(2, "name") == "乙"
