"""Signatures of streams: verify those of a batch, store them, read them for what is sent.

Entries are chained by hash, so a signature for one covers all before it. An office signs each entry
when it writes it. Whoever receives entries accepts none that no signature of their own office
covers, and keeps each signature with its entry in the log (`sync.log.excerpt`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import dataclass, field
from hashlib import blake2b

from sqlalchemy import Connection

from sync.codec.signing import STREAM, Signer, fingerprint, is_signed
from sync.log import certified
from sync.log.certified import Certifier
from sync.model.change import Entry, Signature, StreamHead
from sync.model.errors import ErrorKind, SilianError
from sync.model.schema import Lane
from sync.model.stream import StreamKey, key_of
from sync.store.sql import execute, execute_many

HASH_BYTES = 32


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
        super().__init__(
            f"stream {key.en}: the signature for entry {seq} is not from its office",
            f"变更流 {key.zh}：第 {seq} 条的签名与原单位不符",
        )


class KeyChanged(SignatureError):
    """An incarnation signs with another key than before. A new key needs a new incarnation."""

    code = "key_changed"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, who: str, who_zh: str, known: bytes, shown: bytes) -> None:
        super().__init__(
            f"{who}: signed with key {fingerprint(shown)}, the known key is {fingerprint(known)}",
            f"{who_zh}：签名密钥为 {fingerprint(shown)}，本单位已知 {fingerprint(known)}",
        )


class KeyRefused(SignatureError):
    """A neighbour connects with another key than before. A person has to accept the new key."""

    code = "key_refused"
    kind = ErrorKind.PERMISSION_DENIED
    _remedy_en = (
        "Phone that office and compare the digits that `silian doctor` shows there. If they are "
        "the same, accept it here: `silian clone reset`. Else somebody uses its name."
    )
    _remedy_zh = (
        "请电话联系该单位，核对其运行 silian doctor 所示的密钥；"
        "一致时在本单位运行 silian clone reset 放行，不一致则有人冒用其名义。"
    )

    def __init__(self, who: str, who_zh: str, pinned: str, shown: bytes) -> None:
        known = fingerprint(bytes.fromhex(pinned))
        super().__init__(
            f"{who} uses key {fingerprint(shown) or '(none)'}, the accepted key is {known}",
            f"{who_zh}出示的密钥为 {fingerprint(shown) or '（无）'}，本单位登记的是 {known}",
        )
        self.shown = shown


class OwnKeyRefused(KeyRefused):
    """Entries of this office come back under a key that it does not know: of a store that is lost.

    Its key was lost with it, so nobody but a person can say that the key was this office's.
    """

    code = "own_key_refused"
    _remedy_en = (
        "Look up the key in the papers of this office, or ask an office above. If it was this "
        "office's, accept it here: `silian clone reset` with this office's own code. Else "
        "somebody invents entries of this office."
    )
    _remedy_zh = (
        "请核对本单位留存的密钥记录，或询问上级单位；确属本单位旧密钥的，"
        "在本单位以本单位代码运行 silian clone reset 放行；不属实则有人伪造本单位的条目。"
    )


class KeyNotShown(SignatureError):
    """A neighbour did not prove that it has the key that it names."""

    code = "key_not_shown"
    kind = ErrorKind.PERMISSION_DENIED
    _remedy_en = "Somebody may use that office's name, or change data between: check both offices."
    _remedy_zh = "可能有人冒用该单位名义，或在途中截获报文；请检查双方。"

    def __init__(self, who: str, who_zh: str) -> None:
        super().__init__(
            f"{who} did not prove that it has the key that it names",
            f"{who_zh}未能证明持有其出示的密钥",
        )


class KeyUncertified(SignatureError):
    """An office signs with a key that no certificate shows to be its own."""

    code = "key_uncertified"
    kind = ErrorKind.UNAVAILABLE  # the next handshake asks for the certificate
    _remedy_en = (
        "Nothing was applied. The certificate is asked for again. If this stays, check whether "
        "that office is enrolled (`silian cert show` there), and every office between."
    )
    _remedy_zh = (
        "数据未入库，系统将再次索取证书。长时间不消除的，请核对该单位是否已办理证书"
        "（在该单位运行 silian cert show），并检查沿途各级单位。"
    )

    def __init__(self, unit: int, key: bytes, why: SilianError | None = None) -> None:
        self.unit, self.key = unit, key
        super().__init__(
            f"unit {unit} signs with a key that no certificate shows to be its own"
            + (f": {why.en}" if why else ""),
            f"单位 {unit} 的签名密钥没有有效证书" + (f"：{why.zh}" if why else ""),
        )


class SignatureMissing(SignatureError):
    """The newest entries of a stream have no signature of the office that wrote it."""

    code = "signature_missing"
    kind = ErrorKind.DATA_LOSS

    def __init__(self, key: StreamKey, signed_seq: int, seq: int) -> None:
        super().__init__(
            f"stream {key.en}: its office has signed it up to entry {signed_seq}, "
            f"received up to {seq}",
            f"变更流 {key.zh}：原单位签名只到第 {signed_seq} 条，实收到第 {seq} 条",
        )


@dataclass(frozen=True, slots=True)
class SignedUpTo:
    """Up to where a stream's origin has signed it, as known here."""

    seq: int = 0  # 0: never
    signature: bytes = b""  # for entry `seq`
    public_key: bytes = b""  # of the stream's incarnation; empty: not known


