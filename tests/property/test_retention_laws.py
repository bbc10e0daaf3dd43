"""Retention, as a machine over a plain model: no entry is cut that a live link still needs.

The model is the promise itself: a list of entries with who may receive each, and how far each peer
is. The real code works on a real store, with crashes between portions.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from node.store.engine import sqlite_url
from sync.codec import entry as codec
from sync.log import entries as log
from sync.log import truncation
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.retention import truncate
from sync.retention.plan import (
    ChildLease,
    HoldReason,
    RetentionHold,
    blocking,
    is_live,
    safe_truncation_point,
)
from sync.store.sql import execute
from tests.support.sites import GARDEN, ORCHID, START_MS, STREET, site_at

DAY_MS = 86_400_000
LEASE_MS, LOG_MS = 180 * DAY_MS, 30 * DAY_MS
CHILDREN = (GARDEN, ORCHID)


class Truncation(RuleBasedStateMachine):
    """A street with two communities: it writes, relays, is acked, and forgets."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        at = Path(self.folder.name)
        self.street = site_at(STREET, sqlite_url(at / "street.db"))
        self.sites = {unit: site_at(unit, sqlite_url(at / f"{unit}.db")) for unit in CHILDREN}
        self.number = 0
        self.safe = 0
        self.written: dict[int, tuple[int, int | None, int | None, int]] = {}  # position -> row
        self.acked = dict.fromkeys(CHILDREN, 0)
        self.last_contact_ms = dict.fromkeys(CHILDREN, 0)

    def teardown(self) -> None:
        if hasattr(self, "street"):
            for site in (self.street, *self.sites.values()):
                site.store.close()
            self.folder.cleanup()

    @property
    def now_ms(self) -> int:
        return self.street.now_ms

    # -- what happens -------------------------------------------------------------------------

    @rule(days=st.integers(1, 100))
    def time_passes(self, days: int) -> None:
        self.street.now_ms += days * DAY_MS
        for site in self.sites.values():
            site.now_ms = self.street.now_ms

    @rule(whose=st.sampled_from((STREET, *CHILDREN)))
    def street_writes(self, whose: int) -> None:
        self.number += 1
        self.street.commit(self.street.create(self.number, whose, name="a"))
        self._note()

    @rule(child=st.sampled_from(CHILDREN))
    def child_writes_and_pushes(self, child: int) -> None:
        site = self.sites[child]
        self.number += 1
        site.commit(site.create(self.number, name="b"))
        site.send(self.street)
        self.last_contact_ms[child] = self.now_ms
        self._note()

    @rule(child=st.sampled_from(CHILDREN), some=st.floats(0, 1))
    def child_pulls(self, child: int, some: float) -> None:
        """It makes a handshake and takes part of what waits, unless it is below its mark."""
        with self.street.store.read() as tx:
            end = log.position(tx)
            low_water_mark = truncation.low_water_down(tx, Lane.BULK, child)
        if self.acked[child] < low_water_mark:
            self.acked[child] = end  # copies bring it up to date
        else:
            to = self.acked[child] + int((end - self.acked[child]) * some)
            batch = self.street.batch_down(child, after=self.acked[child])
            want = [p for p, row in self.written.items() if self._receives(child, row)]
            assert [p for p in batch.positions if p <= to] == [
                p for p in sorted(want) if self.acked[child] < p <= to
            ]
            self.acked[child] = to
        self.last_contact_ms[child] = self.now_ms

        def write(tx) -> None:
            log.advance(
                tx, peer=child, direction="out", lane=Lane.BULK,
                incarnation=self.street.incarnation, position=self.acked[child],
                at_ms=self.now_ms,
            )  # fmt: skip

        self.street.store.write(write)

    @rule(some=st.floats(0, 1))
    def city_acknowledges(self, some: float) -> None:
        with self.street.store.read() as tx:
            end = log.position(tx)
        self.safe += int((end - self.safe) * some)

    @rule(portions=st.integers(0, 3), limit=st.integers(1, 5))
    def retention_runs(self, portions: int, limit: int) -> None:
        """As many portions as it comes to before the process ends."""
        with self.street.store.read() as tx:
            holds = self._retention_holds(tx)
            before = truncation.truncation_point(tx, Lane.BULK)
            upto = safe_truncation_point(holds, end=log.position(tx), now=before)
        assert upto >= before
        present = self._stored()
        at = 0
        for _ in range(portions):
            if at >= upto:
                break
            after = at
            at = self.street.store.write(
                lambda tx, after=after: truncate.truncate(
                    tx, upto, after=after, children=CHILDREN, limit=limit
                )
            ).upto
        self._check_no_needed_entry_was_truncated(present)

    @precondition(lambda self: self.written)
    @rule()
    def truncation_is_counted_beforehand(self) -> None:
        with self.street.store.read() as tx:
            upto = safe_truncation_point(self._retention_holds(tx), end=log.position(tx), now=0)
            before, expected = truncate.extent(tx), truncate.preview_truncation(tx, upto)
        present = self._stored()
        done = self.street.store.write(
            lambda tx: truncate.truncate(tx, upto, after=0, children=CHILDREN, limit=10_000)
        )
        with self.street.store.read() as tx:
            after = truncate.extent(tx)
        assert (done.entries, done.bytes) == (expected.entries, expected.bytes)
        assert before.entries - after.entries == done.entries
        assert before.bytes - after.bytes == done.bytes
        self._check_no_needed_entry_was_truncated(present)

    # -- what holds ---------------------------------------------------------------------------

    @invariant()
    def each_stream_is_complete_above_its_low_water_mark(self) -> None:
        if not hasattr(self, "street"):
            return
        with self.street.store.read() as tx:
            bases = log.bases(tx)
            heads = {
                StreamKey(r[0], r[1], Lane(r[2])): r[3]
                for r in execute(tx, "SELECT incarnation, audience, lane, seq FROM stream")
            }
            rows = execute(
                tx, "SELECT incarnation, audience, lane, wire FROM entry ORDER BY arrival"
            )
            by_stream: dict[StreamKey, list] = {}
            for incarnation, audience, lane, wire in rows:
                key = StreamKey(incarnation, audience, Lane(lane))
                by_stream.setdefault(key, []).append(codec.entry_from_wire(bytes(wire)))
        for key, newest in heads.items():
            base = bases.get(key)
            first = base.seq if base else 0
            beyond = [e for e in by_stream.get(key, ()) if e.seq > first]
            assert [e.seq for e in beyond] == list(range(first + 1, newest + 1))
            if base and beyond:
                assert beyond[0].prev_hash == base.hash

    @invariant()
    def no_low_water_mark_is_above_what_its_peer_lost(self) -> None:
        """Who is above its low-water mark is served whole: nothing it may receive is missing."""
        if not hasattr(self, "street"):
            return
        there = self._stored()
        with self.street.store.read() as tx:
            for child in CHILDREN:
                low_water_mark = truncation.truncation_point(tx, Lane.BULK, child)
                for position, row in self.written.items():
                    if position > low_water_mark and self._receives(child, row):
                        assert position in there
            up = truncation.truncation_point(tx, Lane.BULK, truncation.UPWARD)
            for position, row in self.written.items():
                if position > up and row[1] is not None:
                    assert position in there

    # -- the model ----------------------------------------------------------------------------

    def _retention_holds(self, tx) -> list[RetentionHold]:
        return truncate.retention_holds(
            tx,
            links=[ChildLease(child, self.last_contact_ms[child]) for child in CHILDREN],
            incarnations=(self.street.incarnation,),
            now_ms=self.now_ms, lease_ms=LEASE_MS, log_ms=LOG_MS, durable_at_top=self.safe,
        )  # fmt: skip

    def _note(self) -> None:
        with self.street.store.read() as tx:
            rows = execute(tx, "SELECT arrival, at_ms, up_to, down_hop, via FROM entry").fetchall()
        for arrival, at_ms, up_to, hop, via in rows:
            self.written.setdefault(arrival, (at_ms, up_to, hop, via))

    def _stored(self) -> set[int]:
        with self.street.store.read() as tx:
            return {row[0] for row in execute(tx, "SELECT arrival FROM entry")}

    @staticmethod
    def _receives(child: int, row: tuple[int, int | None, int | None, int]) -> bool:
        _, _, hop, via = row
        return hop in (0, child) and via != child

    def _check_no_needed_entry_was_truncated(self, present: set[int]) -> None:
        """No run removes an entry that somebody needs now. `present`: the log before the run.

        What an earlier run removed, while a child had no lease, is not asked for again when that
        child comes after all: it is below its low-water mark and receives a snapshot.
        """
        there = self._stored()
        for position in sorted(present):
            row = self.written[position]
            young = row[0] >= self.now_ms - LOG_MS
            not_durable = row[1] is not None and position > self.safe
            waits = any(
                self._receives(child, row)
                and position > self.acked[child]
                and self.last_contact_ms[child]
                and self.now_ms - self.last_contact_ms[child] <= LEASE_MS
                for child in CHILDREN
            )
            if young or not_durable or waits:
                assert position in there, (position, row)


Truncation.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestTruncation = Truncation.TestCase


def test_a_lease_runs_from_the_last_contact_and_a_child_that_never_connected_has_none():
    assert is_live(START_MS, now_ms=START_MS + LEASE_MS, lease_ms=LEASE_MS)
    assert not is_live(START_MS, now_ms=START_MS + LEASE_MS + 1, lease_ms=LEASE_MS)
    assert not is_live(0, now_ms=0, lease_ms=LEASE_MS)


def test_the_truncation_point_is_below_the_lowest_hold_and_never_moves_back():
    holds = [
        RetentionHold(HoldReason.YOUNG, 9),
        RetentionHold(HoldReason.CHILD, 5, GARDEN, 3),
        RetentionHold(HoldReason.CHILD, 5, ORCHID, 2),
    ]
    assert safe_truncation_point(holds, end=20, now=0) == 4
    assert safe_truncation_point(holds, end=20, now=7) == 7
    assert safe_truncation_point([], end=20, now=7) == 20
    assert [c.unit for c in blocking(holds, 4)] == [ORCHID, GARDEN]
