"""Shown entries: signed entries by which a neighbour proves a copy where our log lacks them.

They are no part of the log: nothing is applied, numbered or relayed by them. History reads them as
it reads the log, and they are shown on to the next office.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection

from sync.codec import entry as codec
from sync.codec.signing import STREAM, is_signed
from sync.log import entries as log
from sync.log.signatures import BadSignature, KeyChanged, key_known
from sync.model.change import Entry, Signature
from sync.model.errors import Malformed
from sync.model.limits import BATCH_BYTES_MAX, LISTED_MAX
from sync.model.schema import Lane
from sync.model.stream import StreamForked, StreamKey, key_of
from sync.model.version import Version, hlc_of
from sync.store.sql import execute, execute_many, pieces

CHAIN_MAX = 200  # entries up to the next signed one
_KEPT = (
    "INSERT INTO shown_entry (incarnation, audience, lane, seq, hlc, wire, signature) "
    "VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
)
_COLUMNS = "incarnation, audience, lane, seq, wire, signature"


@dataclass(frozen=True, slots=True)
class SignedEntries:
    """Entries of one stream that follow one another; the last one is signed by their office."""

    wires: tuple[bytes, ...]
    signature: Signature


# -- showing ------------------------------------------------------------------------------------


def proofs_of(
    tx: Connection, versions: Collection[Version], goes: Callable[[Entry], bool]
) -> list[SignedEntries]:
    """Return the signed entries of these versions, as far as they are here and fit a message.

    `goes`: whether an entry may go to who asks.
    """
    found: list[SignedEntries] = []
    covered: set[tuple[StreamKey, int]] = set()
    room = BATCH_BYTES_MAX
    for row, entry in _rows_of(tx, versions):
        key, seq = StreamKey(row[0], row[1], Lane(row[2])), int(row[3])
        if not goes(entry) or (key, seq) in covered:
            continue
        chain = _chain(tx, key, seq, row)
        size = sum(len(one[4]) for one in chain)
        if not chain or size > room:
            continue
        room -= size
        covered.update((key, seq + n) for n in range(len(chain)))
        signature = Signature(
            *key, int(chain[-1][3]), bytes(chain[-1][5]), key_known(tx, key.incarnation)
        )
        found.append(SignedEntries(tuple(bytes(one[4]) for one in chain), signature))
    return found


def _rows_of(tx: Connection, versions: Collection[Version]) -> Iterator[tuple[Any, Entry]]:
    """Yield the rows of these versions with their entries, each stream in order."""
    wanted = set(versions)
    rows: list[Any] = []
    for part in pieces(sorted({hlc for v in wanted if (hlc := hlc_of(v)) < 1 << 63})):
        marks = ",".join("?" * len(part))
        rows += execute(
            tx,
            f"SELECT {_COLUMNS} FROM entry WHERE hlc IN ({marks}) "
            f"UNION ALL SELECT {_COLUMNS} FROM shown_entry WHERE hlc IN ({marks})",
            (*part, *part),
        ).fetchall()
    for row in sorted(rows, key=lambda row: tuple(row[:4])):
        entry = codec.entry_from_wire(bytes(row[4]))
        if entry.version in wanted:
            yield row, entry


def _chain(tx: Connection, key: StreamKey, seq: int, first: Any) -> list[Any]:
    """Return the rows from an entry to the next signed one; none if the log lacks one of them."""
    chain = [first]
    while not chain[-1][5]:
        where = (key.incarnation, key.audience, key.lane.value, seq + len(chain))
        following = "WHERE incarnation=? AND audience=? AND lane=? AND seq=?"
        row = execute(
            tx,
            f"SELECT {_COLUMNS} FROM entry {following} "
            f"UNION ALL SELECT {_COLUMNS} FROM shown_entry {following} LIMIT 1",
            (*where, *where),
        ).fetchone()
        if row is None or len(chain) >= CHAIN_MAX:
            return []
        chain.append(row)
    return chain


# -- taking -------------------------------------------------------------------------------------


def take(
    tx: Connection,
    shown: Iterable[SignedEntries],
    wanted: Collection[Version],
    is_key: Callable[[int, bytes], bool],
) -> None:
    """Keep those of the shown entries that belong to wanted versions and that our log lacks.

    `is_key`: whether a unit's entries may be signed with a key; asked besides what is known of
    their incarnation. Of an office that is not known here nothing is kept: nobody can say who
    signed.
    Raises: Malformed, StreamForked, KeyChanged, BadSignature.
    """
    for one in shown:
        entries = [codec.entry_from_wire(wire) for wire in one.wires]
        _check_chain(entries, one.signature)
        if all(entry.version not in wanted for entry in entries):
            continue
        last, public_key = entries[-1], key_known(tx, entries[-1].incarnation)
        writer = log.writers_of(tx, {last.incarnation}).get(last.incarnation)
        if not public_key or writer != (last.unit, last.level):
            continue
        if not is_key(last.unit, public_key):
            continue
        key = key_of(last)
        if one.signature.public_key != public_key:
            raise KeyChanged(
                f"stream {key.en}", f"变更流 {key.zh}", public_key, one.signature.public_key
            )
        if not is_signed(public_key, STREAM, last.hash, one.signature.signature):
            raise BadSignature(key, last.seq)
        _keep(tx, entries, one.signature)


def _check_chain(entries: Sequence[Entry], signature: Signature) -> None:
    """Raises: Malformed."""
    if not entries or len(entries) > min(CHAIN_MAX, LISTED_MAX):
        raise Malformed(f"{len(entries)} entries behind one signature")
    follow = all(b.seq == a.seq + 1 and b.prev_hash == a.hash for a, b in pairwise(entries))
    streams = {(entry.unit, entry.level, *key_of(entry)) for entry in entries}
    last = entries[-1]
    named = (signature.incarnation, signature.audience, signature.lane, signature.seq)
    if not follow or len(streams) > 1 or named != (*key_of(last), last.seq):
        raise Malformed("entries that do not follow one another, or are not those that are signed")


def _keep(tx: Connection, entries: Sequence[Entry], signature: Signature) -> None:
    rows = []
    for entry in entries:
        row = execute(
            tx,
            "SELECT wire FROM entry WHERE incarnation=? AND audience=? AND lane=? AND seq=?",
            (*key_of(entry)[:2], entry.lane.value, entry.seq),
        ).fetchone()
        if row is not None and codec.hash_of(bytes(row[0])) != entry.hash:
            raise StreamForked(key_of(entry), entry.seq)
        if row is None:
            signed = signature.signature if entry is entries[-1] else None
            rows.append(
                (entry.incarnation, entry.audience, entry.lane.value, entry.seq, entry.hlc,
                 entry.wire, signed)
            )  # fmt: skip
    if rows:
        execute_many(tx, _KEPT, rows)
