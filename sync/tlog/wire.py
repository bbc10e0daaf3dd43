"""Heads of logs on the wire: what a log submits to its witnesses, and what they answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sync.codec.entry import key_from_wire
from sync.model.errors import Malformed
from sync.tlog.checkpoint import Checkpoint, origin_of, read
from sync.tlog.tree import HASH_BYTES
from sync.tlog.witness import HASHES_MAX, PROOFS_MAX, Submission
from sync.wire.link.v1 import link_pb2 as pb

NOTE_CHARS_MAX = 1_000
SIGNATURE_BYTES_MAX = 100
_CODE = re.compile("[a-z]{0,20}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness says of a log: up to where it has accepted it, and its cosignature for that.

    `code`: why it refused a later head (`sync.tlog.witness.Verdict`); "": it did not.
    """

    unit: int
    witness: int
    size: int
    signature: bytes
    public_key: bytes
    code: str = ""


def submission_to_wire(made: Submission) -> pb.LogSubmission:
    return pb.LogSubmission(
        unit=made.unit, checkpoint=made.note, public_key=made.public_key,
        proofs=[
            pb.LogProof(size=size, hashes=b"".join(hashes))
            for size, hashes in sorted(made.proofs.items())
        ],
    )  # fmt: skip


def submission_from_wire(m: pb.LogSubmission) -> Submission:
    """Raises: Malformed."""
    if len(m.checkpoint) > NOTE_CHARS_MAX or len(m.proofs) > PROOFS_MAX or m.unit >= 1 << 63:
        raise Malformed("a head of a log that is too large")
    proofs = {}
    for proof in m.proofs:
        if len(proof.hashes) % HASH_BYTES or len(proof.hashes) > HASHES_MAX * HASH_BYTES:
            raise Malformed("a proof of a log that is no list of hashes")
        hashes = proof.hashes
        proofs[proof.size] = [
            hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)
        ]
    checkpoint: Checkpoint = read(m.checkpoint)
    if checkpoint.origin != origin_of(m.unit):
        raise Malformed("a head of another log than it says")
    return Submission(m.unit, m.checkpoint, checkpoint, key_from_wire(m.public_key), proofs)


def answer_to_wire(answer: Answer) -> pb.LogAnswer:
    return pb.LogAnswer(
        unit=answer.unit, witness=answer.witness, size=answer.size, signature=answer.signature,
        public_key=answer.public_key, code=answer.code,
    )  # fmt: skip


def answer_from_wire(m: pb.LogAnswer) -> Answer:
    """Raises: Malformed."""
    if max(m.unit, m.witness, m.size) >= 1 << 63 or len(m.signature) > SIGNATURE_BYTES_MAX:
        raise Malformed("a witness's answer with impossible numbers")
    if not _CODE.fullmatch(m.code):
        raise Malformed("a witness's answer with a code that is none")
    return Answer(m.unit, m.witness, m.size, m.signature, key_from_wire(m.public_key), m.code)
