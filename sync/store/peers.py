"""Peers: what this store knows of each neighbour, one row each. The caller owns the transaction.

How far a neighbour's log was received, by lane, is in the table `cursor`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypedDict, Unpack

from sqlalchemy import Connection

from sync.store.sql import execute


@dataclass(frozen=True, slots=True)
class Peer:
    """A row of the table `peer`. An empty text and 0 mean: nothing was recorded."""

    token_received: str = ""  # the parent's token, sent in the next handshake; hexadecimal
    token_issued: str = ""  # the tokens issued to the child (`sync.recovery.clones`)
    rebased_at: int = 0  # our log position at the first contact of its present incarnation
    republished_to: int = 0  # our incarnation in which the entries it lacked were re-published
    snapshot_due: int = 0  # 1: our log lacks entries for this child
    snapshot_in: str = ""  # progress of the snapshot from it (`sync.snapshot.progress`)
    snapshot_out: str = ""  # progress of our upload to it (`sync.snapshot.upload`)
    cloned: int = 0  # 1: two stores were seen under its name
    clone_decisions: str = ""  # what people decided about its clones, as JSON
    refusal: str = ""  # code of the signature error in its newest batch; empty: in order
    # Its public key, or how it begins (`silian init`); hexadecimal. Of this office's own unit: the
    # keys of stores that were lost, which a person has accepted, with commas between them.
    key_pinned: str = ""
    key_refused: str = ""  # the newest key under which it came and was refused; hexadecimal
    contradiction: int = 0  # its incarnation that has signed two things of which one is false

    @property
    def former_keys(self) -> list[str]:
        """The keys of this office's lost stores that a person has accepted; hexadecimal."""
        return [key for key in self.key_pinned.split(",") if key]


class Changes(TypedDict, total=False):
    """Columns of `Peer` to be replaced; the others keep their values."""

    token_received: str
    token_issued: str
    rebased_at: int
    republished_to: int
    snapshot_due: int
    snapshot_in: str
    snapshot_out: str
    cloned: int
    clone_decisions: str
    refusal: str
    key_pinned: str
    key_refused: str
    contradiction: int


_COLUMNS = ", ".join(field.name for field in fields(Peer))


def load(tx: Connection, unit: int) -> Peer:
    """Return what is known of a neighbour."""
    row = execute(tx, f"SELECT {_COLUMNS} FROM peer WHERE unit=?", (unit,)).fetchone()
    return Peer() if row is None else Peer(*row)


def load_all(tx: Connection) -> dict[int, Peer]:
    """Return what is known of every neighbour, by unit."""
    rows = execute(tx, f"SELECT unit, {_COLUMNS} FROM peer ORDER BY unit", ()).fetchall()
    return {int(row[0]): Peer(*row[1:]) for row in rows}


def update(tx: Connection, unit: int, **changes: Unpack[Changes]) -> None:
    """Replace these columns of a neighbour's row; add the row when there is none."""
    names = list(changes)
    marks = ",".join("?" * (len(names) + 1))
    replaced = ", ".join(f"{name}=excluded.{name}" for name in names)
    execute(
        tx,
        f"INSERT INTO peer (unit, {', '.join(names)}) VALUES ({marks}) "
        f"ON CONFLICT (unit) DO UPDATE SET {replaced}",
        (unit, *changes.values()),
    )


def forget_issued_tokens(tx: Connection) -> None:
    """Forget the tokens of the children: they were issued under an incarnation that ended."""
    execute(tx, "UPDATE peer SET token_issued=''", ())


def forget_received_tokens(tx: Connection) -> None:
    """Forget the token of the parent: this store is no longer the one that received it."""
    execute(tx, "UPDATE peer SET token_received=''", ())


def fits_pin(pinned: str, public_key: bytes) -> bool:
    """Return whether a neighbour may come under a key. Before one is pinned, any key fits."""
    return bool(public_key) and public_key.hex().startswith(pinned)