NO_HEAD = StreamHead()


@dataclass(frozen=True, slots=True)
class KnownStream:
    """A stream as it is known here: up to where it is signed, and its newest entry."""

    signed: SignedUpTo = SignedUpTo()
    head: StreamHead = NO_HEAD


KnownStreams = dict[StreamKey, KnownStream]


@dataclass(slots=True)
class Verified:
    """What a batch's signatures have shown."""

    signed_to: dict[StreamKey, SignedUpTo] = field(default_factory=dict)  # that has changed
    signatures: dict[tuple[StreamKey, int], Signature] = field(default_factory=dict)  # by entry
    keys: dict[int, bytes] = field(default_factory=dict)  # of incarnations that had none here

    def newest(self, key: StreamKey) -> Signature | None:
        """Return the signature up to which a stream is signed now; None if that is as before."""
        after = self.signed_to.get(key)
        return self.signatures.get((key, after.seq)) if after is not None else None


def verify_stream(
    key: StreamKey, known: KnownStream, fresh: Sequence[Entry], signatures: Sequence[Signature]
) -> tuple[SignedUpTo, list[Signature]]:
    """Return up to where a stream is signed with its new entries, and the signatures that count.

    Those count that are for a new entry, or for the newest known one.
    Raises: BadSignature, KeyChanged, SignatureMissing.
    """
    hashes = {known.head.seq: known.head.hash} | {entry.seq: entry.hash for entry in fresh}
    after, counting = known.signed, []
    for each in sorted(signatures, key=lambda each: each.seq):
        if each.seq <= after.seq or each.seq not in hashes:
            continue
        if after.public_key and after.public_key != each.public_key:
            raise KeyChanged(
                f"stream {key.en}", f"变更流 {key.zh}", after.public_key, each.public_key
            )
        if not is_signed(each.public_key, STREAM, hashes[each.seq], each.signature):
            raise BadSignature(key, each.seq)
        after = SignedUpTo(each.seq, each.signature, each.public_key)
        counting.append(each)
    if fresh and after.seq < fresh[-1].seq:
        raise SignatureMissing(key, after.seq, fresh[-1].seq)
    return after, counting


