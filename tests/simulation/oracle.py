"""What must hold after every step: watched at each commit, reply, tick and start of an office.

Incremental: each look costs what the step did. It reads the stores through a connection of its own
and believes nothing that an office says of itself.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync.codec import entry as codec
from sync.model import audience
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.change import Edit
from sync.model.limits import CLOCK_AHEAD_MS_MAX
from sync.model.schema import Lane
from sync.model.version import COUNTER_BITS, hlc_of, incarnation_of
from sync.wire.link.v1 import link_pb2 as pb
from tests.simulation import duplicates
from tests.simulation.clockwork import Violation
from tests.simulation.model import PRIVATE, Books, Records
from tests.simulation.poison import SIGN, poison_in
from tests.simulation.restores import POSTED, Restores, bases_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.log.outcome import Applied
    from tests.simulation.process import Process
    from tests.simulation.world import World

MARK = re.compile(r"〔(\d+)〕")

Stream = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry as its writer committed it."""

    writer: int
    hash: bytes
    marks: frozenset[int]
    level_or_target: tuple[str, int]
    poison: str = ""  # the reason for which it must be held everywhere
    hlc: int = 0
    version: bytes = b""  # kept by what its writer publishes again


@dataclass(slots=True)
class Seen:
    """How far a store's log was read, and what it holds of each stream."""

    arrival: int = 0
    copied: str = ""  # its word about the last snapshot that it took
    received: dict[Stream, int] = field(default_factory=dict)


