"""Status of offices on the wire: what each says of itself is signed and forwarded as it is. Pure.

The rest of a status is what the office's parent sees of its line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from google.protobuf.message import DecodeError

from sync.codec.entry import head_from_wire, head_to_wire, key_from_wire
from sync.codec.signing import STATUS, Signer, is_signed
from sync.model.change import StreamHead
from sync.model.errors import Malformed
from sync.model.report import NodeStatus
from sync.model.stream import StreamKey
from sync.wire.link.v1 import link_pb2 as pb

FROM_PARENT_MAX = 4  # heads in one statement: one for each lane, and of a former incarnation
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class ReceivedHead:
    """The newest entry of a stream, as it came to an office, with its own office's signature."""

    key: StreamKey
    head: StreamHead
    signature: bytes


@dataclass(frozen=True, slots=True)
class Statement:
    """What an office says of itself."""

    status: NodeStatus  # without what its parent sees of its line
    bulk_hash: bytes  # of entry `bulk_seq`; empty: none
    from_parent: tuple[ReceivedHead, ...]
    public_key: bytes


def signed(
    status: NodeStatus, bulk_hash: bytes, from_parent: Sequence[ReceivedHead], signer: Signer
) -> NodeStatus:
    """Return this office's own status with its signature."""
    statement = pb.Statement(
        unit=status.unit, at_ms=status.at_ms, incarnation=status.incarnation,
        bulk_seq=status.bulk_seq, bulk_hash=bulk_hash, waiting_up=status.waiting_up,
        waiting_age_ms=status.waiting_age_ms, conflicts=status.conflicts,
        quarantined=status.quarantined, program=status.program,
        from_parent=[
            pb.ReceivedHead(head=head_to_wire(each.key, each.head), signature=each.signature)
            for each in from_parent
        ],
    ).SerializeToString()  # fmt: skip
    signature = signer.sign(STATUS, _digest(statement))
    message = pb.SignedStatement(
        statement=statement, signature=signature, public_key=signer.public_key
    )
    return replace(status, signed=message.SerializeToString())


def is_genuine(status: NodeStatus, public_key: bytes) -> bool:
    """Say whether the holder of a key has signed what a status says of its office."""
    message = pb.SignedStatement.FromString(status.signed)
    digest = _digest(message.statement)
    return message.public_key == public_key and is_signed(
        public_key, STATUS, digest, message.signature
    )


def read(signed: bytes) -> Statement:
    """Return what an office says of itself; whether it is genuine is not looked at.

    Raises: Malformed.
    """
    try:
        message = pb.SignedStatement.FromString(signed)
        m = pb.Statement.FromString(message.statement)
    except DecodeError as error:
        raise Malformed("a status that does not parse") from error
    if len(m.bulk_hash) != (_HASH_BYTES if m.bulk_seq else 0):
        raise Malformed(f"a status with a hash of {len(m.bulk_hash)} bytes")
    if len(m.from_parent) > FROM_PARENT_MAX:
        raise Malformed(f"a status with {len(m.from_parent)} heads")
    status = NodeStatus(
        unit=m.unit, at_ms=m.at_ms, waiting_up=m.waiting_up, waiting_age_ms=m.waiting_age_ms,
        conflicts=m.conflicts, quarantined=m.quarantined, incarnation=m.incarnation,
        bulk_seq=m.bulk_seq, program=m.program[:40], signed=signed,
    )  # fmt: skip
    heads = tuple(
        ReceivedHead(*head_from_wire(each.head), each.signature) for each in m.from_parent
    )
    return Statement(status, m.bulk_hash, heads, key_from_wire(message.public_key))


def status_to_wire(status: NodeStatus) -> pb.OfficeStatus:
    message = pb.OfficeStatus(
        unit=status.unit, last_contact_ms=status.last_contact_ms, connected=status.connected,
        waiting_down=status.waiting_down,
    )  # fmt: skip
    if status.signed:
        message.signed.ParseFromString(status.signed)
    return message


def status_from_wire(m: pb.OfficeStatus) -> NodeStatus:
    """Return a status; without a statement it is only about the office's line.

    Raises: Malformed.
    """
    status = NodeStatus(unit=m.unit, at_ms=0)
    if m.HasField("signed"):
        status = read(m.signed.SerializeToString()).status
        if status.unit != m.unit:
            raise Malformed(f"a status of unit {status.unit} for unit {m.unit}")
    return replace(
        status, last_contact_ms=m.last_contact_ms, connected=m.connected,
        waiting_down=m.waiting_down,
    )  # fmt: skip


def _digest(statement: bytes) -> bytes:
    return blake2b(statement, digest_size=_HASH_BYTES).digest()
