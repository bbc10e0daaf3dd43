"""Trouble of a store is told from a refusal of the data by the kind of the error, not by a list."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, TimeoutError

from sync.store.sql import Trouble, fault_of, trouble_of_state

OF_DATA = {1, 18, 19, 20, 21, 25}  # error, too big, constraint, mismatch, misuse, range
KNOWN_SQLITE = {
    3: Trouble.FORBIDDEN, 5: Trouble.TRANSIENT, 6: Trouble.TRANSIENT, 7: Trouble.TRANSIENT,
    8: Trouble.READ_ONLY, 10: Trouble.TRANSIENT, 11: Trouble.CORRUPT, 13: Trouble.FULL,
    14: Trouble.CLOSED, 26: Trouble.CORRUPT,
}  # fmt: skip
KNOWN_STATES = {
    "08006": Trouble.LOST, "25006": Trouble.READ_ONLY, "28000": Trouble.FORBIDDEN,
    "28P01": Trouble.FORBIDDEN, "3D000": Trouble.MISSING, "40001": Trouble.SERIALIZATION,
    "40P01": Trouble.SERIALIZATION, "42501": Trouble.FORBIDDEN, "53100": Trouble.FULL,
    "53300": Trouble.TRANSIENT, "55P03": Trouble.TRANSIENT, "57P01": Trouble.TRANSIENT,
    "57P03": Trouble.TRANSIENT, "58030": Trouble.TRANSIENT, "XX001": Trouble.CORRUPT,
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
    state: str, trouble: Trouble | None
) -> None:
    assert trouble_of_state(state) is trouble
    wrapped = DBAPIError("S", None, psycopg.errors.lookup(state)("x"))
    assert fault_of(wrapped) is trouble


def test_a_server_that_says_nothing_at_all_is_lost() -> None:
    for kind in (psycopg.OperationalError, psycopg.InterfaceError):
        wrapped = DBAPIError.instance("S", None, kind("closed"), psycopg.Error)
        assert fault_of(wrapped) is Trouble.LOST  # type: ignore[arg-type]
    assert fault_of(TimeoutError()) is Trouble.TRANSIENT


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        ("database is locked", Trouble.TRANSIENT),
        ("database or disk is full", Trouble.FULL),
        ("Could not decode to UTF-8 column 'f_name' with text '...'", Trouble.CORRUPT),
        ("database disk image is malformed", Trouble.CORRUPT),
        ("NOT NULL constraint failed", None),
    ],
)
def test_a_driver_without_codes_is_understood_by_its_words(
    stated: str, trouble: Trouble | None
) -> None:
    assert fault_of(DBAPIError("S", None, DriverError(stated))) is trouble
