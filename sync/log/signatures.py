"""Signatures of streams: verify those of a batch, store them, and add them to what is sent.

Entries are chained by hash, so a signature for one covers all before it. A relay may end a batch
between two signatures: the entries after the last one are unsigned until the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from sqlalchemy import Connection

from sync.codec.signing import STREAM, Signer, fingerprint, is_signed
from sync.model.change import Entry, Signature
from sync.model.errors import ErrorKind, SilianError
from sync.model.limits import UNSIGNED_ENTRIES_MAX
from sync.model.stream import StreamKey, key_of
from sync.store.sql import execute


class SignatureError(SilianError):
    """The base of errors for which a receiver refuses a complete batch and reports a problem."""

    _remedy_en = (
        "Nothing of the batch was applied. Phone the office that wrote the stream, and check every "
        "office between."
    )
    _remedy_zh = "整批数据未入库。请电话联系原单位核实，并检查沿途各级单位。"

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en, zh, remedy_en=self._remedy_en, remedy_zh=self._remedy_zh)


class BadSignature(SignatureError):
    """A signature does not fit its entry: the entry was altered on its way, or forged."""

    code = "bad_signature"
    kind = ErrorKind.DATA_LOSS

    def __init__(self, key: StreamKey, seq: int) -> None:
        where = _name(key)
        super().__init__(
            f"stream {where}: the signature for entry {seq} is not from its office",
            f"数据流 {where}：第 {seq} 条的签名与原单位不符",
        )


class KeyChanged(SignatureError):
    """An incarnation signs with another key than before. A new key needs a new incarnation."""

    code = "key_changed"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, who: str, known: bytes, shown: bytes) -> None:
        super().__init__(
            f"{who}: signed with key {fingerprint(shown)}, the known key is {fingerprint(known)}",
            f"{who}：签名密钥为 {fingerprint(shown)}，本单位已知 {fingerprint(known)}",
        )


class KeyRefused(SignatureError):
    """A neighbour comes under another key than the one pinned: a person has to let it in."""

    code = "key_refused"
    kind = ErrorKind.PERMISSION_DENIED
    _remedy_en = (
        "Phone that office and compare the digits that `silian doctor` shows there. If they are "
        "the same, let it in here: `silian clone reset`. Else somebody works under its name."
    )
    _remedy_zh = (
        "请电话联系该单位，核对其运行 silian doctor 所示的密钥；"
        "一致时在本单位运行 silian clone reset 放行，不一致则有人冒用其名义。"
    )

    def __init__(self, who: str, pinned: str, shown: bytes) -> None:
        known = fingerprint(bytes.fromhex(pinned))
        super().__init__(
            f"{who} comes under key {fingerprint(shown) or '(none)'}, the key pinned is {known}",
            f"{who} 出示的密钥为 {fingerprint(shown) or '（无）'}，本单位登记的是 {known}",
        )
        self.shown = shown


class KeyNotShown(SignatureError):
    """A neighbour comes under a public key and has not signed the challenge with it."""

    code = "key_not_shown"
    kind = ErrorKind.PERMISSION_DENIED
    _remedy_en = "Somebody works under that office's name, or between: look at both ends."
    _remedy_zh = "可能有人冒用该单位名义，或在途中截获报文；请检查双方。"

    def __init__(self, who: str) -> None:
        super().__init__(
            f"{who} has not shown that it has the key that it names",
            f"{who} 未能证明持有其出示的密钥",
        )


class SignatureMissing(SignatureError):
    """A signed stream has more unsigned entries than any relay would cause."""

    code = "signature_missing"
    kind = ErrorKind.DATA_LOSS

    def __init__(self, key: StreamKey, signed_seq: int, seq: int) -> None:
        where = _name(key)
        super().__init__(
            f"stream {where}: signed up to entry {signed_seq}, received up to {seq}",
            f"数据流 {where}：签名只到第 {signed_seq} 条，实收到第 {seq} 条",
        )


@dataclass(frozen=True, slots=True)
class SignedUpTo:
    """Up to where a stream's origin has signed it, as known here."""

    seq: int = 0  # 0: never
    signature: bytes = b""  # for entry `seq`
    public_key: bytes = b""  # of the stream's incarnation; empty: not known


def verify_stream(
    key: StreamKey, known: SignedUpTo, hashes: Mapping[int, bytes], signature: Signature | None
) -> SignedUpTo:
    """Return up to where a stream is signed after a batch.

    `hashes`: by number, of its newest known entry and of the entries in the batch.
    Raises: BadSignature, KeyChanged, SignatureMissing.
    """
    after = known
    if signature is not None and signature.seq > known.seq and signature.seq in hashes:
        if known.public_key and known.public_key != signature.public_key:
            raise KeyChanged(f"stream {_name(key)}", known.public_key, signature.public_key)
        if not is_signed(signature.public_key, STREAM, hashes[signature.seq], signature.signature):
            raise BadSignature(key, signature.seq)
        after = SignedUpTo(signature.seq, signature.signature, signature.public_key)
    newest = max(hashes, default=0)
    if after.seq and newest - after.seq > UNSIGNED_ENTRIES_MAX:
        raise SignatureMissing(key, after.seq, newest)
    return after


