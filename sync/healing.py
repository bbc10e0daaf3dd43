"""Healing: held changes tried again, in the order in which they came, once their cause is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync import block_codec, codec, holes, restating
from sync.change import ID_BYTES, Block, Entry, Operation
from sync.effects import Effect
from sync.rights import objection
from sync.schema import RegisterSchema
from sync.statements import run
from sync.wire_errors import Malformed

if TYPE_CHECKING:
    from sync.apply import Applier
    from sync.copying import HeldJoined
    from sync.outcome import Received

OPEN, DEFERRED, HEALED, CLOSED = "open", "deferred", "healed", "closed"
CAUSED = tuple(sorted(holes.OF_CAUSE))  # heal by themselves
RETRY_MAX = 5_000  # holes tried in one transaction
ROUNDS_MAX = 100  # changes of one record that waited one behind the other
_COLUMNS = "id, arrival, register, unit, record, reason, detail, state"


@dataclass(frozen=True, slots=True)
class Held:
    """One hole as it is tried again."""

    id: bytes
    arrival: int
    register: str
    unit: int
    records: frozenset[bytes]  # none: the whole entry
    reason: str
    detail: str
    state: str


def held_where(tx: Connection, where: str, parameters: tuple[object, ...]) -> list[Held]:
    """Return the open and deferred holes for which a condition of this program holds, in order."""
    rows = run(
        tx,
        f"SELECT {_COLUMNS} FROM hole WHERE state IN ('open','deferred') AND {where} "
        f"ORDER BY arrival, id LIMIT {RETRY_MAX}",
        parameters,
    ).fetchall()
    return [
        Held(
            bytes(i), arrival, register, unit, frozenset(block_codec.split(records, ID_BYTES)), *why
        )
        for i, arrival, register, unit, records, *why in rows
    ]


def retry(applier: Applier, tx: Connection, holes: list[Held], received: Received) -> int:
    """Try holes again, in the order in which their entries came; return how many are healed.

    The caller holds the log's lock; what follows from the changes joins the transaction. A hole
    that stays is counted once more.
    """
    healed = 0
    effects: list[Effect] = []
    applier.merger.begin(tx)
    joined: HeldJoined = {}
    for hole in sorted(holes, key=lambda h: (h.arrival, h.id)):
        # A copy that was joined just now may have brought what it, or a part of it, waited with.
        for now in held_where(tx, "id=?", (hole.id,)):
            healed += _try(applier, tx, now, effects, received, joined)
    applier.merger.flush(tx)
    applier.entail(tx, effects, received)
    return healed


def after_batch(applier: Applier, tx: Connection, received: Received) -> None:
    """Try again what waits for a record, when a batch may have brought it."""
    if not received.registers:
        return
    probe = "SELECT 1 FROM hole WHERE state='open' AND reason IN (?,?) LIMIT 1"
    if run(tx, probe, CAUSED).fetchone() is None:
        return
    for _ in range(ROUNDS_MAX):
        names = sorted(received.registers)
        marks = ",".join("?" * len(names))
        waiting = held_where(tx, f"reason IN (?,?) AND register IN ({marks})", (*CAUSED, *names))
        ready = [hole for hole in waiting if _cause_is_here(applier, tx, hole)]
        if not ready or not retry(applier, tx, ready, received):
            return


def _cause_is_here(applier: Applier, tx: Connection, hole: Held) -> bool:
    if hole.register not in applier.tables:
        return False
    if hole.reason == "behind_hole":
        return not hole.records <= _held_before(tx, hole)
    table = applier.tables[hole.register]
    return any(True for _ in table.rows(tx, hole.unit, sorted(hole.records), ["id"]))


def _try(
    applier: Applier, tx: Connection, hole: Held, effects: list[Effect], received: Received,
    joined: HeldJoined,
) -> bool:  # fmt: skip
    entry = _entry_at(tx, hole.arrival)
    if entry is None:
        from sync.copying import join_held  # which heals what its records were waited for

        found = join_held(applier, tx, hole.id, _fields(hole), received, joined)
        if found is None:
            return _stays(tx, hole, hole.reason, hole.records)  # retention has removed its entry
        effects += found
        return is_healed(tx, hole.id)
    try:
        blocks = codec.unpack(entry.payload)
    except Malformed as error:
        return _stays(tx, hole, error.code, hole.records)
    left: set[bytes] = set()
    reason, detail = hole.reason, hole.detail
    for whole in blocks:
        block = _part_of(whole, hole)
        if block is None:
            continue
        register = applier.tables.schema.registers.get(block.register)
        refusal = _refusal(applier, entry, block, register)
        if refusal is not None or register is None:
            reason = refusal or reason
            left.update(block.ids)
            continue
        if hole.reason == "unknown_field":
            named, unknown = _named(block, entry, hole, register)
            if unknown:
                detail, left = ",".join(unknown), left | set(block.ids)
            if named is None:
                continue
            block = named
        behind = _held_before(tx, hole) & set(block.ids)
        if behind:
            left |= behind
            reason = "behind_hole"
            ready = _only(block, set(block.ids) - behind)
            if ready is None:
                continue
            block = ready
        applier.merger.writer(entry.said_under or entry.incarnation, entry.level)
        effect = applier.merger.merge(tx, block, entry.version, entry.level, again=True)
        received.registers.add(block.register)
        if effect is not None:
            effects.append(effect)
        if entry.said_under:
            effects += restating.overtaken(tx, applier.merger, applier.tables, block, entry.version)
        for refused in applier.merger.take_refused():
            left |= {refused.id} if refused.id else set(block.ids)
            reason, detail = refused.reason, refused.detail or detail
    if left or (hole.reason == "malformed" and not blocks):
        return _stays(tx, hole, reason, frozenset(left), detail)
    run(tx, "UPDATE hole SET state='healed', tries=tries+1 WHERE id=?", (hole.id,))
    return True


def _fields(hole: Held) -> str:
    return hole.detail if hole.reason == "unknown_field" else ""


def is_healed(tx: Connection, hole: bytes) -> bool:
    row = run(tx, "SELECT state FROM hole WHERE id=?", (hole,)).fetchone()
    return row is not None and row[0] == HEALED


def _entry_at(tx: Connection, arrival: int) -> Entry | None:
    row = run(tx, "SELECT wire FROM entry WHERE arrival=?", (arrival,)).fetchone()
    return codec.entry_from_wire(bytes(row[0])) if row is not None else None


def _refusal(
    applier: Applier, entry: Entry, block: Block, register: RegisterSchema | None
) -> str | None:
    if register is None:
        return "unknown_register"
    return objection(block, register, writer=entry.unit, level=entry.level, routes=applier.routes)


def _part_of(block: Block, hole: Held) -> Block | None:
    """Return the held part of a block; None when it has none."""
    if not hole.records:
        return block
    if (block.register[:60], block.unit) != (hole.register, hole.unit):
        return None
    return _only(block, hole.records)


def _only(block: Block, records: set[bytes] | frozenset[bytes]) -> Block | None:
    places = [k for k, record in enumerate(block.ids) if record in records]
    if not places:
        return None
    if len(places) == len(block.ids):
        return block
    return Block(
        block.register,
        block.unit,
        block.operation,
        [block.ids[k] for k in places],
        block.fields,
        [[column[k] for k in places] for column in block.columns],
        [[column[k] for k in places] for column in block.bases],
        block.life,
        {
            (i, name): versions
            for i, k in enumerate(places)
            for (at, name), versions in block.settled.items()
            if at == k
        },
    )


def _named(
    block: Block, entry: Entry, hole: Held, register: RegisterSchema
) -> tuple[Block | None, list[str]]:
    """Return the fields that were unknown and are known now as an update of what was applied
    without them, and those that are unknown still. An end is said again: it had seen them.
    """
    asked = hole.detail.split(",")
    fresh = [n for n in block.fields if n in asked and n in register.by_name]
    unknown = [n for n in asked if n not in register.by_name]
    if not fresh:
        return None, unknown
    if block.operation is Operation.DELETE:
        return block.without(unknown), unknown
    at = [block.fields.index(n) for n in fresh]
    created = block.operation is Operation.CREATE
    version = entry.version
    return (
        Block(
            block.register,
            block.unit,
            Operation.UPDATE,
            block.ids,
            tuple(fresh),
            [block.columns[i] for i in at],
            [[version] * len(block.ids)] * len(at) if created else [block.bases[i] for i in at],
            1 if created else block.life,
            {key: versions for key, versions in block.settled.items() if key[1] in fresh},
        ),
        unknown,
    )


def _held_before(tx: Connection, hole: Held) -> set[bytes]:
    """Return the records of its register and unit that earlier open holes hold up."""
    rows = run(
        tx,
        "SELECT record FROM hole WHERE state='open' AND register=? AND unit=? AND arrival<? "
        "AND reason NOT IN ('foreign_unit','not_owner')",
        (hole.register, hole.unit, hole.arrival),
    )
    return {record for row in rows for record in block_codec.split(bytes(row[0]), 16)}


def _stays(
    tx: Connection, hole: Held, reason: str, records: frozenset[bytes], detail: str | None = None
) -> bool:
    run(
        tx,
        "UPDATE hole SET reason=?, detail=?, record=?, state=?, tries=tries+1 WHERE id=?",
        (
            reason, hole.detail if detail is None else detail, b"".join(sorted(records)),
            DEFERRED if reason in holes.DEFERRED else OPEN, hole.id,
        ),
    )  # fmt: skip
    return False
