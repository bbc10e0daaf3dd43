"""The entries of the most recent commit, in memory, for sending up without reading the log.

If the parent has everything before the transaction, it is sent these entries. `batch` returns what
`sync.log.entries.read_up` would return, or None.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sync.log.entries import Positions
from sync.model.change import Batch, Entry, Signature
from sync.model.limits import PORTION_CHANGES_MAX
from sync.model.schema import Lane
from sync.model.stream import key_of

RECENT_BYTES_MAX = 65_536  # a larger batch is read from the log


@dataclass(slots=True)
class RecentCommit:
    """Entries of one transaction, and the log positions that it allocated."""

    after: int = 0  # the last position of the log before it
    upto: int = 0  # its own last position; 0: it has none
    whole: bool = True  # nothing else came in between, and nothing else must be read
    # That go up: position, entry, its signature (None: a later one covers it).
    entries: list[tuple[int, Entry, Signature | None]] = field(default_factory=list)

    def record_numbers(self, positions: Positions, count: int) -> None:
        """Record that the transaction allocated positions."""
        if not count:
            return
        if not self.upto:
            self.after = positions.before
        elif positions.before != self.upto:
            self.whole = False
        self.upto = positions.first + count - 1

    def forget(self) -> None:
        """Make `batch` return None: positions were changed, or copies came in between."""
        self.whole = False

    def join(self, other: RecentCommit) -> None:
        """Add what the same transaction, or the next one, has appended after this."""
        if other.upto:
            self.record_numbers(Positions(other.after, other.upto), 1)
        self.whole &= other.whole
        self.entries += other.entries

    def batch(self, lane: Lane, after: int, bytes_max: int, *, incarnation: int) -> Batch | None:
        """Return what goes up next after a position; None if it must be read from the log.

        That is so if the position is before the transaction or inside it: other entries may be
        between. `incarnation`: whose log it is.
        """
        rising = [each for each in self.entries if each[1].lane is lane]
        if not self.whole or not rising or rising[-1][0] > self.upto:
            return None
        if not self.after <= after < rising[0][0]:
            return None
        if any(entry.seq == 1 for _, entry, _ in rising):
            return None  # where a stream begins, the log adds the certificates of its key
        size = sum(len(entry.wire) for _, entry, _ in rising)
        changes = sum(entry.changes for _, entry, _ in rising)
        if size > min(bytes_max, RECENT_BYTES_MAX) or changes > PORTION_CHANGES_MAX:
            return None
        newest = {key_of(entry): signature for _, entry, signature in rising}
        signatures = tuple(each for each in newest.values() if each is not None)
        if len(signatures) < len(newest):
            return None  # not signed where it ends: the log tells what can be sent
        return Batch(
            lane, incarnation, after, self.upto,
            tuple(entry.wire for _, entry, _ in rising), tuple(number for number, _, _ in rising),
            signatures,
        )  # fmt: skip
