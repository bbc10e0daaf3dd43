"""Retention, as a machine over a plain model: no entry is cut that a live link still needs.

The model is the promise itself: a list of entries with who may hear each, and how far each peer is.
The real code works on a real store, with crashes between portions.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from node.store.engine import sqlite_url
from sync import codec, cutting, floors, log
from sync.claims import Claim, Link, Why, floor_under, holding, is_live
from sync.schema import Lane
from sync.statements import run
from sync.streams import StreamKey
from tests.support.sites import GARDEN, ORCHID, START_MS, STREET, site_at

DAY_MS = 86_400_000
LEASE_MS, LOG_MS = 180 * DAY_MS, 30 * DAY_MS
CHILDREN = (GARDEN, ORCHID)


class Cutting(RuleBasedStateMachine):
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
        self.taken = dict.fromkeys(CHILDREN, 0)
        self.heard = dict.fromkeys(CHILDREN, 0)

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
        self.heard[child] = self.now_ms
        self._note()

    @rule(child=st.sampled_from(CHILDREN), some=st.floats(0, 1))
    def child_takes(self, child: int, some: float) -> None:
        """It greets and takes part of what waits, if it is not below its floor."""
        with self.street.store.read() as tx:
            end = log.position(tx)
            floor = floors.floor_down(tx, Lane.BULK, child)
        if self.taken[child] < floor:
            self.taken[child] = end  # copies bring it up to date
        else:
            to = self.taken[child] + int((end - self.taken[child]) * some)
            batch = self.street.batch_down(child, after=self.taken[child])
            want = [p for p, row in self.written.items() if self._hears(child, row)]
            assert [p for p in batch.positions if p <= to] == [
                p for p in sorted(want) if self.taken[child] < p <= to
            ]
            self.taken[child] = to
        self.heard[child] = self.now_ms

        def write(tx) -> None:
            log.advance(
                tx, peer=child, direction="out", lane=Lane.BULK,
                incarnation=self.street.incarnation, position=self.taken[child],
                at_ms=self.now_ms,
            )  # fmt: skip

        self.street.store.write(write)

    @rule(some=st.floats(0, 1))
    def city_is_told(self, some: float) -> None:
        with self.street.store.read() as tx:
            end = log.position(tx)
        self.safe += int((end - self.safe) * some)

    @rule(portions=st.integers(0, 3), limit=st.integers(1, 5))
    def retention_runs(self, portions: int, limit: int) -> None:
        """As many portions as it comes to before the process ends."""
        with self.street.store.read() as tx:
            claims = self._claims(tx)
            before = floors.floor_of(tx, Lane.BULK)
            upto = floor_under(claims, end=log.position(tx), now=before)
        assert upto >= before
        present = self._there()
        at = 0
        for _ in range(portions):
            if at >= upto:
                break
            after = at
            at = self.street.store.write(
                lambda tx, after=after: cutting.cut(
                    tx, upto, after=after, children=CHILDREN, limit=limit
                )
            ).upto
        self._kept_what_is_needed(present)

    @precondition(lambda self: self.written)
    @rule()
    def what_is_cut_is_counted_beforehand(self) -> None:
        with self.street.store.read() as tx:
            upto = floor_under(self._claims(tx), end=log.position(tx), now=0)
            before, said = cutting.extent(tx), cutting.would_cut(tx, upto)
        present = self._there()
        done = self.street.store.write(
            lambda tx: cutting.cut(tx, upto, after=0, children=CHILDREN, limit=10_000)
        )
        with self.street.store.read() as tx:
            after = cutting.extent(tx)
        assert (done.entries, done.bytes) == (said.entries, said.bytes)
        assert before.entries - after.entries == done.entries
        assert before.bytes - after.bytes == done.bytes
        self._kept_what_is_needed(present)

    # -- what holds ---------------------------------------------------------------------------

    @invariant()
    def each_stream_is_whole_from_its_floor_on(self) -> None:
        if not hasattr(self, "street"):
            return
        with self.street.store.read() as tx:
            bases = log.bases(tx)
            heads = {
                StreamKey(r[0], r[1], Lane(r[2])): r[3]
                for r in run(tx, "SELECT incarnation, audience, lane, seq FROM stream")
            }
            rows = run(tx, "SELECT incarnation, audience, lane, wire FROM entry ORDER BY arrival")
            held: dict[StreamKey, list] = {}
            for incarnation, audience, lane, wire in rows:
                key = StreamKey(incarnation, audience, Lane(lane))
                held.setdefault(key, []).append(codec.entry_from_wire(bytes(wire)))
        for key, newest in heads.items():
            base = bases.get(key)
            first = base.seq if base else 0
            beyond = [e for e in held.get(key, ()) if e.seq > first]
            assert [e.seq for e in beyond] == list(range(first + 1, newest + 1))
            if base and beyond:
                assert beyond[0].prev_hash == base.hash

    @invariant()
    def no_floor_is_above_what_its_peer_lost(self) -> None:
        """Who is above its floor is served whole: nothing that it may hear is missing."""
        if not hasattr(self, "street"):
            return
        there = self._there()
        with self.street.store.read() as tx:
            for child in CHILDREN:
                floor = floors.floor_of(tx, Lane.BULK, child)
                for position, row in self.written.items():
                    if position > floor and self._hears(child, row):
                        assert position in there
            up = floors.floor_of(tx, Lane.BULK, floors.UPWARD)
            for position, row in self.written.items():
                if position > up and row[1] is not None:
                    assert position in there

    # -- the model ----------------------------------------------------------------------------

    def _claims(self, tx) -> list[Claim]:
        return cutting.claims_of(
            tx,
            links=[Link(child, self.heard[child]) for child in CHILDREN],
            lives=(self.street.incarnation,),
            now_ms=self.now_ms, lease_ms=LEASE_MS, log_ms=LOG_MS, safe_above=self.safe,
        )  # fmt: skip

    def _note(self) -> None:
        with self.street.store.read() as tx:
            rows = run(tx, "SELECT arrival, at_ms, up_to, down_hop, via FROM entry").fetchall()
        for arrival, at_ms, up_to, hop, via in rows:
            self.written.setdefault(arrival, (at_ms, up_to, hop, via))

    def _there(self) -> set[int]:
        with self.street.store.read() as tx:
            return {row[0] for row in run(tx, "SELECT arrival FROM entry")}

    @staticmethod
    def _hears(child: int, row: tuple[int, int | None, int | None, int]) -> bool:
        _, _, hop, via = row
        return hop in (0, child) and via != child

    def _kept_what_is_needed(self, present: set[int]) -> None:
        """No run removes an entry that somebody needs now. `present`: the log before the run.

        What an earlier run removed, while a child had no lease, is not asked for again when that
        child comes after all: it is below its low-water mark and receives a snapshot.
        """
        there = self._there()
        for position in sorted(present):
            row = self.written[position]
            young = row[0] >= self.now_ms - LOG_MS
            unsafe = row[1] is not None and position > self.safe
            waits = any(
                self._hears(child, row)
                and position > self.taken[child]
                and self.heard[child]
                and self.now_ms - self.heard[child] <= LEASE_MS
                for child in CHILDREN
            )
            if young or unsafe or waits:
                assert position in there, (position, row)


Cutting.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestCutting = Cutting.TestCase


def test_a_lease_runs_for_its_days_after_the_last_word_and_never_for_who_never_came():
    assert is_live(START_MS, now_ms=START_MS + LEASE_MS, lease_ms=LEASE_MS)
    assert not is_live(START_MS, now_ms=START_MS + LEASE_MS + 1, lease_ms=LEASE_MS)
    assert not is_live(0, now_ms=0, lease_ms=LEASE_MS)


def test_the_floor_stands_below_the_least_claim_and_never_sinks():
    claims = [Claim(Why.YOUNG, 9), Claim(Why.CHILD, 5, GARDEN, 3), Claim(Why.CHILD, 5, ORCHID, 2)]
    assert floor_under(claims, end=20, now=0) == 4
    assert floor_under(claims, end=20, now=7) == 7
    assert floor_under([], end=20, now=7) == 20
    assert [c.unit for c in holding(claims, 4)] == [ORCHID, GARDEN]
