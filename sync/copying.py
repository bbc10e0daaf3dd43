"""Copying: records as a peer holds them, joined into the store beside our own copies.

The caller owns the transaction: records, conflicts, digests, holes and what folds make of them
commit together (INV-3). What it must know first: that this peer may speak of these registers and
units to us.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sync import healing, held_copies, holes, log, vouches
from sync.apply import Applier
from sync.change import StreamHead
from sync.effects import Effect
from sync.heard import NOTHING, Either, Heard, join
from sync.joining import beneath
from sync.merge import Head, Heads, RecordState
from sync.narrowing import RecordName
from sync.outcome import Received
from sync.reading import kept_out, newest_heard
from sync.registers import RegisterTable
from sync.rows import Chunk, Rows, versions_in
from sync.schema import Kind, Lane, RegisterSchema
from sync.signing import STREAM, is_signed
from sync.statements import run, run_many, savepoint
from sync.streams import StreamForked
from sync.testimony import testify
from sync.trouble import trouble_of
from sync.version import Version, hlc_of, incarnation_of
from sync.vouching import BadSignature, KeyChanged
from sync.wire_errors import Malformed


@dataclass(frozen=True, slots=True)
class Known:
    """A chunk, and by what all of its records are judged."""

    chunk: Chunk
    writers: Mapping[int, tuple[int, int]]  # incarnation -> unit, level
    newest: Mapping[Lane, Mapping[int, int]]  # lane -> incarnation -> newest stamp heard here


# (record, fields) -> what those had heard whose held copies of it were joined in this transaction.
HeldJoined = dict[tuple[RecordName, str], Container[Version]]


def take(
    applier: Applier, tx: Connection, chunk: Chunk, *,
    heard_here: Container[Version] | None = None, entail: bool = True,
) -> Received:  # fmt: skip
    """Join a chunk's records with ours: nothing that only we have is erased.

    `heard_here`: what our copies may be believed to have seen; None: what this store has heard,
    `heard.NOTHING`: they are damaged, and theirs stand wherever they have heard ours. `entail`: let
    follow what a change makes this office do; False where that comes in copies of its own.
    What cannot be joined is held as a hole (`sync.held_copies`).
    Raises: Malformed: nothing was done.
    """
    applier.clock.resume(log.lock(tx))
    received = Received()
    known = _learn(applier, tx, chunk)
    applier.merger.begin(tx)
    effects: list[Effect] = []
    for rows in chunk.rows:
        how = None if heard_here is None else dict.fromkeys(rows.states, heard_here)
        effects += join_rows(applier, tx, known, rows, received, heard_here=how)[0]
    log.take(tx, 0, applier.clock.last)
    applier.merger.flush(tx)
    if entail:
        applier.entail(tx, effects, received)
    else:
        applier.fold(tx, effects)
    healing.after_batch(applier, tx, received)
    return received


def join_rows(
    applier: Applier, tx: Connection, known: Known, rows: Rows, received: Received, *,
    heard_here: Mapping[bytes, Container[Version]] | None = None,
) -> tuple[list[Effect], Mapping[bytes, Container[Version]]]:  # fmt: skip
    """Join records of one register and unit. The caller flushes.

    Returns: what folds are to see; of each record that was joined what the peer had heard.
    """

    chunk = known.chunk

    def leave_out(ids: Iterable[bytes], reason: str, detail: str = "") -> None:
        if ids := list(ids):
            held_copies.hold(tx, chunk, rows, ids, reason, now_ms=applier.now_ms, detail=detail)
            received.holes += len(ids)

    if rows.register not in applier.tables:
        leave_out(rows.states, "unknown_register")
        return [], {}
    merger, table = applier.merger, applier.tables[rows.register]
    lane = table.schema.lane
    held = kept_out(tx, rows.register, rows.unit, list(rows.states))
    copies = merger.states(tx, rows.register, rows.unit, list(rows.states))
    permitted: dict[bytes, RecordState] = {}
    objections: dict[str, list[bytes]] = {}
    for record, foreign in rows.states.items():
        theirs = _permitted(applier, foreign, table.schema, rows.unit, known.writers)
        if isinstance(theirs, str):
            objections.setdefault(theirs, []).append(record)
        else:
            permitted[record] = theirs
    here = heard_here
    if here is None:
        here = {r: Heard(known.newest[lane], held.get(r, frozenset())) for r in copies}
    there = {r: chunk.heard(lane, rows.held.get(r, frozenset())) for r in rows.states}
    gone = _overwritten(tx, rows, copies, permitted, here, there)
    pairs: list[tuple[bytes, RecordState | None, RecordState]] = []
    new = {r: _whole(c, table.schema) for r, c in permitted.items() if r not in copies}
    done = _all_saved(applier, tx, table, rows.unit, new)
    pairs += ((record, None, after) for record, after in done.items())
    for record, theirs in permitted.items():
        if record in done:
            continue
        before = copies.get(record)
        after = theirs
        if before is not None:
            after = join(
                before, theirs, table.schema.by_name,
                heard_here=here[record], heard_there=there[record], gone=gone.get(record, {}),
            )  # fmt: skip
        after = _whole(after, table.schema)
        if after == before:
            continue
        closer = max(versions_in(after))
        if merger.put(tx, table, rows.unit, record, before, after, closed_by=closer):
            pairs.append((record, before, after))
        else:
            objections.setdefault("refused_by_store", []).append(record)
    refused = objections.get("refused_by_store", [])  # with all their fields
    taken = {record: there[record] for record in permitted if record not in refused}
    holes.joined_elsewhere(tx, rows, taken, table.schema)
    held_copies.joined(tx, rows, taken)
    for reason, ids in objections.items():
        for record in ids:
            leave_out([record], reason)
    unknown = sorted({n for s in rows.states.values() for n in s.fields} - set(table.schema.names))
    if unknown:
        leave_out(taken, "unknown_field", ",".join(unknown))
    received.changes += len(pairs)
    received.registers.add(rows.register)
    effect = merger.effect_of(table, rows.unit, pairs)
    return [effect] if effect is not None else [], taken


def join_held(
    applier: Applier, tx: Connection, hole: bytes, detail: str, received: Received,
    joined: HeldJoined,
) -> list[Effect] | None:  # fmt: skip
    """Try again what a snapshot brought and could not be joined; None: nothing is kept for it.

    Of fields that were unknown only these are joined: the others were, and went on. Our copy says
    nothing of them but what other held copies, `joined` before, have brought; so it does not matter
    which of them is tried first.
    """
    chunk = held_copies.kept(tx, hole)
    if chunk is None:
        return None
    held_copies.let_go(tx, hole)
    run(tx, "UPDATE hole SET state='healed', tries=tries+1 WHERE id=?", (hole,))
    known = _learn(applier, tx, chunk)
    effects: list[Effect] = []
    for rows in chunk.rows:
        named = set(detail.split(",")) if detail else set()
        part = rows if not named else replace(rows, states={
            record: replace(
                state,
                fields={n: heads for n, heads in state.fields.items() if n in named},
                unseen=frozenset((n, v) for n, v in state.unseen if n in named),
            )
            for record, state in rows.states.items()
        })  # fmt: skip
        names = {r: (RecordName(rows.register, rows.unit, r), detail) for r in rows.states}
        here = {record: joined.get(name, NOTHING) for record, name in names.items()}
        found, taken = join_rows(
            applier, tx, known, part, received, heard_here=here if named else None
        )
        effects += found
        joined.update((names[r], Either(here[r], heard)) for r, heard in taken.items())
    return effects


def _overwritten(
    tx: Connection, rows: Rows, copies: Mapping[bytes, RecordState],
    theirs: Mapping[bytes, RecordState], here: Mapping[bytes, Container[Version]],
    there: Mapping[bytes, Container[Version]],
) -> dict[bytes, dict[str, set[Version]]]:  # fmt: skip
    """Return record -> field -> what our unsent edits overwrote of an earlier copy of theirs.

    Such a value is not counted as heard here, for its entry has not come; our log tells.
    """
    asked: dict[RecordName, set[Version]] = {}
    for record, copy in theirs.items():
        before = copies.get(record)
        if before is None:
            continue
        mine, other = _versions(before), _versions(copy)
        if any(v not in here[record] for v in other - mine):
            ours = {v for v in mine - other if v not in there[record]}
            if ours:
                asked[RecordName(rows.register, rows.unit, record)] = ours
    if not asked:
        return {}
    found: dict[bytes, dict[str, set[Version]]] = {}
    for name, said in testify(tx, asked).items():
        copy = copies[name.id]
        found[name.id] = {field: beneath(copy, field, said) for field in copy.fields}
    return found


def _versions(state: RecordState) -> set[Version]:
    return {h.version for heads in state.fields.values() for h in heads.all}


def adopt_streams(applier: Applier, tx: Connection, chunk: Chunk) -> None:
    """Go on with streams from where these copies know them: their entries never come here.

    A stream that is known further here stays as it is. What signs for one as it stands there is
    looked at; where its origin has not signed for its newest entry, the sender is believed as it is
    about the copies themselves, until the origin's next signature.
    Raises: StreamForked, KeyChanged, BadSignature.
    """
    here = log.heads_of(tx, chunk.heads)
    for key, tip in chunk.heads.items():
        known = here.get(key, StreamHead())
        if known.seq > tip.seq:
            continue
        if known.seq == tip.seq:
            if known.hash != tip.hash:
                raise StreamForked(key, tip.seq)
            continue
        shown, held = chunk.keys.get(key.incarnation, b""), vouches.key_known(tx, key.incarnation)
        if held and shown and held != shown:
            raise KeyChanged(f"incarnation {key.incarnation:x}", held, shown)
        if tip.signed_seq == tip.seq and not is_signed(shown, STREAM, tip.hash, tip.signature):
            raise BadSignature(key, tip.seq)
        applier.clock.observe(tip.hlc)
        log.adopt(tx, key, tip.seq, tip.hash, tip.hlc)
        vouched, _, _ = vouches.vouched_of(tx, key)
        if tip.signed_seq > vouched.seq:
            vouches.note_signed(tx, key, tip.signed_seq, tip.signature)
        if shown and not held:
            vouches.keep_key(tx, key.incarnation, shown, applier.now_ms)


def _learn(applier: Applier, tx: Connection, chunk: Chunk) -> Known:
    """Remember who wrote; return what the chunk is judged by. Raises: Malformed."""
    known = log.writers(tx)
    for incarnation, writer in chunk.writers.items():
        unit, level = writer
        place = applier.routes.level(unit)
        if known.get(incarnation, writer) != writer or place not in (None, level):
            raise Malformed("a writer at another place of the tree than it has")
        applier.merger.writer(incarnation, level)
    log.learn_incarnation(tx, {(i, unit, level) for i, (unit, level) in chunk.writers.items()})
    for rows in chunk.rows:
        for state in rows.states.values():
            for version in versions_in(state):
                applier.clock.observe(hlc_of(version))
    return Known(chunk, {**known, **chunk.writers}, newest_heard(tx))


def _permitted(
    applier: Applier, state: RecordState, register: RegisterSchema, unit: int,
    writers: Mapping[int, tuple[int, int]],
) -> RecordState | str:  # fmt: skip
    """Return the copy without what we do not know; a hole's reason when it may not stand.

    As `rights.objection` and the merge judge a change, so far as a copy still shows it.
    """
    for version in versions_in(state):
        writer = writers[incarnation_of(version)][0]
        if (register.own and writer != unit) or not applier.routes.covers(writer, unit):
            return "foreign_unit"
    if not state.alive and writers[incarnation_of(state.life_version)][0] != unit:
        return "not_owner"
    fields = {}
    for name, heads in state.fields.items():
        spec = register.by_name.get(name)
        if spec is None:
            continue
        kind = int if spec.kind is Kind.INT else str
        for head in heads.all:
            if head.value is not None and type(head.value) is not kind:
                return "wrong_kind"
            created = head.version == state.born and head.value is None
            if head.level not in spec.owners and not created:
                return "not_owner"
        fields[name] = heads
    unseen = frozenset((n, v) for n, v in state.unseen if n in register.by_name)
    return RecordState(state.born, state.life, state.life_version, fields, unseen)


def _whole(state: RecordState, register: RegisterSchema) -> RecordState:
    """Return a copy with every field that we store: an older program did not know some."""
    if state.fields.keys() == register.by_name.keys():
        return state
    level = next((h.shown.level for h in state.fields.values() if h.shown.version == state.born), 3)
    born = Heads(Head(state.born, None, level))
    return replace(state, fields={n: state.fields.get(n, born) for n in register.names})


def _all_saved(
    applier: Applier, tx: Connection, table: RegisterTable, unit: int,
    new: Mapping[bytes, RecordState],
) -> Mapping[bytes, RecordState]:  # fmt: skip
    """Save those of the copies that nothing stands beside, in one go; none when one is refused."""
    plain = {r: s for r, s in new.items() if all(not h.losers for h in s.fields.values())}
    plain = {r: s for r, s in plain.items() if s.alive}
    if not plain:
        return {}
    try:
        with savepoint(tx):
            run_many(tx, table.save, [table.row_of(unit, r, s) for r, s in plain.items()])
    except DBAPIError as error:
        if trouble_of(error):
            raise
        return {}
    for record, state in plain.items():
        applier.merger.reprint(table.schema.name, unit, record, None, state)
    return plain