def verify_batch(
    tx: Connection,
    fresh: Iterable[Entry],
    signatures: Iterable[Signature],
    earlier: KnownStreams | None = None,
) -> Verified:
    """Verify that its own office has signed each stream up to the newest of these entries.

    `fresh`: new here, each the next of its stream. `earlier`: the state after batches that were
    checked before and not applied; it is updated. Or what was just read of these streams.
    Raises: BadSignature, KeyChanged, SignatureMissing.
    """
    streams: dict[StreamKey, tuple[list[Entry], list[Signature]]] = {}
    for entry in fresh:
        streams.setdefault(key_of(entry), ([], []))[0].append(entry)
    for each in signatures:
        key = StreamKey(each.incarnation, each.audience, each.lane)
        if key in streams or (earlier is not None and key in earlier):
            streams.setdefault(key, ([], []))[1].append(each)
    verified = Verified()
    for key, (entries, its_signatures) in streams.items():
        known = earlier.get(key) if earlier is not None else None
        known = known or stream_known(tx, key)
        before = known.signed
        if not before.public_key and key.incarnation in verified.keys:
            before = SignedUpTo(before.seq, before.signature, verified.keys[key.incarnation])
        after, counting = verify_stream(
            key, KnownStream(before, known.head), entries, its_signatures
        )
        if after.seq != before.seq:
            verified.signed_to[key] = after
            verified.signatures.update(((key, each.seq), each) for each in counting)
        if after.public_key and not known.signed.public_key:
            verified.keys[key.incarnation] = after.public_key
        if earlier is not None:
            newest = entries[-1] if entries else None
            head = known.head if newest is None else StreamHead(newest.seq, newest.hash)
            earlier[key] = KnownStream(after, head)
    return verified


def check_own_keys(
    verified: Verified, own_entries: Iterable[Entry], own_keys: Set[bytes] | None
) -> None:
    """Own entries that come back are own ones only under a key of this office.

    `own_keys`: None: this store knows of none that it had. Raises: OwnKeyRefused.
    """
    if own_keys is None:
        return
    for key in {key_of(entry) for entry in own_entries}:
        shown = verified.signed_to[key].public_key
        if shown not in own_keys:
            known = min(own_keys, default=b"").hex()
            who, who_zh = f"this office, in stream {key.en},", f"本单位（变更流 {key.zh}）"
            raise OwnKeyRefused(who, who_zh, known, shown)


def stream_known(tx: Connection, key: StreamKey) -> KnownStream:
    """Return how a stream is known here."""
    row = execute(
        tx,
        "SELECT s.signed_seq, s.signature, s.seq, s.hash, i.public_key FROM stream s "
        "LEFT JOIN incarnation i ON i.id = s.incarnation "
        "WHERE s.incarnation=? AND s.audience=? AND s.lane=?",
        (key.incarnation, key.audience, key.lane.value),
    ).fetchone()
    if row is None:
        return KnownStream(SignedUpTo(public_key=key_known(tx, key.incarnation)))
    signed_seq, signature, seq, hash_, public_key = row
    signed = SignedUpTo(int(signed_seq), bytes(signature or b""), bytes(public_key or b""))
    return KnownStream(signed, StreamHead(int(seq), bytes(hash_)))


def streams_known(tx: Connection, keys: Iterable[StreamKey]) -> KnownStreams:
    """Return how each of these streams is known here."""
    return {key: stream_known(tx, key) for key in keys}


def key_known(tx: Connection, incarnation: int) -> bytes:
    """Return the known public key of an incarnation; empty if none is known."""
    row = execute(tx, "SELECT public_key FROM incarnation WHERE id=?", (incarnation,)).fetchone()
    return bytes(row[0]) if row is not None else b""


def keys_of_unit(tx: Connection, unit: int) -> frozenset[bytes]:
    """Return the keys that the incarnations of a unit have had."""
    rows = execute(tx, "SELECT public_key FROM incarnation WHERE unit=?", (unit,)).fetchall()
    return frozenset(bytes(row[0]) for row in rows) - {b""}


def record_signature(tx: Connection, key: StreamKey, seq: int, signature: bytes) -> None:
    """Record up to where a stream's origin has signed it."""
    execute(
        tx,
        "UPDATE stream SET signed_seq=?, signature=? WHERE incarnation=? AND audience=? AND lane=?",
        (seq, signature, key.incarnation, key.audience, key.lane.value),
    )


