"""Vouches: signatures of stream heads in the store: kept, relayed, given. The caller owns tx.

The newest signature of a foreign stream stands beside its head. Of older ones every
`MILESTONE_ENTRIES`th or so is kept, so that a relay that is far behind has one for most of the
batches that it cuts. Our own streams are signed when they are sent: nothing is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from sqlalchemy import Connection

from sync.change import Entry, Signature
from sync.signing import STREAM, Signer
from sync.statements import run
from sync.streams import StreamKey, key_of
from sync.vouching import Vouched, judge

MILESTONE_ENTRIES = 4_000
HASH_BYTES = 32
Changes = Mapping[StreamKey, tuple[Vouched, Vouched]]  # before and after
Hashes = dict[int, bytes]
Known = dict[StreamKey, tuple[Vouched, Hashes]]  # of a stream, and its newest entry, if any


@dataclass(slots=True)
class Tip:
    """The part of one stream that is sent: from which number to which."""

    first: int
    last: int
    wire: bytes  # of the last


Tips = dict[StreamKey, Tip]


def note(tips: Tips, key: StreamKey, seq: int, wire: bytes) -> None:
    """Take down that an entry is sent."""
    tip = tips.get(key)
    if tip is None:
        tips[key] = Tip(seq, seq, wire)
    else:
        tip.last, tip.wire = seq, wire


def signatures_for(tx: Connection, tips: Tips, signer: Signer | None) -> tuple[Signature, ...]:
    """Return, for each stream sent, the newest signature of its origin within what is sent.

    Our own words are signed here and now, for the last entry whatever the batch is cut to.
    """
    found = []
    for key, tip in tips.items():
        row = run(
            tx,
            "SELECT i.public_key, s.signed_seq, s.signature FROM incarnation i JOIN stream s "
            "ON s.incarnation = i.id WHERE i.id=? AND s.audience=? AND s.lane=?",
            (key.incarnation, key.audience, key.lane.value),
        ).fetchone()
        if row is None or not row[0]:
            continue
        public_key = bytes(row[0])
        if signer is not None and public_key == signer.public_key:
            digest = blake2b(tip.wire, digest_size=HASH_BYTES).digest()
            found.append(_signature(key, tip.last, signer.sign(STREAM, digest), public_key))
            continue
        seq, signature = int(row[1]), bytes(row[2] or b"")
        if seq > tip.last:
            older = run(
                tx,
                "SELECT seq, signature FROM signature WHERE incarnation=? AND audience=? "
                "AND lane=? AND seq<=? ORDER BY seq DESC LIMIT 1",
                (key.incarnation, key.audience, key.lane.value, tip.last),
            ).fetchone()
            seq, signature = (int(older[0]), bytes(older[1])) if older is not None else (0, b"")
        if signature and seq >= tip.first:
            found.append(_signature(key, seq, signature, public_key))
    return tuple(found)


def vouched_of(tx: Connection, key: StreamKey) -> tuple[Vouched, int, bytes]:
    """Return how far a stream is vouched for, and number and hash of its newest entry here."""
    row = run(
        tx,
        "SELECT s.signed_seq, s.signature, s.seq, s.hash, i.public_key FROM stream s "
        "LEFT JOIN incarnation i ON i.id = s.incarnation "
        "WHERE s.incarnation=? AND s.audience=? AND s.lane=?",
        (key.incarnation, key.audience, key.lane.value),
    ).fetchone()
    if row is None:
        return Vouched(public_key=key_known(tx, key.incarnation)), 0, b""
    signed_seq, signature, seq, hash_, public_key = row
    known = Vouched(int(signed_seq), bytes(signature or b""), bytes(public_key or b""))
    return known, int(seq), bytes(hash_)


def known_of(tx: Connection, keys: Iterable[StreamKey]) -> Known:
    """Return how each of these streams is known here: what `check` would ask for, and its head."""
    known: Known = {}
    for key in keys:
        vouched, seq, hash_ = vouched_of(tx, key)
        known[key] = (vouched, {seq: hash_} if seq else {})
    return known


def key_known(tx: Connection, incarnation: int) -> bytes:
    """Return the key by which an incarnation signs, as known here; empty when it is not."""
    row = run(tx, "SELECT public_key FROM incarnation WHERE id=?", (incarnation,)).fetchone()
    return bytes(row[0]) if row is not None else b""


def check(
    tx: Connection,
    fresh: Iterable[Entry],
    said: Iterable[Signature],
    earlier: Known | None = None,
) -> Changes:
    """Judge what a batch brings that is new here; return what `save` is to record.

    `earlier`: what batches looked at before this one, and not applied, have led to; kept up. Or
    what was read of these streams a moment ago.
    Raises: BadSignature, KeyChanged, SignatureMissing.
    """
    by_key: dict[StreamKey, Signature] = {}
    for each in said:
        key = StreamKey(each.incarnation, each.audience, each.lane)
        if key not in by_key or by_key[key].seq < each.seq:
            by_key[key] = each
    hashes: dict[StreamKey, Hashes] = {key: {} for key in by_key}
    for entry in fresh:
        hashes.setdefault(key_of(entry), {})[entry.seq] = entry.hash
    changes: dict[StreamKey, tuple[Vouched, Vouched]] = {}
    for key, new in hashes.items():
        if earlier is not None and key in earlier:
            before, held = earlier[key]
        else:
            before, seq, hash_ = vouched_of(tx, key)
            held = {seq: hash_} if seq else {}
        here = held | new
        after = judge(key, before, here, by_key.get(key))
        if after != before:
            changes[key] = (before, after)
        if earlier is not None and here:
            newest = max(here)
            earlier[key] = (after, {newest: here[newest]})
    return changes


def note_signed(tx: Connection, key: StreamKey, seq: int, signature: bytes) -> None:
    """Record how far a stream's origin vouches for it."""
    run(
        tx,
        "UPDATE stream SET signed_seq=?, signature=? WHERE incarnation=? AND audience=? AND lane=?",
        (seq, signature, key.incarnation, key.audience, key.lane.value),
    )


