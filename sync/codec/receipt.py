"""Receipts on the wire: what an office holds durably of another; forwarded as it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from google.protobuf.message import DecodeError

from sync.codec.entry import head_from_wire, head_to_wire, key_from_wire
from sync.codec.signing import RECEIPT, Signer, is_signed
from sync.model.errors import Malformed
from sync.model.stream import Heads
from sync.wire.link.v1 import link_pb2 as pb

HEADS_MAX = 256  # streams of one office: a few for each incarnation that it had


@dataclass(frozen=True, slots=True)
class Receipt:
    """The newest entries of an office's upward streams that another office holds durably."""

    holder: int  # unit
    incarnation: int  # of the holder
    unit: int  # that wrote them
    at_ms: int
    heads: Heads
    public_key: bytes
    signed: bytes  # all of it, as it travels


def sign(
    holder: int, incarnation: int, unit: int, at_ms: int, heads: Heads, signer: Signer
) -> Receipt:  # fmt: skip
    """Return this office's receipt for the streams of one below it."""
    receipt = pb.Receipt(
        holder=holder, incarnation=incarnation, unit=unit, at_ms=at_ms,
        heads=[head_to_wire(key, head) for key, head in heads.items()],
    ).SerializeToString()  # fmt: skip
    message = pb.SignedReceipt(
        receipt=receipt, signature=signer.sign(RECEIPT, _digest(receipt)),
        public_key=signer.public_key,
    )  # fmt: skip
    return read(message.SerializeToString())


def read(signed: bytes) -> Receipt:
    """Return a receipt; whether it is genuine is not looked at. Raises: Malformed."""
    try:
        message = pb.SignedReceipt.FromString(signed)
        m = pb.Receipt.FromString(message.receipt)
    except DecodeError as error:
        raise Malformed("a receipt that does not parse") from error
    if len(m.heads) > HEADS_MAX or max(m.holder, m.incarnation, m.unit, m.at_ms) >= 1 << 63:
        raise Malformed("a receipt with impossible numbers")
    heads = dict(map(head_from_wire, m.heads))
    public_key = key_from_wire(message.public_key)
    return Receipt(m.holder, m.incarnation, m.unit, m.at_ms, heads, public_key, signed)


def is_genuine(receipt: Receipt, public_key: bytes) -> bool:
    """Say whether the owner of a key has signed a receipt."""
    message = pb.SignedReceipt.FromString(receipt.signed)
    digest = _digest(message.receipt)
    return message.public_key == public_key and is_signed(
        public_key, RECEIPT, digest, message.signature
    )


def to_wire(receipt: Receipt) -> pb.SignedReceipt:
    return pb.SignedReceipt.FromString(receipt.signed)


def from_wire(message: pb.SignedReceipt) -> Receipt:
    """Raises: Malformed."""
    return read(message.SerializeToString())


def _digest(receipt: bytes) -> bytes:
    return blake2b(receipt, digest_size=32).digest()
