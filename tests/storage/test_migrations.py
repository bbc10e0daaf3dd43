"""Migrations: all of them together give the tables that the code declares, on both stores."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, String

import node.store.tables  # noqa: F401  # fills the metadata
from node.store import migrate
from node.store.engine import open_store, sqlite_url
from sync.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL | str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "office.db")
    return str(request.getfixturevalue("fresh_postgres_url"))


def _differs(context, _column, _declared, found, declared) -> bool | None:
    """SQLite enforces no length, so that 0008 widens `conflict.state` on PostgreSQL only."""
    texts = isinstance(found, String) and isinstance(declared, String)
    return False if texts and context.dialect.name == "sqlite" else None


def test_every_migration_together_makes_the_tables_that_the_code_declares(url):
    store = open_store(url, create=True)
    try:
        migrate.upgrade(store)
        with store.read() as tx:
            options = {"compare_type": _differs}
            found = compare_metadata(MigrationContext.configure(tx, opts=options), metadata)
        assert found == []
        migrate.check(store)
        migrate.upgrade(store)  # at head already: nothing happens
    finally:
        store.close()


def test_a_store_written_by_a_newer_program_is_refused(tmp_path):
    store = open_store(sqlite_url(tmp_path / "office.db"), create=True)
    try:
        migrate.upgrade(store)
        store.write(lambda tx: tx.exec_driver_sql("UPDATE alembic_version SET version_num='9999'"))
        with pytest.raises(migrate.NewerSchema):
            migrate.check(store)
        with pytest.raises(migrate.NewerSchema):
            migrate.upgrade_with_backup(store, tmp_path)
    finally:
        store.close()
    assert not list(tmp_path.glob("office.before-*"))
