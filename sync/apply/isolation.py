"""Isolation of folds: a record that a fold cannot read is left out and listed; the rest goes on.

The judge keeps senseless values out of the store; this is for what it let through: a value of an
older store, or one that no rule forbids and a fold still cannot process (INV-21).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sync.model.change import Edit, RecordKey
from sync.model.effect import Effect, Values
from sync.model.errors import SilianError
from sync.store import quarantine
from sync.store.sql import fault_of, savepoint

NOT_FOLDED = "not_folded"
# What reading a value can raise. A fault of the store or the machine is none of these.
_OF_VALUES = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


class FoldLike(Protocol):
    """The part of a fold (`sync.apply.replica.Fold`) that is used here."""

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]: ...


def is_of_values(error: Exception) -> bool:
    """Return whether a fold failed for the values that it was given, and not for the store."""
    if isinstance(error, DBAPIError):
        return fault_of(error) is None
    return isinstance(error, (*_OF_VALUES, SilianError))


def follow_each(
    tx: Connection, fold: FoldLike, effects: Sequence[Effect], *, now_ms: int
) -> list[Edit]:
    """Run a fold record by record. A version of a record that it cannot read counts as none.

    The caller has tried all of them at once.
    """
    edits: list[Edit] = []
    for effect, record, before, after in _changes(effects):
        found = _follow(tx, fold, effect, record, before, after)
        if found is None:
            # Perhaps one of the two versions can be read: then the other was never counted.
            found = _follow(tx, fold, effect, record, None, after)
            if found is None:
                _note(tx, fold, RecordKey(effect.register, effect.unit, record), now_ms)
                found = _follow(tx, fold, effect, record, before, None)
        edits += found or ()
    return edits


def _changes(
    effects: Sequence[Effect],
) -> Iterator[tuple[Effect, bytes, Values | None, Values | None]]:
    for effect in effects:
        for record, before, after in effect.changes():
            yield effect, record, before, after


def _follow(
    tx: Connection, fold: FoldLike, effect: Effect, record: bytes,
    before: Values | None, after: Values | None,
) -> list[Edit] | None:  # fmt: skip
    one = Effect(effect.register, effect.unit, [record], pairs=[(before, after)])
    try:
        with savepoint(tx):
            return list(fold.fold(tx, [one]))
    except Exception as error:
        if not is_of_values(error):
            raise
        return None


def _note(tx: Connection, fold: FoldLike, key: RecordKey, now_ms: int) -> None:
    quarantine.list_record(
        tx, key, NOT_FOLDED, reason=NOT_FOLDED, detail=type(fold).__name__, now_ms=now_ms
    )