def _name(key: StreamKey) -> str:
    return f"{key.incarnation:x} {key.audience} {key.lane.name.lower()}"


MILESTONE_ENTRIES = 4_000
HASH_BYTES = 32
Changes = Mapping[StreamKey, tuple[SignedUpTo, SignedUpTo]]  # before and after
Hashes = dict[int, bytes]
KnownStreams = dict[
    StreamKey, tuple[SignedUpTo, Hashes]
]  # of a stream, and its newest entry, if any


@dataclass(slots=True)
class SentRange:
    """The range of one stream that is sent: first and last number."""

    first: int
    last: int
    wire: bytes  # of the last


SentRanges = dict[StreamKey, SentRange]


def record_sent(sent_ranges: SentRanges, key: StreamKey, seq: int, wire: bytes) -> None:
    """Record that an entry is sent."""
    sent_range = sent_ranges.get(key)
    if sent_range is None:
        sent_ranges[key] = SentRange(seq, seq, wire)
    else:
        sent_range.last, sent_range.wire = seq, wire


def signatures_for(
    tx: Connection, sent_ranges: SentRanges, signer: Signer | None
) -> tuple[Signature, ...]:
    """Return, for each stream sent, the newest signature of its origin within what is sent.

    Our own streams are signed now, for the last entry of the batch.
    """
    found = []
    for key, sent_range in sent_ranges.items():
        row = execute(
            tx,
            "SELECT i.public_key, s.signed_seq, s.signature FROM incarnation i JOIN stream s "
            "ON s.incarnation = i.id WHERE i.id=? AND s.audience=? AND s.lane=?",
            (key.incarnation, key.audience, key.lane.value),
        ).fetchone()
        if row is None or not row[0]:
            continue
        public_key = bytes(row[0])
        if signer is not None and public_key == signer.public_key:
            digest = blake2b(sent_range.wire, digest_size=HASH_BYTES).digest()
            found.append(_signature(key, sent_range.last, signer.sign(STREAM, digest), public_key))
            continue
        seq, signature = int(row[1]), bytes(row[2] or b"")
        if seq > sent_range.last:
            older = execute(
                tx,
                "SELECT seq, signature FROM signature WHERE incarnation=? AND audience=? "
                "AND lane=? AND seq<=? ORDER BY seq DESC LIMIT 1",
                (key.incarnation, key.audience, key.lane.value, sent_range.last),
            ).fetchone()
            seq, signature = (int(older[0]), bytes(older[1])) if older is not None else (0, b"")
        if signature and seq >= sent_range.first:
            found.append(_signature(key, seq, signature, public_key))
    return tuple(found)


def signed_up_to(tx: Connection, key: StreamKey) -> tuple[SignedUpTo, int, bytes]:
    """Return up to where a stream is signed, and number and hash of its newest entry here."""
    row = execute(
        tx,
        "SELECT s.signed_seq, s.signature, s.seq, s.hash, i.public_key FROM stream s "
        "LEFT JOIN incarnation i ON i.id = s.incarnation "
        "WHERE s.incarnation=? AND s.audience=? AND s.lane=?",
        (key.incarnation, key.audience, key.lane.value),
    ).fetchone()
    if row is None:
        return SignedUpTo(public_key=key_known(tx, key.incarnation)), 0, b""
    signed_seq, signature, seq, hash_, public_key = row
    known = SignedUpTo(int(signed_seq), bytes(signature or b""), bytes(public_key or b""))
    return known, int(seq), bytes(hash_)


def streams_known(tx: Connection, keys: Iterable[StreamKey]) -> KnownStreams:
    """Return how each of these streams is known here: what `verify_batch` needs, and its head."""
    known: KnownStreams = {}
    for key in keys:
        signed_to, seq, hash_ = signed_up_to(tx, key)
        known[key] = (signed_to, {seq: hash_} if seq else {})
    return known


def key_known(tx: Connection, incarnation: int) -> bytes:
    """Return the known public key of an incarnation; empty if none is known."""
    row = execute(tx, "SELECT public_key FROM incarnation WHERE id=?", (incarnation,)).fetchone()
    return bytes(row[0]) if row is not None else b""


