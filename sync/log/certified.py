"""Certified keys: whose signing key is which, by certificates that this office has verified.

An office that is enrolled keeps the chain of each key that it has accepted, its own among them. It
keeps the first key of an incarnation only if a chain names it for that unit; whoever relays entries
shows the chains on. An office without a certificate has no such chain, and trusts the first key.

A certificate that has ended still proves whose key signed earlier: entries may travel for months. A
revoked one proves nothing to who does not know its key yet. Entries under a revoked key count where
the parent of their office had accepted them before it knew: from then on it accepts no call of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from sqlalchemy import Connection

from sync.model.change import Signature
from sync.store.sql import execute, pieces

Chain = tuple[bytes, ...]  # DER, the office's certificate first
# Raises: SilianError, if a chain does not certify this key of this unit.
Certifier = Callable[[int, bytes, Sequence[bytes]], None]
Shown = tuple[int, bytes, Chain]  # unit, its key, what certifies it
WANTED_MAX = 100  # units whose chains are asked for at once


def keep(tx: Connection, unit: int, public_key: bytes, chain: Sequence[bytes]) -> None:
    """Keep a verified chain; a later one for the same key takes its place."""
    office, authority = (*chain, b"")[:2]
    execute(
        tx,
        "INSERT INTO certified_key (unit, public_key, certificate, authority) VALUES (?,?,?,?) "
        "ON CONFLICT (unit, public_key) DO UPDATE SET certificate=excluded.certificate, "
        "authority=excluded.authority",
        (unit, public_key, office, authority),
    )


def chain_of(tx: Connection, unit: int, public_key: bytes) -> Chain:
    """Return the chain of a unit's key; empty: none is here."""
    row = execute(
        tx,
        "SELECT certificate, authority FROM certified_key WHERE unit=? AND public_key=?",
        (unit, public_key),
    ).fetchone()
    return tuple(bytes(each) for each in row if each) if row is not None else ()


def chains(tx: Connection, incarnations: Collection[int]) -> dict[int, Chain]:
    """Return the chains of the keys of these incarnations, of those that have one here."""
    found: dict[int, Chain] = {}
    for part in pieces(sorted(incarnations)):
        marks = ",".join("?" * len(part))
        rows = execute(
            tx,
            "SELECT i.id, c.certificate, c.authority FROM certified_key c JOIN incarnation i "
            f"ON i.unit=c.unit AND i.public_key=c.public_key WHERE i.id IN ({marks})",
            tuple(part),
        )
        found |= {int(i): tuple(bytes(each) for each in chain if each) for i, *chain in rows}
    return found


def is_missing(tx: Connection, unit: int, public_key: bytes) -> bool:
    """Return whether this office is enrolled and has no chain of a unit's key."""
    if chain_of(tx, unit, public_key):
        return False
    return execute(tx, "SELECT 1 FROM certified_key LIMIT 1").fetchone() is not None


def wanted(tx: Connection, units: Callable[[int], bool]) -> list[tuple[int, bytes]]:
    """Return keys that were accepted before this office was enrolled: unit and key.

    `units`: of which they may be asked for.
    """
    rows = execute(
        tx,
        "SELECT DISTINCT i.unit, i.public_key FROM incarnation i LEFT JOIN certified_key c "
        "ON c.unit=i.unit AND c.public_key=i.public_key "
        "WHERE i.retired=0 AND length(i.public_key)>0 AND c.unit IS NULL "
        "AND EXISTS (SELECT 1 FROM certified_key) ORDER BY i.unit",
    ).fetchall()
    return [(int(unit), bytes(key)) for unit, key in rows if units(int(unit))][:WANTED_MAX]


def of_signatures(
    signatures: Iterable[Signature], unit_of: Callable[[int], int | None]
) -> Iterator[Shown]:
    """Yield unit, key and chain of signatures that bring one."""
    for each in signatures:
        unit = unit_of(each.incarnation)
        if each.certificates and unit is not None:
            yield unit, each.public_key, each.certificates
