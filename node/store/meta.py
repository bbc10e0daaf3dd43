"""Meta: facts about a store: its tree, its catalogue, its indexes."""

from __future__ import annotations

from sqlalchemy import Connection, select

from sync.store.sql import sql
from sync.store.tables import meta

UNIT = "unit"
LEVEL = "level"
INCARNATION = "incarnation"
TREE = "tree"  # the CSV of the first tree
TREE_FROM = "tree_from"  # the day from which it is valid, ISO
CATALOGUE = "catalogue"  # version of the catalogue for which tables were last built
BOOTSTRAP = "bootstrap"  # "1": the registers' secondary indexes are still to be built
FIELDS = "fields"  # JSON: register -> the fields of its digests
UNJUDGED = "postings_unjudged"  # "1": an older program counted every posting
COUNTED_TO = "counted_to"  # ISO: the last day whose coming the own cells have followed


def get(tx: Connection, key: str) -> str | None:
    """Return a fact; None when it was never recorded."""
    return tx.execute(select(meta.c.value).where(meta.c.key == key)).scalar_one_or_none()


def put(tx: Connection, key: str, value: str) -> None:
    """Record a fact; replace the former value."""
    tx.exec_driver_sql(
        sql(
            tx,
            "INSERT INTO meta (key, value) VALUES (?,?) "
            "ON CONFLICT (key) DO UPDATE SET value=excluded.value",
        ),
        (key, value),
    )
