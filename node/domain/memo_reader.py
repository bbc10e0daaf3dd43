"""A reader of the cells of a long sheet that caches (memoizes) the result of equal cells."""

from __future__ import annotations

from node.domain.refusal import Refused
from node.domain.register import Field
from node.domain.sheet_values import read_value
from sync.model.change import Value

REPEATING = frozenset({"bool", "choice", "set", "date"})
KNOWN_MAX = 20_000
"""Different texts remembered of one column; a date of birth has that many in fifty years."""


class MemoReader:
    """`read_value` for the rows of one sheet, as `check` takes it.

    Its cache has personal values: make one for each import, and drop it after the import.
    """

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Value | Refused]] = {}

    def __call__(self, field: Field, raw: object) -> Value:
        """Return the stored value of a cell. Raises: Refused."""
        # Text only: equal numbers of two types may be read differently, and are quick to read.
        if type(raw) is not str or field.type not in REPEATING:
            return read_value(field, raw)
        column = self.known.setdefault(field.name, {})
        if raw in column:
            found = column[raw]
        else:
            found = _outcome(field, raw)
            if len(column) < KNOWN_MAX:
                column[raw] = found
        if isinstance(found, Refused):
            raise found.with_traceback(None)  # raised repeatedly, it would keep every trace
        return found


def _outcome(field: Field, raw: str) -> Value | Refused:
    try:
        return read_value(field, raw)
    except Refused as refused:
        return refused
