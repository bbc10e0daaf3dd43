"""What an error of the store means: trouble of the store itself, or a refusal of the data."""

from __future__ import annotations

from enum import Enum

from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError


class Trouble(Enum):
    """Why a store fails, whatever it was asked to keep."""

    PASSING = "passing"  # locked, full, a failed disk or line: the same may work later
    COLLISION = "collision"  # taken back by the server for another's sake: do the same again
    DAMAGE = "damage"  # waiting does not help


class OnceMore(Exception):
    """What a transaction was written on does not hold: roll it back and run its work again.

    Whoever raises it has noted what to do otherwise then.
    """


# SQLite's primary result codes
_PASSING = frozenset({5, 6, 7, 8, 9, 10, 13, 14, 15})
_DAMAGE = frozenset({11, 26})
# PostgreSQL's classes of SQLSTATE: line, resources, not now, operator, system
_PASSING_CLASSES = ("08", "53", "55", "57", "58")
_COLLISIONS = frozenset({"40001", "40P01"})
_DAMAGE_CLASS = "XX"
# A driver that gives no code says it in words.
_PASSING_SIGNS = (
    "locked", "busy", "disk is full", "no space", "disk i/o error", "unable to open",
    "out of memory", "readonly",
)  # fmt: skip
_DAMAGE_SIGNS = ("malformed", "not a database")


def trouble_of(error: DBAPIError | TimeoutError) -> Trouble | None:
    """Return what is wrong with the store; None when it refused what it was given."""
    if isinstance(error, TimeoutError):  # no connection was free
        return Trouble.PASSING
    if error.connection_invalidated:
        return Trouble.PASSING
    origin = error.orig
    number = getattr(origin, "sqlite_errorcode", None)
    if isinstance(number, int):
        primary = number & 0xFF  # the rest of it says where
        if primary in _DAMAGE:
            return Trouble.DAMAGE
        return Trouble.PASSING if primary in _PASSING else None
    state = getattr(origin, "sqlstate", "")
    if state is None and isinstance(error, OperationalError):
        return Trouble.PASSING  # the server did not answer
    if state:
        if state in _COLLISIONS:
            return Trouble.COLLISION
        if state.startswith(_DAMAGE_CLASS):
            return Trouble.DAMAGE
        return Trouble.PASSING if state.startswith(_PASSING_CLASSES) else None
    text = str(origin).lower()
    if any(sign in text for sign in _DAMAGE_SIGNS):
        return Trouble.DAMAGE
    return Trouble.PASSING if any(sign in text for sign in _PASSING_SIGNS) else None