def save(
    tx: Connection, changes: Changes, now_ms: int, noted: Collection[StreamKey] = ()
) -> None:  # fmt: skip
    """Record how far streams are vouched for now, and keys heard for the first time.

    `noted`: of these the former stands with their heads already.
    """
    for key, (before, after) in changes.items():
        where = (key.incarnation, key.audience, key.lane.value)
        if key not in noted:
            note_signed(tx, key, after.seq, after.signature)
        if before.seq and before.seq // MILESTONE_ENTRIES != after.seq // MILESTONE_ENTRIES:
            run(
                tx,
                "INSERT INTO signature (incarnation, audience, lane, seq, signature) "
                "VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
                (*where, before.seq, before.signature),
            )
        if not before.public_key:
            keep_key(tx, key.incarnation, after.public_key, now_ms)


def keep_key(tx: Connection, incarnation: int, public_key: bytes, now_ms: int) -> None:
    """Keep the first key that is heard of a known incarnation."""
    run(
        tx,
        "UPDATE incarnation SET public_key=?, key_at_ms=? WHERE id=? AND length(public_key)=0",
        (public_key, now_ms, incarnation),
    )


def own_key(tx: Connection, incarnation: int, signer: Signer | None) -> None:
    """Bind the office's key to its own incarnation."""
    if signer is not None:
        keep_key(tx, incarnation, signer.public_key, 0)


def unvouched(tx: Connection, unit: int) -> int:
    """Return how many signed streams of others end after what their origin vouches for."""
    statement = (
        "SELECT count(*) FROM stream s JOIN incarnation i ON i.id = s.incarnation "
        "WHERE s.signed_seq > 0 AND s.seq > s.signed_seq AND i.retired = 0 AND i.unit <> ?"
    )
    return int(run(tx, statement, (unit,)).fetchone()[0])


def new_keys(tx: Connection, unit: int, since_ms: int) -> list[tuple[int, bytes]]:
    """Return (unit, key) where an office signs by another key than before, heard of lately."""
    statement = (
        "SELECT DISTINCT i.unit, i.public_key FROM incarnation i JOIN incarnation o "
        "ON o.unit = i.unit AND o.public_key <> i.public_key AND length(o.public_key) > 0 "
        "AND o.key_at_ms <= i.key_at_ms WHERE i.unit <> ? AND i.key_at_ms > ? "
        "AND length(i.public_key) > 0"
    )
    rows = run(tx, statement, (unit, since_ms)).fetchall()
    return sorted((int(row[0]), bytes(row[1])) for row in rows)


def _signature(key: StreamKey, seq: int, signature: bytes, public_key: bytes) -> Signature:
    return Signature(key.incarnation, key.audience, key.lane, seq, signature, public_key)
