"""The entries of the most recent commit, in memory, for sending up without reading the log.

If the parent has everything before the transaction, it is sent these entries. `batch` returns what
`sync.log.entries.read_up` would return, or None.
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

RECENT_BYTES_MAX = 65_536  # a larger batch is read from the log


@dataclass(slots=True)
class RecentCommit:
    """Entries of one transaction, and the log positions that it allocated."""

    after: int = 0  # the last position of the log before it
    upto: int = 0  # its own last position; 0: it has none
    whole: bool = True  # its positions have no gap, and nothing else must be read
    entries: list[tuple[int, Entry]] = field(default_factory=list)  # that go up, with position
    signed_to: dict[StreamKey, SignedUpTo] = field(
        default_factory=dict
    )  # came with them, from below

    def record_numbers(self, first: int, count: int) -> None:
        """Record that the transaction allocated positions."""
        if not count:
            return
        if not self.upto:
            self.after = first - 1
        elif first != self.upto + 1:
            self.whole = False
        self.upto = first + count - 1

    def forget(self) -> None:
        """Make `batch` return None: positions were changed, or copies came in between."""
        self.whole = False

    def join(self, other: RecentCommit) -> None:
        """Add what the same transaction, or the next one, has appended after this."""
        if other.upto:
            self.record_numbers(other.after + 1, other.upto - other.after)
        self.whole &= other.whole
        self.entries += other.entries
        self.signed_to |= other.signed_to

    def batch(
        self, lane: Lane, after: int, bytes_max: int, *,
        unit: int, incarnation: int, signer: Signer | None,
    ) -> Batch | None:  # fmt: skip
        """Return what goes up next after a position; None if it must be read from the log.

        That is so if the position is before the transaction or inside it: other entries may be
        between. `unit`, `incarnation`: whose log it is.
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
            return None  # entries of a former incarnation: the store has their signatures
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
