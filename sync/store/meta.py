"""Facts about a store as a whole, by name. Facts about a neighbour: `sync.store.peers`.

A fact is stored as text; its key says how. The node's own keys: `node.store.meta`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection

from sync.store.sql import execute

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """A fact's name, how it is read from text, and what it is while nothing was recorded."""

    name: str
    read: Callable[[str], T]
    default: T
    write: Callable[[T], str] = str


def text(name: str) -> Key[str]:
    return Key(name, str, "")


def number(name: str, default: int = 0) -> Key[int]:
    return Key(name, int, default)


INCARNATION = number("incarnation")
CONTINUES = number("numbering_from")  # the incarnation whose log numbers this one goes on with
# A child has proved that this store lost entries of its own.
RESTORED = Key("recovery_due", bool, False, lambda due: "1" if due else "")
FENCED = text("fenced")  # the parent accepts another store under our name: why, in its text
# Level, lane, and up to where our log is durable there, by the receipts that it signed.
RECEIPTS_TO: Key[list[tuple[int, int, int]]] = Key("receipts_to", json.loads, [], json.dumps)
# When retention ran last, and since when it has run without a gap.
RETENTION: Key[tuple[int, int]] = Key("retention", json.loads, (0, 0), json.dumps)


def quarantined_copy(quarantine_id: bytes) -> Key[str]:
    """Return the key of packed records that are quarantined; there is no entry of them."""
    return text(f"quarantined_copy:{quarantine_id.hex()}")


def get(tx: Connection, key: Key[T]) -> T:
    """Return a fact."""
    row = execute(tx, "SELECT value FROM meta WHERE key=?", (key.name,)).fetchone()
    return key.default if row is None else key.read(row[0])


def put(tx: Connection, key: Key[T], value: T) -> None:
    """Record a fact; replace the former value."""
    execute(
        tx,
        "INSERT INTO meta (key, value) VALUES (?,?) "
        "ON CONFLICT (key) DO UPDATE SET value=excluded.value",
        (key.name, key.write(value)),
    )


def drop(tx: Connection, key: Key[T]) -> None:
    """Delete a fact."""
    execute(tx, "DELETE FROM meta WHERE key=?", (key.name,))