def verify_batch(
    tx: Connection,
    fresh: Iterable[Entry],
    signatures: Iterable[Signature],
    earlier: KnownStreams | None = None,
) -> Changes:
    """Verify the signatures for a batch's new entries; return what `save` must record.

    `earlier`: the state after batches that were checked before and not applied; it is updated. Or
    what was just read of these streams.
    Raises: BadSignature, KeyChanged, SignatureMissing.
    """
    by_key: dict[StreamKey, Signature] = {}
    for each in signatures:
        key = StreamKey(each.incarnation, each.audience, each.lane)
        if key not in by_key or by_key[key].seq < each.seq:
            by_key[key] = each
    hashes: dict[StreamKey, Hashes] = {key: {} for key in by_key}
    for entry in fresh:
        hashes.setdefault(key_of(entry), {})[entry.seq] = entry.hash
    changes: dict[StreamKey, tuple[SignedUpTo, SignedUpTo]] = {}
    for key, new in hashes.items():
        if earlier is not None and key in earlier:
            before, known_hashes = earlier[key]
        else:
            before, seq, hash_ = signed_up_to(tx, key)
            known_hashes = {seq: hash_} if seq else {}
        here = known_hashes | new
        after = verify_stream(key, before, here, by_key.get(key))
        if after != before:
            changes[key] = (before, after)
        if earlier is not None and here:
            newest = max(here)
            earlier[key] = (after, {newest: here[newest]})
    return changes


def record_signature(tx: Connection, key: StreamKey, seq: int, signature: bytes) -> None:
    """Record up to where a stream's origin has signed it."""
    execute(
        tx,
        "UPDATE stream SET signed_seq=?, signature=? WHERE incarnation=? AND audience=? AND lane=?",
        (seq, signature, key.incarnation, key.audience, key.lane.value),
    )


def save(
    tx: Connection, changes: Changes, now_ms: int, recorded: Collection[StreamKey] = ()
) -> None:  # fmt: skip
    """Record up to where streams are signed now, and new keys.

    `recorded`: streams whose signature is already stored with their head.
    """
    for key, (before, after) in changes.items():
        where = (key.incarnation, key.audience, key.lane.value)
        if key not in recorded:
            record_signature(tx, key, after.seq, after.signature)
        if before.seq and before.seq // MILESTONE_ENTRIES != after.seq // MILESTONE_ENTRIES:
            execute(
                tx,
                "INSERT INTO signature (incarnation, audience, lane, seq, signature) "
                "VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
                (*where, before.seq, before.signature),
            )
        if not before.public_key:
            keep_key(tx, key.incarnation, after.public_key, now_ms)


def keep_key(tx: Connection, incarnation: int, public_key: bytes, now_ms: int) -> None:
    """Store the first key received of a known incarnation."""
    execute(
        tx,
        "UPDATE incarnation SET public_key=?, key_at_ms=? WHERE id=? AND length(public_key)=0",
        (public_key, now_ms, incarnation),
    )


def unit_of_key(tx: Connection, public_key: bytes) -> set[int]:
    """Return the units whose key this is, by what they signed with and by what is pinned."""
    rows = execute(tx, "SELECT unit FROM incarnation WHERE public_key=?", (public_key,)).fetchall()
    pins = execute(tx, "SELECT unit FROM peer WHERE key_pinned=?", (public_key.hex(),)).fetchall()
    return {int(row[0]) for row in (*rows, *pins)}


def own_key(tx: Connection, incarnation: int, signer: Signer | None) -> None:
    """Store the office's key for its own incarnation."""
    if signer is not None:
        keep_key(tx, incarnation, signer.public_key, 0)


def unsigned_streams(tx: Connection, unit: int) -> int:
    """Return how many signed streams of other offices have unsigned entries at their end."""
    statement = (
        "SELECT count(*) FROM stream s JOIN incarnation i ON i.id = s.incarnation "
        "WHERE s.signed_seq > 0 AND s.seq > s.signed_seq AND i.retired = 0 AND i.unit <> ?"
    )
    return int(execute(tx, statement, (unit,)).fetchone()[0])


def new_keys(tx: Connection, unit: int, since_ms: int) -> list[tuple[int, bytes]]:
    """Return (unit, key) of offices that have used another key since `since_ms`."""
    statement = (
        "SELECT DISTINCT i.unit, i.public_key FROM incarnation i JOIN incarnation o "
        "ON o.unit = i.unit AND o.public_key <> i.public_key AND length(o.public_key) > 0 "
        "AND o.key_at_ms <= i.key_at_ms WHERE i.unit <> ? AND i.key_at_ms > ? "
        "AND length(i.public_key) > 0"
    )
    rows = execute(tx, statement, (unit, since_ms)).fetchall()
    return sorted((int(row[0]), bytes(row[1])) for row in rows)


def _signature(key: StreamKey, seq: int, signature: bytes, public_key: bytes) -> Signature:
    return Signature(key.incarnation, key.audience, key.lane, seq, signature, public_key)
