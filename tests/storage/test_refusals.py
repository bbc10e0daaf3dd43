"""What a store refuses is named without what it held: errors go into logs (INV-34)."""

from __future__ import annotations

import traceback

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sync.store.sql import execute, execute_many, fault_of
from tests.storage.conftest import OpenSite
from tests.support.sites import GARDEN, record_id

SECRET = "330102199001011234"
INSERT = "INSERT INTO r_person (unit, id, created, causal_length, f_name) VALUES (?,?,?,?,?)"
MISSING_COLUMN = (GARDEN, record_id(1), b"b" * 16, None, SECRET)
WELL = (GARDEN, record_id(2), b"b" * 16, 1, SECRET)


def once(tx: Connection) -> None:
    execute(tx, INSERT, MISSING_COLUMN)


def many(tx: Connection) -> None:
    execute_many(tx, INSERT, [WELL, MISSING_COLUMN])


@pytest.mark.parametrize("write", [once, many])
def test_no_value_of_a_refused_row_is_in_the_error(open_site: OpenSite, write) -> None:
    site = open_site(GARDEN)
    with pytest.raises(DBAPIError) as refused:
        site.store.write(write)
    trace = "".join(traceback.format_exception(refused.value))
    assert SECRET not in trace
    assert "r_person" in trace, "which table it was is said"
    assert fault_of(refused.value) is None