class Oracle:
    """The invariants that a single step can break."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.facts: dict[tuple[Stream, int], Fact] = {}
        self.others: dict[tuple[Stream, int], list[Fact]] = defaultdict(list)  # said twice over
        self._seen: dict[str, Seen] = defaultdict(Seen)  # by store
        self.restores = Restores(world)
        self._own: dict[int, list[tuple[int, int, Stream, int, int]]] = defaultdict(list)
        self._acked: dict[tuple[int, int, int, int], int] = {}
        self._checked_durable: dict[tuple[int, int, int], int] = {}
        self._marks: dict[tuple[int, int], int] = {}  # written down by a tick
        self._shown: dict[tuple[int, int], tuple[Process, int]] = {}  # by this process, since
        self._pending: dict[str, list[Any]] = defaultdict(list)  # by store
        self._index = {unit.unit_id: i for i, unit in enumerate(world.units)}
        self._clocks_right = not any(f.kind.startswith("clock") for f in world.plan.faults)
        wrong = {f.office for f in world.plan.faults if f.kind.startswith("clock")}
        self._wrong_above = {  # its clock is corrected by those above it
            i: any(self._above(w, i) for w in wrong) for i in world.present
        }
        self._stamps: dict[int, tuple[int, int]] = {}
        self._posted: dict[int, int] = {}
        self.records = Records()
        self.books = Books()
        self.commits = 0

    def summary(self) -> str:
        return f"entries {len(self.facts)} commits {self.commits} edits {self.records.count}"

    def received(self, index: int) -> dict[Stream, int]:
        """Return how far an office's present store holds each stream."""
        return self._seen[self._world.stores[index]].received

    def forget(self, index: int) -> None:
        """An office goes on with another store: what its former one had agreed on is void."""
        unit = self._world.units[index].unit_id
        self._own[index].clear()
        self._posted.pop(index, None)
        self._acked = {k: n for k, n in self._acked.items() if k[0] != index and k[1] != unit}
        self._marks = {key: ms for key, ms in self._marks.items() if index not in key}
        self._shown = {key: at for key, at in self._shown.items() if index not in key}

    # -- a process starts ----------------------------------------------------------------------

    def opened(self, process: Process) -> None:
        """INV-1: whatever was committed before is there. From now on, watch what is written."""
        index = process.index
        if not self._clocks_right:  # one that was read off a fast clock is taken back by the next
            self._marks = {key: ms for key, ms in self._marks.items() if key[0] != index}
            self._shown = {key: at for key, at in self._shown.items() if key[0] != index}
        # Of a commit that a power cut ended nobody knows the outcome but the store.
        self._pending[process.store] = [
            edit for edit in self._pending[process.store] if _is_logged(process, edit[1])
        ]
        self._accept_pending(process)
        arrival = process.eye.execute("SELECT arrival FROM log_head").fetchone()[0]
        before = self._seen[process.store].arrival
        if arrival < before:
            raise Violation("INV-1 acked durable", f"office {index} had {before}, has {arrival}")
        self._read_log(process)
        self._read_books(process)
        for (parent, child, incarnation, lane), position in self._acked.items():
            if parent == index:
                self._is_durable(process, child, incarnation, lane, position)
        replica: Any = process.office.replica
        shipped = replica.write

        def write(
            tx: Connection, edits: list[Edit], *, derived: bool = False, by: Attribution = UNKNOWN
        ) -> Applied:
            if derived:
                return shipped(tx, edits, derived=True, by=by)  # type: ignore[no-any-return]
            wanted = [e for e in edits if e.key.register in self._world.people.edited]
            before = [self._heads(tx, process, e) for e in wanted]
            applied: Applied = shipped(tx, edits, by=by)
            for edit, heads in zip(wanted, before, strict=True):
                after = self._heads(tx, process, edit)
                self._pending[process.store].append((edit, applied.version, heads, after))
            return applied

        replica.write = write

    def begins(self, process: Process) -> None:
        """A write begins: what an earlier one left undone was never accepted."""
        self._pending[process.store].clear()

    # -- a commit ------------------------------------------------------------------------------

    def committed(self, process: Process) -> None:
        """Look at what the commit has put into the log."""
        self.commits += 1
        self._accept_pending(process)
        self._read_log(process)
        self._read_books(process)

    def _accept_pending(self, process: Process) -> None:
        for edit, version, before, after in self._pending[process.store]:
            number = self.records.accept(process.index, edit, version, before, after)
            self.restores.written[process.store].append(number)
        self._pending[process.store].clear()

    def _read_books(self, process: Process) -> None:
        """Book what this office has posted, whoever may receive it."""
        me = process.office.identity.unit
        count = process.eye.execute(
            "SELECT count(*) FROM r_posting WHERE unit=?", (me,)
        ).fetchone()[0]
        if count == self._posted.get(process.index, 0):
            return
        self._posted[process.index] = count
        self._solvent(process)
        if self.restores.offices:
            return  # a posting may be gone with its store: added up when all is quiet
        names = ("id", *(f"f_{n}" for n in POSTED))
        rows = process.eye.execute(f"SELECT {','.join(names)} FROM r_posting WHERE unit=?", (me,))
        for posting_id, *values in rows:
            line = dict(zip(POSTED, values, strict=True)) | {"unit": me}
            self.books.book(bytes(posting_id), line)
        self.books.check()

    def _read_log(self, process: Process) -> None:
        index, seen = process.index, self._seen[process.store]
        was_restored = index in self.restores.offices
        self._read_bases(process, seen)
        rows = process.eye.execute(
            "SELECT arrival, lane, incarnation, audience, seq, via, wire FROM entry "
            "WHERE arrival > ? ORDER BY arrival",
            (seen.arrival,),
        )
        for arrival, lane, incarnation, addressees, seq, via, wire in rows:
            stream = (incarnation, addressees, lane)
            if not was_restored:
                self._is_next(index, seen, stream, seq)
            seen.arrival = arrival
            wire = bytes(wire)
            if via == 0:
                self._written(process, stream, seq, arrival, wire)
            else:
                self._received(index, stream, seq, wire)
        if was_restored:  # it may have taken entries back, or renumbered them
            heads = process.eye.execute("SELECT incarnation, audience, lane, seq FROM stream")
            seen.received = {(inc, addressees, lane): seq for inc, addressees, lane, seq in heads}

    def _read_bases(self, process: Process, seen: Seen) -> None:
        """Take note of streams whose entries came as copies.

        What is said to be in them was said: whether it is there is compared when all is quiet.
        """
        rows = process.eye.execute(
            "SELECT key, value FROM meta WHERE key IN ('snapshot:down', 'snapshot:up') ORDER BY key"
        ).fetchall()
        if repr(rows) != seen.copied:
            seen.copied = repr(rows)
            for stream, (seq, hash_) in bases_of(process).items():
                fact = self.fact(stream, seq, hash_)
                if fact is None or not self.entitled(process.index, fact):
                    raise Violation("INV-31 from nowhere", f"{process.index}: {stream} {seq}")
                seen.received[stream] = max(seen.received.get(stream, 0), seq)

    def _is_next(self, index: int, seen: Seen, stream: Stream, seq: int) -> None:
        """An entry that is committed below a position already read is missing here (INV-9)."""
        known = seen.received.get(stream, 0)
        if seq != known + 1:
            what = "INV-3 at most one effect" if seq <= known else "INV-5 no gap"
            raise Violation(what, f"office {index}: {stream} {seq} after {known}")
        seen.received[stream] = seq

    def fact(self, stream: Stream, seq: int, hash_: bytes) -> Fact | None:
        """Return the very entry as its writer committed it."""
        known = self.facts.get((stream, seq))
        if known is None or known.hash == hash_:
            return known
        return next((f for f in self.others.get((stream, seq), ()) if f.hash == hash_), None)

    def _written(
        self, process: Process, stream: Stream, seq: int, arrival: int, wire: bytes
    ) -> None:
        index = process.index
        entry = codec.entry_from_wire(wire)
        was_restored = index in self.restores.offices
        if was_restored and self.fact(stream, seq, entry.hash) is not None:
            return  # come back, or renumbered
        if stream[0] != process.office.identity.incarnation:
            raise Violation("INV-26 incarnation", f"office {index} wrote as {stream[0]:x}")
        if not was_restored:
            if (stream, seq) in self.facts:
                raise Violation("INV-5 numbered twice", f"{stream} {seq}")
            if not entry.original_incarnation:  # what is published again keeps its stamp
                self._stamped(index, stream[0], entry.hlc)
        marks: set[int] = set()
        blocks = [] if entry.payload.startswith(SIGN) else codec.unpack(entry.payload)
        poison = poison_in(entry.payload, blocks)
        for block in blocks:
            if block.register in PRIVATE and not poison:
                raise Violation("INV-32 private data", f"{block.register} leaves office {index}")
            self._world.poison.written(block)
            if any(duplicates.contains_a_number(v) for column in block.columns for v in column):
                raise Violation("INV-32 private data", f"a number leaves office {index}")
            if block.register in self._world.people.edited:
                for column in block.columns:
                    for value in column:
                        if isinstance(value, str):
                            marks.update(map(int, MARK.findall(value)))
        addressees = audience.parse(stream[1])
        target = (
            ("up", addressees.up_to)
            if addressees.up_to is not None
            else ("down", addressees.down_to or 0)
        )
        fact = Fact(  # type: ignore[arg-type]
            index, entry.hash, frozenset(marks), target, poison, entry.hlc, entry.version
        )  # fmt: skip
        if self.facts.setdefault((stream, seq), fact) is not fact:
            self.others[stream, seq].append(fact)
        if was_restored:
            return
        self._own[index].append((arrival, stream[2], stream, seq, entry.hlc))

    def _stamped(self, index: int, incarnation: int, hlc: int) -> None:
        """INV-27: stamps of one incarnation never go back; under right clocks a right clock stays
        near the time.
        """
        commit, last = self._stamps.get(incarnation, (0, 0))
        if hlc < last or (hlc == last and commit != self.commits):
            raise Violation("INV-27 a stamp went back", f"office {index}: {hlc} after {last}")
        self._stamps[incarnation] = (self.commits, hlc)
        ahead_ms = (hlc >> COUNTER_BITS) - self._world.clockwork.now_ms
        if ahead_ms > CLOCK_AHEAD_MS_MAX + 60_000 and not self._wrong_above[index]:
            raise Violation("INV-27 dragged into the future", f"office {index}: {ahead_ms} ms")

    def _received(self, index: int, stream: Stream, seq: int, wire: bytes) -> None:
        if (stream, seq) not in self.facts:
            raise Violation("INV-31 from nowhere", f"office {index}: {stream} {seq}")
        fact = self.fact(stream, seq, codec.hash_of(wire))
        if fact is None:
            raise Violation("relay changed bytes", f"office {index}: {stream} {seq}")
        if not self.entitled(index, fact):
            raise Violation("INV-30 not for this office", f"office {index}: {stream} {seq}")
        for mark in fact.marks:
            if not (self._above(index, mark) or self._above(mark, index)):
                raise Violation("INV-30 canary", f"office {mark}'s text at office {index}")

    def entitled(self, index: int, fact: Fact) -> bool:
        """Say whether the entry's audience has this office in it."""
        way, to = fact.level_or_target
        if index == fact.writer:
            return True
        if way == "up":
            return self._above(index, fact.writer) and self._world.plan.levels[index] >= to
        if to == 0:
            return self._above(fact.writer, index)
        return self._above(fact.writer, index) and self._above(index, self._index[to])

    def _above(self, upper: int, lower: int) -> bool:
        parents = self._world.plan.parents
        while lower != upper:
            if lower == 0:
                return False
            lower = parents[lower]
        return True

    def _path(self, lower: int, upper: int) -> Iterator[int]:
        yield lower
        while lower != upper and lower:
            lower = self._world.plan.parents[lower]
            yield lower

    def _solvent(self, process: Process) -> None:
        rows = process.eye.execute(
            "SELECT fund, account, fen FROM balance WHERE unit=? AND fen<0 "
            "AND (account='held' OR account LIKE 'in_transit%' OR account LIKE 'disputed%')",
            (process.office.identity.unit,),
        ).fetchall()
        if rows:
            raise Violation("INV-17 no balance below zero", f"office {process.index}: {rows}")

    # -- replies -------------------------------------------------------------------------------

    def replied(self, process: Process, name: str, request: bytes, reply: bytes) -> None:
        """INV-4: an ack leaves after the commit that holds what it acknowledges; none goes back."""
        if name != "Push":
            return
        push, pushed = pb.PushRequest.FromString(request), pb.PushResponse.FromString(reply)
        incarnation, lane = push.batch.incarnation, pushed.durable.lane
        key = (process.index, push.unit, incarnation, lane)
        position = pushed.durable.position
        self._is_durable(process, push.unit, incarnation, lane, position)
        if position < self._acked.get(key, 0):
            raise Violation("INV-4 acks never go back", f"{key}: {position}")
        self._acked[key] = position
        child = self._index[push.unit]
        self.restores.acked(child, process.parent.sessions._children[push.unit].process)
        self._has_all(process, child, lane, position)

    def _is_durable(
        self, process: Process, child: int, incarnation: int, lane: int, position: int
    ) -> None:
        row = process.eye.execute(
            "SELECT incarnation, position FROM cursor WHERE peer=? AND direction='in' AND lane=?",
            (child, lane),
        ).fetchone()
        if position and (row is None or (row[0] == incarnation and row[1] < position)):
            raise Violation(
                "INV-4 no ack before the commit", f"office {process.index}: {row} {position}"
            )

    def _has_all(self, process: Process, child: int, lane: int, position: int) -> None:
        """What the child wrote up to its position, and may go up to here, is in this log."""
        index = process.index
        key = (child, index, lane)
        self._claim(key, index, child, lane, position, "INV-4 acked")

    def _claim(
        self, key: tuple[int, int, int], at: int, child: int, lane: int, position: int, what: str
    ) -> None:
        if self.restores.offices & set(self._path(child, at)):
            return
        own, start = self._own[child], self._checked_durable.get(key, 0)
        received, level = self.received(at), self._world.plan.levels[at]
        n = start
        for n in range(start, len(own)):
            arrival, its_lane, stream, seq, _ = own[n]
            if arrival > position:
                break
            way, to = self.facts[stream, seq].level_or_target
            if its_lane == lane and way == "up" and to <= level and received.get(stream, 0) < seq:
                raise Violation(what, f"office {child} {stream} {seq} is not at office {at}")
        else:
            n = len(own)
        self._checked_durable[key] = n

    def answered(self, process: Process, reply: Any) -> None:
        """A child's report of how far its log is durable is true at each level that it names."""
        index = process.index
        for durable_above in reply.durable_above if hasattr(reply, "durable_above") else ():
            at = index
            while self._world.plan.levels[at] > durable_above.level:
                at = self._world.plan.parents[at]
            self._claim(
                (index, at, durable_above.lane),
                at,
                index,
                durable_above.lane,
                durable_above.position,
                "safe at",
            )

    # -- ticks ---------------------------------------------------------------------------------

    def ticked(self, process: Process) -> None:
        """INV-12: watermarks never go back; and what they promise is there.

        What is shown is written down by the next tick: so long it may be lost with its process.
        """
        if not process.alive:
            return
        office, index = process.office, process.index
        with office.store.read() as tx:
            marks = office.peer_status.watermarks(tx)
        for unit, mark in marks.items():
            below = self._index[unit]
            key = (index, below)
            if self.restores.offices & set(self._path(below, index)):
                continue  # a watermark goes back with a recorded new incarnation
            by, shown_ms = self._shown.get(key, (process, 0))
            if by is process:
                self._marks[key] = max(self._marks.get(key, 0), shown_ms)
            known_ms = self._marks.get(key, 0)
            if mark.at_ms < known_ms:
                raise Violation(
                    "INV-12 watermark", f"at {index} of {below}: {known_ms} {mark.at_ms}"
                )
            self._shown[key] = (process, mark.at_ms)
            if self._clocks_right:
                self._is_exact(index, below, mark.at_ms)

    def _is_exact(self, index: int, below: int, at_ms: int) -> None:
        stream = (self._world.incarnations[below], audience.up(0), Lane.BULK.value)
        due = max(
            (
                seq
                for _, _, s, seq, hlc in self._own[below]
                if s == stream and hlc >> COUNTER_BITS <= at_ms
            ),
            default=0,
        )
        if self.received(index).get(stream, 0) < due:
            raise Violation("watermark too early", f"at {index} of {below}: {at_ms} needs {due}")

    # -- reading a copy ------------------------------------------------------------------------

    def _heads(self, tx: Connection, process: Process, edit: Edit) -> dict[str, frozenset[bytes]]:
        """Return field -> versions of its heads, as the store has them in this transaction."""
        execute = tx.connection.dbapi_connection.execute  # type: ignore[union-attr]
        return heads_of(execute, process.office.tables[edit.key.register].schema.names, edit.key)


