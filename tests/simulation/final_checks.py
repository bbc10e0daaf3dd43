"""What must hold once it is quiet: all has arrived, every copy is the same, nothing was lost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from node.services.health.verify import verify
from node.services.money.conservation import check_conservation
from sync.link.session import State
from sync.log import entries as log
from sync.model.change import RecordKey
from sync.model.schema import Lane
from sync.model.version import Version, hlc_of
from sync.recovery import republish
from tests.simulation import duplicates
from tests.simulation.bit_rot import FIELDS
from tests.simulation.clockwork import Violation
from tests.simulation.corrections import same_outcomes
from tests.simulation.model import PRIVATE, Written
from tests.simulation.oracle import conflict_classes, heads_of
from tests.simulation.poison import poison_in
from tests.simulation.restores import Place

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.world import World

Own = dict[Place, tuple[bytes, int]]


def tidy(world: World) -> None:
    """Let persons look at what was held, before the last hour. Raises: Violation."""
    for process in (_running(world, i) for i in world.present):
        world.poison.check_quarantined(process)
    for process in (_running(world, i) for i in world.present):
        world.poison.tidy(process)


def check_quiet(world: World) -> None:
    """Raises: Violation, naming the invariant."""
    processes = [_running(world, i) for i in world.present]
    for process in processes:
        _count_redacted(world, process)
        world.ledger.counts.update(
            {("conflict", k): n for k, n in conflict_classes(process).items()}
        )
        _drained(world, process)
        world.poison.check_released(process)
        world.roles.check_postings(process)
        report = verify(process.office)
        if not report.sound:
            raise Violation("INV-20 verify", f"office {process.index}: {report.differences[:3]}")
        _published_to_every_audience(world, process)
        if not check_conservation(process.office).holds:
            raise Violation("INV-16 conservation", f"as office {process.index} adds it up")
    if world.authorities is not None:
        world.authorities.check_quiet(processes)
    duplicates.check_quiet(world, processes)
    if world.oracle.restores.offices:
        world.oracle.restores.check_books(processes)
    else:
        world.oracle.books.check()
        world.oracle.books.all_booked()
    own = {
        i: world.oracle.restores.own_entries(_running(world, i)) for i in restored_offices(world)
    }
    for index, entries in own.items():
        world.oracle.restores.check_restored(_running(world, index), entries)
    _all_arrived(world, own)
    for process in processes:
        if process.index:
            _same_copies(world, process)
    _nothing_lost(world, processes, own)


def _count_redacted(world: World, process: Process) -> None:
    """Count what is left of ended records, and what came late against one."""
    for name, field in FIELDS.items():
        for contested, kind in (("IS NULL", "a stub at rest"), ("IS NOT NULL", "a stub contested")):
            (count,) = process.eye.execute(
                f"SELECT count(*) FROM r_{name} WHERE causal_length % 2 = 0 AND f_{field} IS NULL "
                f"AND survived_delete {contested}"
            ).fetchone()
            world.ledger.note("retention", kind, count)


def restored_offices(world: World) -> list[int]:
    """Return the offices whose stores were put back, lost or copied."""
    return sorted(world.oracle.restores.offices)


def _running(world: World, index: int) -> Process:
    process = world.processes.get(index)
    if process is None:
        raise Violation("INV-8 liveness", f"office {index} does not run")
    return process


def _drained(world: World, process: Process) -> None:
    """INV-8: the line is up and idle, and nothing waits, either way."""
    line = process.dialer
    if line is None:
        return
    index = process.index
    if line.session.state is not State.IDLE or line.session.has_pending:
        raise Violation(
            "INV-8 liveness", f"line {index}: {line.session.state.value}, {line.session.reason}"
        )
    parent = _running(world, world.plan.parents[index])
    me, above = process.office.identity, parent.office.identity
    for lane in Lane:
        for frm, to, up in ((process, parent, True), (parent, process, False)):
            with to.office.store.read() as tx:
                peer = frm.office.identity.unit
                _, after = log.cursor_of(tx, peer, "in", lane)
            with frm.office.store.read() as tx:
                batch = (
                    log.read_up(tx, lane=lane, incarnation=me.incarnation, after=after)
                    if up
                    else log.read_down(
                        tx, child=me.unit, lane=lane, incarnation=above.incarnation, after=after
                    )
                )
            if batch.entries:
                raise Violation(
                    "INV-8 queues drain",
                    f"{len(batch.entries)} {lane.name} from {frm.index} to {to.index}",
                )


def _published_to_every_audience(world: World, process: Process) -> None:
    """INV-2: what has audiences both above and below was written to both, whatever was lost."""
    office = process.office
    unit, was_restored = office.identity.unit, process.index in world.oracle.restores.offices
    with office.store.read() as tx:
        for transaction in republish.own_transactions(tx, unit, 0):
            if poison_in(transaction.sample.payload, transaction.blocks):
                continue
            for block in transaction.blocks:
                audiences_of = set(office.audiences_of(tx, block)) - transaction.truncated
                went = {way for way, blocks in transaction.by_audience.items() if block in blocks}
                if audiences_of and (
                    audiences_of - went or (went - audiences_of and not was_restored)
                ):
                    raise Violation(
                        "INV-2 said by one way only",
                        f"office {process.index}: {block.register} {block.ids[0].hex()} of "
                        f"{block.unit} went {sorted(went)}, not {sorted(audiences_of)}",
                    )


def _all_arrived(world: World, own: dict[int, Own]) -> None:
    """INV-2, INV-5: whatever was written, and is no lost word, stands at all of its audience."""
    oracle = world.oracle
    for (stream, seq), fact in oracle.facts.items():
        if fact.writer in own and (stream, seq) not in own[fact.writer]:
            continue
        for index in world.present:
            if oracle.entitled(index, fact) and oracle.received(index).get(stream, 0) < seq:
                raise Violation("INV-2 no loss", f"{stream} {seq} is not at office {index}")


def _same_copies(world: World, process: Process) -> None:
    """INV-7: an office and its parent hold the same of every register, to the byte."""
    parent = _running(world, world.plan.parents[process.index])
    units = [world.units[i].unit_id for i in world.below(process.index)]
    marks = ",".join(map(str, units))
    for table in process.office.tables:
        name = table.schema.name
        if name in PRIVATE:
            continue
        if name in ("assignment_event", "work_order", "posting", "correction"):
            continue  # compared by their sums: who receives which depends on the record
        where = f"unit IN ({marks})" if name != "unit" else "1=1"
        if name == "case":  # sent downward, line by line
            columns = ", ".join(f"f_{n}" for n in table.schema.names)
            where = f"f_told IN ({marks}) AND unit NOT IN ({marks}) AND causal_length % 2 = 1"
            query = f"SELECT unit, id, {columns} FROM r_case WHERE {where}"
            _equal("INV-7 lines of cases", process, parent, query)
            continue
        for what, query in (
            (f"r_{name}", f"SELECT {canonical(table.schema.names)} FROM r_{name} WHERE {where}"),
            (
                "conflicts",
                (
                    f"SELECT id, value, deleted, state FROM conflict WHERE register='{name}' "
                    f"AND state='open' AND {where} ORDER BY id"
                ),
            ),
            (
                "digests",
                (
                    f"SELECT unit, bucket, count, sum FROM digest WHERE register='{name}' "
                    f"AND {where} AND (count<>0 OR sum<>0) ORDER BY 1, 2"
                ),
            ),
        ):
            _equal(f"INV-7 {what}", process, parent, query)
    same_outcomes(process, parent)
    own = process.office.identity.unit
    shared = (
        "id, work_order, parent, round, issuer, assignee, level, title, state, percent, duty, "
        "due_ms, dispatched_ms, updated_ms"
    )
    _equal(
        "INV-13 assignments", process, parent,
        f"SELECT {shared} FROM assignment WHERE issuer IN ({marks}) OR assignee IN ({marks}) "
        "ORDER BY id",
    )  # fmt: skip
    _equal(
        "INV-19 books", process, parent,
        f"SELECT fund, year, account, fen FROM balance WHERE unit={own} AND fen<>0 ORDER BY 1,2,3",
    )  # fmt: skip
    false = ",".join(f"x'{record.hex()}'" for record in sorted(world.roles.postings))
    _equal(
        "INV-18 postings", process, parent,
        f"SELECT * FROM r_posting WHERE unit IN ({marks}) AND id NOT IN ({false}) "
        "ORDER BY unit, id",
    )  # fmt: skip


def canonical(names: Iterable[str]) -> str:
    """Return a record's columns; a field that stands as born says so in one way only.

    Values of an ended record may be gone at one office and not at another; those that stand against
    the end are compared as conflicts.
    """
    fields = (
        f"CASE WHEN causal_length % 2 = 1 THEN f_{n} END, coalesce(v_{n}, created)" for n in names
    )
    return ", ".join(
        ("unit, id, created, causal_length, causal_length_version, survived_delete", *fields)
    )


def _equal(what: str, process: Process, parent: Process, query: str) -> None:
    ours, theirs = (_rows(p.eye.execute(query)) for p in (process, parent))
    if ours != theirs:
        lost, more = ours - theirs, theirs - ours
        raise Violation(
            what,
            f"office {process.index} and {parent.index}: {len(lost)} rows against {len(more)}, "
            f"as {sorted(lost, key=repr)[:1]} against {sorted(more, key=repr)[:1]}",
        )


def _rows(found: Iterable[Any]) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in found}


def _nothing_lost(world: World, processes: list[Process], own: dict[int, Own]) -> None:
    """INV-2, INV-15: every accepted value stands, lost to another, or was replaced knowingly."""
    home = {process.office.identity.unit: process for process in processes}
    restores = world.oracle.restores
    names: dict[Version, Version] = {}
    for index, entries in own.items():
        names |= restores.names(_running(world, index), entries)

    def name_of(number: int, edit: Written) -> Version | None:
        if edit.writer in own and not restores.counts(edit, number, names):
            return None
        return names.get(edit.version, edit.version)

    for key, fields in world.oracle.records.expected(name_of, names).items():
        for process in processes:
            mine = process.office.identity.unit == key.unit
            above = process.office.routes.covers(process.office.identity.unit, key.unit)
            if mine or (above and key.register != "household" and key.unit in home):
                _check_value(process, key, fields)


def _is_reissued(process: Process, version: Version, heads: Iterable[Version]) -> bool:
    """Return whether a head is one of these, reissued by a restored office (ADR 0025): where
    copies went in place of a log, it cannot know which of its entries were received before.
    """
    was_restored = process.world.oracle.restores.offices and process.world.plan.copies
    return bool(was_restored) and hlc_of(version) in {hlc_of(head) for head in heads}


def _check_value(process: Process, key: RecordKey, fields: dict[str, dict[bytes, Any]]) -> None:
    names = process.office.tables[key.register].schema.names
    has_bit_rot = any(fault.kind == "bit_rot" for fault in process.world.plan.faults)
    found = heads_of(process.eye.execute, names, key)
    for name, heads in fields.items():
        present = found.get(name, frozenset())
        more = {v for v in present - heads.keys() if not _is_reissued(process, v, heads)}
        if heads.keys() - present or more:
            raise Violation(
                "INV-15 nothing is lost",
                f"office {process.index}: {key.register} {key.id.hex()} {name} has "
                f"{sorted(v.hex() for v in found.get(name, ()))}, "
                f"not {sorted(v.hex() for v in heads)}",
            )
        row = process.eye.execute(
            f"SELECT f_{name}, coalesce(v_{name},created), causal_length FROM r_{key.register} "
            "WHERE unit=? AND id=?",
            (key.unit, key.id),
        ).fetchone()
        if row is None or len(heads) != 1:
            continue
        if row[2] % 2 == 0 and (row[0] is None or has_bit_rot):
            continue  # a stub; rot in what an ended record has left is found by nobody
        if row[0] != heads[bytes(row[1])]:
            raise Violation("INV-7 another value", f"office {process.index}: {key} {name}")
