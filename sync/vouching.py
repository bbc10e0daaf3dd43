"""Vouching: how far the origin of a stream has signed for it, and what a receiver refuses. Pure.

Entries are chained by hash, so a signature for one vouches for all before it. Whoever relays may
cut a batch between two signatures: the entries after the last one stand unvouched until the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync.change import Signature
from sync.errors import SilianError
from sync.limits import UNVOUCHED_ENTRIES_MAX
from sync.signing import STREAM, fingerprint, is_signed
from sync.streams import StreamKey


class NotVouched(SilianError):
    """The base of what makes a receiver refuse a batch whole, and tell people."""

    _remedy_en = (
        "Nothing of the batch was taken. Ask the office that wrote the stream, by telephone, and "
        "look at every office between."
    )
    _remedy_zh = "整批数据未入库。请电话联系原单位核实, 并检查沿途各级单位。"

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en, zh, remedy_en=self._remedy_en, remedy_zh=self._remedy_zh)


class BadSignature(NotVouched):
    """A signature is not of the entry that it is shown with: altered on its way, or forged."""

    code = "bad_signature"

    def __init__(self, key: StreamKey, seq: int) -> None:
        where = _name(key)
        super().__init__(
            f"stream {where}: the signature for entry {seq} is not that of its office",
            f"数据流 {where}: 第 {seq} 条的签名与原单位不符",
        )


class KeyChanged(NotVouched):
    """Another key signs for an office than before. A new key needs a new incarnation."""

    code = "key_changed"

    def __init__(self, who: str, known: bytes, shown: bytes) -> None:
        super().__init__(
            f"{who}: signed with key {fingerprint(shown)}, known here is {fingerprint(known)}",
            f"{who}: 签名密钥为 {fingerprint(shown)}, 本单位已知 {fingerprint(known)}",
        )


class SignatureMissing(NotVouched):
    """A stream that its office signs goes on without a signature for longer than any relay cuts."""

    code = "signature_missing"

    def __init__(self, key: StreamKey, signed_seq: int, seq: int) -> None:
        where = _name(key)
        super().__init__(
            f"stream {where}: signed up to entry {signed_seq}, received up to {seq}",
            f"数据流 {where}: 签名只到第 {signed_seq} 条, 实收到第 {seq} 条",
        )


@dataclass(frozen=True, slots=True)
class Vouched:
    """How far a stream's origin has vouched for it, as known here."""

    seq: int = 0  # 0: it never has
    signature: bytes = b""  # for entry `seq`
    public_key: bytes = b""  # of the stream's incarnation; empty: not known


def judge(
    key: StreamKey, known: Vouched, hashes: Mapping[int, bytes], said: Signature | None
) -> Vouched:
    """Return how far a stream is vouched for once a batch is taken.

    `hashes`: of its newest entry known before, by number, and of those that the batch brings.
    Raises: BadSignature, KeyChanged, SignatureMissing.
    """
    after = known
    if said is not None and said.seq > known.seq and said.seq in hashes:
        if known.public_key and known.public_key != said.public_key:
            raise KeyChanged(f"stream {_name(key)}", known.public_key, said.public_key)
        if not is_signed(said.public_key, STREAM, hashes[said.seq], said.signature):
            raise BadSignature(key, said.seq)
        after = Vouched(said.seq, said.signature, said.public_key)
    newest = max(hashes, default=0)
    if after.seq and newest - after.seq > UNVOUCHED_ENTRIES_MAX:
        raise SignatureMissing(key, after.seq, newest)
    return after


def _name(key: StreamKey) -> str:
    return f"{key.incarnation:x} {key.audience} {key.lane.name.lower()}"
