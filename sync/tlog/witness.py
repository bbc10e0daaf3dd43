"""What a witness does with the head of a log that it is shown (C2SP tlog-witness). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sync.tlog import tree
from sync.tlog.checkpoint import Checkpoint

PROOFS_MAX = 8  # in one submission: one for each office above
HASHES_MAX = 63  # of a proof, as in C2SP


class Verdict(StrEnum):
    """What a witness finds."""

    ACCEPTED = "accepted"  # it goes on with what was seen: cosign it
    KNOWN = "known"  # the same head again
    UNPROVEN = "unproven"  # the proof from the head that was seen last is missing
    TRUNCATED = "truncated"  # it is shorter than what was seen
    FORKED = "forked"  # as long as what was seen, and another
    REWRITTEN = "rewritten"  # its proof does not lead from what was seen to what is shown


@dataclass(frozen=True, slots=True)
class Submission:
    """A signed head of a log, with proofs that it goes on with earlier ones, by their size."""

    unit: int
    note: str
    checkpoint: Checkpoint
    public_key: bytes
    proofs: Mapping[int, Sequence[bytes]]


def judge(seen: Checkpoint | None, submission: Submission) -> Verdict:
    """Return what a witness finds; `seen`: the newest head of that log that it has accepted."""
    shown = submission.checkpoint
    if seen is None:
        return Verdict.ACCEPTED
    if shown.size < seen.size:
        return Verdict.TRUNCATED
    if shown.size == seen.size:
        return Verdict.KNOWN if shown.root == seen.root else Verdict.FORKED
    proof = submission.proofs.get(seen.size)
    if proof is None and seen.size:
        return Verdict.UNPROVEN
    fits = tree.is_consistent(seen.size, shown.size, seen.root, shown.root, proof or ())
    return Verdict.ACCEPTED if fits else Verdict.REWRITTEN
