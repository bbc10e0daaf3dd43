"""One office's stream over two relays whose lines repeat, skip and go back, and whose origin is
restored from a backup: nobody ever holds anything but the beginning of one history.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sync.codec import entry as codec
from sync.model.change import Entry, StreamHead
from sync.model.schema import Lane
from sync.model.stream import Place, StreamForked, StreamGap, StreamKey, key_of, place

RELAYS = 2


class OfficeLog:
    """An office's log of the origin's streams, and the heads by which it judges the next entry."""

    def __init__(self) -> None:
        self.log: list[Entry] = []
        self.heads: dict[StreamKey, StreamHead] = {}

    def receive(self, entry: Entry) -> Place:
        found = place(entry, self.heads)
        if found is Place.NEXT:
            self.log.append(entry)
            self.heads[key_of(entry)] = StreamHead(entry.seq, entry.hash)
        return found

    def of(self, incarnation: int) -> list[Entry]:
        return [e for e in self.log if e.incarnation == incarnation]


class Streams(RuleBasedStateMachine):
    """`offices[0]` writes; each other receives from the one before, from where the line begins."""

    def __init__(self) -> None:
        super().__init__()
        self.offices = [OfficeLog() for _ in range(RELAYS + 1)]
        self.incarnation = 1
        self.counter = 0  # no two entries are ever equal
        self.histories: list[list[bytes]] = []  # every chain that the origin ever stood by
        self.forked = False  # it wrote again under numbers that were spent

    def append(self, office_log: OfficeLog) -> None:
        mine = office_log.of(self.incarnation)
        self.counter += 1
        entry = codec.entry_to_wire(
            [], incarnation=self.incarnation, unit=3, level=3, audience="up:city", lane=Lane.BULK,
            seq=len(mine) + 1, prev_hash=mine[-1].hash if mine else b"", hlc=self.counter,
        )  # fmt: skip
        assert office_log.receive(entry) is Place.NEXT
        self.histories.append([e.hash for e in office_log.of(self.incarnation)])

    @rule()
    def write(self) -> None:
        self.append(self.offices[0])

    @rule(back=st.integers(1, 3))
    @precondition(lambda self: self.offices[0].log)
    def restored_unnoticed(self, back: int) -> None:
        """Worse than what happens: a backup goes on under its old incarnation."""
        origin, kept = self.offices[0], OfficeLog()
        for entry in origin.log[:-back]:
            kept.receive(entry)
        self.offices[0] = kept
        self.append(kept)
        self.forked = True

    @rule(back=st.integers(1, 3))
    @precondition(lambda self: self.offices[0].log)
    def restored(self, back: int) -> None:
        """What does happen: it takes another incarnation, whose stream begins at 1."""
        origin, kept = self.offices[0], OfficeLog()
        for entry in origin.log[:-back]:
            kept.receive(entry)
        self.offices[0] = kept
        self.incarnation += 1
        self.append(kept)

    @rule(
        relay=st.integers(1, RELAYS), off=st.integers(-3, 2), length=st.integers(1, 6),
        turned=st.booleans(),
    )  # fmt: skip
    def carry(self, relay: int, off: int, length: int, *, turned: bool) -> None:
        """Hand over a piece of the log from about the right place; what does not fit changes
        nothing.
        """
        office_log = self.offices[relay]
        begin = max(0, len(office_log.log) + off)
        piece = self.offices[relay - 1].log[begin : begin + length]
        for entry in reversed(piece) if turned else piece:
            before, head = list(office_log.log), dict(office_log.heads)
            following = len(office_log.of(entry.incarnation)) + 1
            try:
                found = office_log.receive(entry)
            except StreamGap:
                assert entry.seq > following
                assert (office_log.log, office_log.heads) == (before, head)
            except StreamForked:
                assert self.forked, "contradicted by an office that never went back on its word"
                assert (office_log.log, office_log.heads) == (before, head)
            else:
                if found is Place.KNOWN:
                    assert (office_log.log, office_log.heads) == (before, head)
                    newest = office_log.of(entry.incarnation)[-1]
                    assert entry.seq < newest.seq or entry == newest, "a fork taken for known"

    @invariant()
    def every_office_has_a_prefix_of_one_history(self) -> None:
        for office_log in self.offices:
            for incarnation in {e.incarnation for e in office_log.log}:
                mine = [e.hash for e in office_log.of(incarnation)]
                assert any(mine == whole[: len(mine)] for whole in self.histories)

    @invariant()
    def numbers_count_up_without_a_gap(self) -> None:
        for office_log in self.offices:
            for incarnation in {e.incarnation for e in office_log.log}:
                mine = office_log.of(incarnation)
                assert [e.seq for e in mine] == list(range(1, len(mine) + 1))

    def teardown(self) -> None:
        """A line that works again brings everything, unless the origin went back on its word."""
        if self.forked:
            return
        for relay in range(1, RELAYS + 1):
            for entry in self.offices[relay - 1].log:
                self.offices[relay].receive(entry)
            theirs = {e.hash for e in self.offices[relay - 1].log}
            assert theirs <= {e.hash for e in self.offices[relay].log}


Streams.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestStreams = Streams.TestCase