def save(
    tx: Connection, verified: Verified, now_ms: int, recorded: Collection[StreamKey] = ()
) -> None:  # fmt: skip
    """Record up to where streams are signed now, and new keys.

    `recorded`: streams whose signatures are already stored, with their entries and their head.
    """
    for key, after in verified.signed_to.items():
        if key not in recorded:
            record_signature(tx, key, after.seq, after.signature)
            _keep_with_entry(tx, key, after)
    for incarnation, public_key in verified.keys.items():
        keep_key(tx, incarnation, public_key, now_ms)


def _keep_with_entry(tx: Connection, key: StreamKey, signed: SignedUpTo) -> None:
    """Keep the signature of an entry that came before it; the log may not have it any more."""
    execute(
        tx,
        "UPDATE entry SET signature=? WHERE incarnation=? AND audience=? AND lane=? AND seq=? "
        "AND hlc=(SELECT hlc FROM stream WHERE incarnation=? AND audience=? AND lane=?)",
        (
            signed.signature, key.incarnation, key.audience, key.lane.value, signed.seq,
            key.incarnation, key.audience, key.lane.value,
        ),
    )  # fmt: skip


def keep_key(tx: Connection, incarnation: int, public_key: bytes, now_ms: int) -> None:
    """Store the first key received of a known incarnation.

    Raises: KeyUncertified, if this office is enrolled and no certificate names the key.
    """
    row = execute(
        tx, "SELECT unit FROM incarnation WHERE id=? AND length(public_key)=0", (incarnation,)
    ).fetchone()
    if row is None:
        return
    if certified.is_missing(tx, int(row[0]), public_key):
        raise KeyUncertified(int(row[0]), public_key)
    _keep_key(tx, incarnation, public_key, now_ms)


def take_chains(
    tx: Connection, certifier: Certifier | None, shown: Iterable[certified.Shown]
) -> None:
    """Verify the chains of keys that have none here, and keep them.

    Without a certifier nothing is kept. Raises: KeyUncertified.
    """
    if certifier is None:
        return
    for unit, public_key, chain in shown:
        if chain and not certified.chain_of(tx, unit, public_key):
            try:
                certifier(unit, public_key, chain)
            except SilianError as error:
                raise KeyUncertified(unit, public_key, error) from error
            certified.keep(tx, unit, public_key, chain)


def _keep_key(tx: Connection, incarnation: int, public_key: bytes, now_ms: int) -> None:
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


def own_key(tx: Connection, incarnation: int, signer: Signer) -> None:
    """Store the office's key for its own incarnation."""
    _keep_key(tx, incarnation, signer.public_key, 0)


def sign_own_past(tx: Connection, signer: Signer) -> int:
    """Sign own entries that a program wrote which did not sign them; return how many.

    Those of incarnations with this key; nobody can sign for a key that was lost.
    """
    streams = execute(
        tx,
        "SELECT s.incarnation, s.audience, s.lane, s.seq, s.hash FROM stream s "
        "JOIN incarnation i ON i.id = s.incarnation "
        "WHERE i.public_key=? AND s.seq > s.signed_seq",
        (signer.public_key,),
    ).fetchall()
    count = 0
    for incarnation, audience, lane, seq, hash_ in streams:
        where = (incarnation, audience, lane)
        entries = execute(
            tx,
            "SELECT arrival, wire FROM entry WHERE incarnation=? AND audience=? AND lane=? "
            "AND signature IS NULL",
            where,
        ).fetchall()
        rows = [
            (signer.sign(STREAM, blake2b(bytes(wire), digest_size=HASH_BYTES).digest()), arrival)
            for arrival, wire in entries
        ]
        execute_many(tx, "UPDATE entry SET signature=? WHERE arrival=?", rows)
        key = StreamKey(incarnation, audience, Lane(lane))
        record_signature(tx, key, seq, signer.sign(STREAM, bytes(hash_)))
        count += len(rows)
    return count


def unsigned_streams(tx: Connection, unit: int) -> int:
    """Return how many streams of other offices have entries at their end that nobody has signed.

    They came before signatures were asked for. They are sent on once their office has signed them.
    """
    statement = (
        "SELECT count(*) FROM stream s JOIN incarnation i ON i.id = s.incarnation "
        "WHERE s.seq > s.signed_seq AND i.retired = 0 AND i.unit <> ?"
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