def _is_logged(process: Process, version: bytes) -> bool:
    """Return whether the store has what its own office did under a version."""
    stamp = (hlc_of(version), incarnation_of(version))
    row = process.eye.execute(
        "SELECT 1 FROM entry WHERE via=0 AND hlc=? AND incarnation=? "
        "UNION ALL SELECT 1 FROM local_entry WHERE hlc=? AND incarnation=? LIMIT 1",
        (*stamp, *stamp),
    ).fetchone()
    return row is not None


def heads_of(execute: Any, names: tuple[str, ...], key: Any) -> dict[str, frozenset[bytes]]:
    """Return field -> versions of all heads of one record; empty when it is not there."""
    columns = ",".join(f"coalesce(v_{n},created)" for n in names)
    row = execute(
        f"SELECT {columns} FROM r_{key.register} WHERE unit=? AND id=?", (key.unit, key.id)
    ).fetchone()
    if row is None:
        return {}
    heads = {name: {bytes(v)} for name, v in zip(names, row, strict=True)}
    losers = execute(
        "SELECT field, version FROM conflict WHERE register=? AND unit=? AND record=? AND head=1",
        (key.register, key.unit, key.id),
    )
    for name, version in losers:
        heads[name].add(bytes(version))
    return {name: frozenset(found) for name, found in heads.items()}


def conflict_classes(process: Process) -> Counter[str]:
    """Count what kinds of conflicts an office holds."""
    rows = process.eye.execute("SELECT state, deleted, count(*) FROM conflict GROUP BY 1, 2")
    found: Counter[str] = Counter()
    for state, deleted, n in rows:
        found[state] += n
        if deleted:
            found["deleted"] += n
    return found
