"""The kind of an error says whether the store failed or refused the data; no list does."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, TimeoutError

from sync.store.sql import StoreFault, fault_of, trouble_of_state

OF_DATA = {1, 18, 19, 20, 21, 25}  # error, too big, constraint, mismatch, misuse, range
KNOWN_SQLITE = {
    3: StoreFault.FORBIDDEN, 5: StoreFault.TRANSIENT, 6: StoreFault.TRANSIENT,
    7: StoreFault.TRANSIENT,
    8: StoreFault.READ_ONLY, 10: StoreFault.TRANSIENT, 11: StoreFault.CORRUPT, 13: StoreFault.FULL,
    14: StoreFault.CLOSED, 26: StoreFault.CORRUPT,
}  # fmt: skip
KNOWN_STATES = {
    "08006": StoreFault.LOST, "25006": StoreFault.READ_ONLY, "28000": StoreFault.FORBIDDEN,
    "28P01": StoreFault.FORBIDDEN, "3D000": StoreFault.MISSING, "40001": StoreFault.SERIALIZATION,
    "40P01": StoreFault.SERIALIZATION, "42501": StoreFault.FORBIDDEN, "53100": StoreFault.FULL,
    "53300": StoreFault.TRANSIENT, "55P03": StoreFault.TRANSIENT, "57P01": StoreFault.TRANSIENT,
    "57P03": StoreFault.TRANSIENT, "58030": StoreFault.TRANSIENT, "XX001": StoreFault.CORRUPT,
    "22001": None, "22003": None, "23505": None, "42P01": None, "P0001": None, "54000": None,
}  # fmt: skip


class DriverError(Exception):
    """What every driver derives its errors from."""


def of_sqlite(number: int) -> DBAPIError:
    error: Any = DriverError("x")
    error.sqlite_errorcode = number
    return DBAPIError("S", None, error)


@given(st.integers(1, 28), st.integers(0, 40))
def test_all_that_sqlite_reports_is_trouble_but_for_what_is_about_the_data(
    primary: int, where: int
) -> None:
    found = fault_of(of_sqlite(primary | where << 8))
    assert (found is None) == (primary in OF_DATA)
    if primary in KNOWN_SQLITE:
        assert found is KNOWN_SQLITE[primary]


@pytest.mark.parametrize(("state", "trouble"), KNOWN_STATES.items())
def test_what_a_server_reports_is_classified_by_its_class(
    state: str, trouble: StoreFault | None
) -> None:
    assert trouble_of_state(state) is trouble
    wrapped = DBAPIError("S", None, psycopg.errors.lookup(state)("x"))
    assert fault_of(wrapped) is trouble


def test_a_server_that_says_nothing_at_all_is_lost() -> None:
    for kind in (psycopg.OperationalError, psycopg.InterfaceError):
        wrapped = DBAPIError.instance("S", None, kind("closed"), psycopg.Error)
        assert fault_of(wrapped) is StoreFault.LOST  # type: ignore[arg-type]
    assert fault_of(TimeoutError()) is StoreFault.TRANSIENT


@pytest.mark.parametrize(
    ("stated", "trouble"),
    [
        ("database is locked", StoreFault.TRANSIENT),
        ("database or disk is full", StoreFault.FULL),
        ("Could not decode to UTF-8 column 'f_name' with text '...'", StoreFault.CORRUPT),
        ("database disk image is malformed", StoreFault.CORRUPT),
        ("NOT NULL constraint failed", None),
    ],
)
def test_a_driver_without_codes_is_understood_by_its_words(
    stated: str, trouble: StoreFault | None
) -> None:
    assert fault_of(DBAPIError("S", None, DriverError(stated))) is trouble
