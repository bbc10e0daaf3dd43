"""The tail: what one transaction has put at the end of the log for the way up, still at hand.

Whoever has just committed need not read it back to send it: a parent that holds all before the
transaction is sent the tail. `batch` returns what `sync.log.entries.read_up` would, or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sync.codec.signing import STREAM, Signer
from sync.log.signatures import SignedUpTo
from sync.model.change import Batch, Entry, Signature
from sync.model.limits import BATCH_CHANGES_MAX
from sync.model.schema import Lane
from sync.model.stream import StreamKey, key_of

RECENT_BYTES_MAX = 65_536  # what is larger is read from the log: it is not kept beside it


@dataclass(slots=True)
class RecentCommit:
    """Entries of one transaction, and the numbers that it took."""

    after: int = 0  # the last number of the log before it
    upto: int = 0  # its own last number; 0: it took none
    whole: bool = True  # its numbers are known without a gap, and nothing else is to be looked at
    entries: list[tuple[int, Entry]] = field(default_factory=list)  # that go up, with number
    signed_to: dict[StreamKey, SignedUpTo] = field(default_factory=dict)  # came with it, from below

    def record_numbers(self, first: int, count: int) -> None:
        """Note that the transaction took numbers."""
        if not count:
            return
        if not self.upto:
            self.after = first - 1
        elif first != self.upto + 1:
            self.whole = False
        self.upto = first + count - 1

    def forget(self) -> None:
        """Leave it to the log what goes up next: numbers were changed, or copies stand between."""
        self.whole = False

    def join(self, other: RecentCommit) -> None:
        """Take in what the same transaction, or the next one, has put after it."""
        if other.upto:
            self.record_numbers(other.after + 1, other.upto - other.after)
        self.whole &= other.whole
        self.entries += other.entries
        self.signed_to |= other.signed_to

    def batch(
        self, lane: Lane, after: int, bytes_max: int, *,
        unit: int, incarnation: int, signer: Signer | None,
    ) -> Batch | None:  # fmt: skip
        """Return what goes up next after a position; None where only the log can tell.

        That is when something may stand between: the position is before the transaction, or in it.
        `unit`, `incarnation`: whose log it is.
        """
        rising = [(number, entry) for number, entry in self.entries if entry.lane is lane]
        if not self.whole or not rising or rising[-1][0] > self.upto:
            return None
        if not self.after <= after < rising[0][0]:
            return None
        size = sum(len(entry.wire) for _, entry in rising)
        changes = sum(entry.changes for _, entry in rising)
        if size > min(bytes_max, RECENT_BYTES_MAX) or changes > BATCH_CHANGES_MAX:
            return None
        newest = {key_of(entry): entry for _, entry in rising}
        if any(e.unit == unit and e.incarnation != incarnation for e in newest.values()):
            return None  # words of a former life: how they are signed stands in the store
        return Batch(
            lane, incarnation, after, self.upto,
            tuple(entry.wire for _, entry in rising), tuple(number for number, _ in rising),
            _signatures(newest, self.signed_to, incarnation, signer),
        )  # fmt: skip


def _signatures(
    newest: Mapping[StreamKey, Entry], signed_to: Mapping[StreamKey, SignedUpTo], incarnation: int,
    signer: Signer | None,
) -> tuple[Signature, ...]:  # fmt: skip
    """Return for each stream the newest signature within what is sent (`sync.log.signatures`)."""
    found = []
    for key, entry in newest.items():
        if key.incarnation == incarnation:
            if signer is not None:
                signature = signer.sign(STREAM, entry.hash)
                found.append(Signature(*key, entry.seq, signature, signer.public_key))
        elif (known := signed_to.get(key)) is not None:
            found.append(Signature(*key, known.seq, known.signature, known.public_key))
    return tuple(found)
