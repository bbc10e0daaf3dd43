"""Checkpoints of audit logs that witnesses have accepted, in the store. The caller owns the
transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from sync.store.sql import execute
from sync.tlog.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Accepted:
    """The newest head of a log that a witness has accepted, with its cosignature.

    `refused`: why it has refused a later one since (`sync.tlog.witness.Verdict`); "": it has not.
    """

    unit: int
    witness: int
    size: int
    root: bytes
    at_ms: int
    note: str  # the line of the cosignature
    refused: str = ""
    refused_note: str = ""

    def checkpoint(self, origin: str) -> Checkpoint:
        return Checkpoint(origin, self.size, self.root)


_COLUMNS = "unit, witness, size, root, at_ms, note, refused, refused_note"
_SAVE = (
    f"INSERT INTO audit_checkpoint ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?) "  # noqa: S608
    "ON CONFLICT (unit, witness) DO UPDATE SET size=excluded.size, root=excluded.root, "
    "at_ms=excluded.at_ms, note=excluded.note, refused=excluded.refused, "
    "refused_note=excluded.refused_note"
)


def of_unit(tx: Connection, unit: int) -> list[Accepted]:
    """Return what each witness has accepted of an office's log."""
    return _where(tx, "unit=?", (unit,))


def of_witness(tx: Connection, witness: int) -> list[Accepted]:
    """Return what a witness has accepted of each log."""
    return _where(tx, "witness=?", (witness,))


def find(tx: Connection, unit: int, witness: int) -> Accepted | None:
    found = _where(tx, "unit=? AND witness=?", (unit, witness))
    return found[0] if found else None


def save(tx: Connection, row: Accepted) -> None:
    execute(
        tx, _SAVE,
        (row.unit, row.witness, row.size, row.root, row.at_ms, row.note, row.refused,
         row.refused_note),
    )  # fmt: skip


def drop(tx: Connection, unit: int, witness: int) -> None:
    execute(tx, "DELETE FROM audit_checkpoint WHERE unit=? AND witness=?", (unit, witness))


def _where(tx: Connection, condition: str, parameters: Sequence[int]) -> list[Accepted]:
    rows = execute(
        tx,
        f"SELECT {_COLUMNS} FROM audit_checkpoint WHERE {condition} ORDER BY unit, witness",  # noqa: S608
        tuple(parameters),
    )
    return [
        Accepted(int(r[0]), int(r[1]), int(r[2]), bytes(r[3]), int(r[4]), r[5], r[6], r[7])
        for r in rows
    ]
