"""The PostgreSQL that the tests are given keeps what tests/support/postgres.py promises."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.support.postgres import Server


def names(server: Server) -> set[str]:
    """Return the databases of a server."""
    engine = sa.create_engine(server.url())
    with engine.connect() as connection:
        found = set(connection.scalars(sa.text("SELECT datname FROM pg_database")))
    engine.dispose()
    return found


def test_a_fresh_database_is_empty_and_stores_chinese(fresh_postgres_url: str) -> None:
    engine = sa.create_engine(fresh_postgres_url)
    with engine.begin() as connection:
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        assert connection.scalar(sa.text(tables)) == 0
        connection.execute(sa.text("CREATE TABLE unit (name text)"))
        connection.execute(sa.text("INSERT INTO unit VALUES ('紫阳街道')"))
        assert connection.scalar(sa.text("SELECT name FROM unit")) == "紫阳街道"
    engine.dispose()


def test_a_fresh_database_is_gone_afterwards_even_with_a_connection_open(postgres: Server) -> None:
    before = names(postgres)
    with postgres.fresh_database() as url:
        engine = sa.create_engine(url)
        connection = engine.connect()
        assert len(names(postgres) - before) == 1
    assert names(postgres) == before
    connection.invalidate()
    engine.dispose()


def test_two_fresh_databases_do_not_see_each_other(postgres: Server) -> None:
    with postgres.fresh_database() as one, postgres.fresh_database() as two:
        assert one != two


@pytest.mark.parametrize("text", ["Zebra < apple", "Z < 一"])
def test_text_sorts_by_bytes_as_it_does_in_sqlite(fresh_postgres_url: str, text: str) -> None:
    smaller, larger = text.split(" < ")
    engine = sa.create_engine(fresh_postgres_url)
    with engine.connect() as connection:
        query = sa.text("SELECT CAST(:a AS text) < CAST(:b AS text)")
        assert connection.scalar(query, {"a": smaller, "b": larger})
    engine.dispose()
