"""Copies: records as a peer has them, joined into the store with our own copies.

The caller owns the transaction: records, conflicts, digests, quarantine and what folds make of
them commit together (INV-3). It has checked that this peer may send us these registers and units.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sync.apply.authority import CopyJudge
from sync.apply.read_copies import quarantined_versions, read_version_vector
from sync.apply.replica import Replica
from sync.codec import block as block_codec
from sync.codec import entry as codec
from sync.codec.signing import STREAM, is_signed
from sync.log import entries as log
from sync.log import signatures
from sync.log.history import load_history
from sync.log.outcome import Received
from sync.log.signatures import BadSignature, KeyChanged, SignatureMissing
from sync.merge.copies import EMPTY, Chunk, Rows, VectorUnion, VersionVector, join, versions_in
from sync.merge.evidence import overwritten_transitively
from sync.merge.record import Head, Heads, RecordState
from sync.model.access import APPEND_ONLY, is_rewritten, rewrites
from sync.model.authority import Ground, Message
from sync.model.change import ID_BYTES, RecordKey, StreamHead
from sync.model.effect import Effect
from sync.model.errors import Malformed
from sync.model.judge import fault_in_copy
from sync.model.schema import Lane, RegisterSchema
from sync.model.stream import StreamForked
from sync.model.version import Version, hlc_of, incarnation_of
from sync.store import quarantined_copies
from sync.store.quarantined_copies import Sender
from sync.store.registers import RegisterTable
from sync.store.sql import execute, execute_many, fault_of, savepoint


@dataclass(frozen=True, slots=True)
class ChunkContext:
    """A chunk, and by what all of its records are judged."""

    chunk: Chunk
    writers: Mapping[int, tuple[int, int]]  # incarnation -> unit, level
    version_vector: Mapping[
        Lane, Mapping[int, int]
    ]  # lane -> incarnation -> newest stamp received here
    judge: CopyJudge | None = None  # None: its copies were checked when they came


# (record, fields) -> version vectors of quarantined copies of it joined in this transaction.
JoinedCopies = dict[tuple[RecordKey, str], Container[Version]]


def join_rows(
    replica: Replica, tx: Connection, known: ChunkContext, rows: Rows, received: Received, *,
    received_here: Mapping[bytes, Container[Version]] | None = None,
) -> tuple[list[Effect], Mapping[bytes, Container[Version]]]:  # fmt: skip
    """Join records of one register and unit. The caller flushes.

    Returns: what folds are to see; for each joined record what the peer had received.
    """

    chunk = known.chunk

    sender = _sender(known.judge)

    def leave_out(ids: Iterable[bytes], reason: str, detail: str = "") -> None:
        if ids := list(ids):
            quarantined_copies.quarantine_copy(
                tx, chunk, rows, ids, reason, now_ms=replica.now_ms, detail=detail, sender=sender
            )  # fmt: skip
            received.quarantined += len(ids)

    if rows.register not in replica.tables:
        leave_out(rows.states, "unknown_register")
        return [], {}
    merger, table = replica.merger, replica.tables[rows.register]
    lane = table.schema.lane
    quarantined = quarantined_versions(tx, rows.register, rows.unit, list(rows.states))
    copies = merger.states(tx, rows.register, rows.unit, list(rows.states))
    here = received_here
    if here is None:
        vector = known.version_vector[lane]
        here = {r: VersionVector(vector, quarantined.get(r, frozenset())) for r in rows.states}
    permitted: dict[bytes, RecordState] = {}
    denials: dict[str, list[bytes]] = {}
    for record, foreign in rows.states.items():
        theirs: RecordState | str | None = foreign
        if known.judge is not None:
            mine, waiting = copies.get(record), quarantined.get(record, frozenset())
            theirs = known.judge.admitted(foreign, mine, rows.unit, here[record], waiting)
        if theirs is None:
            continue
        if not isinstance(theirs, str):
            theirs = _permitted(replica, record, theirs, table.schema, rows.unit, known.writers)
        if isinstance(theirs, str):
            denials.setdefault(theirs, []).append(record)
        else:
            permitted[record] = theirs
    there = {r: chunk.vector(lane, rows.quarantined.get(r, frozenset())) for r in rows.states}
    overwritten = _overwritten(tx, rows, copies, permitted, here, there)
    pairs: list[tuple[bytes, RecordState | None, RecordState]] = []
    new = {r: _whole(c, table.schema) for r, c in permitted.items() if r not in copies}
    for record, copy in list(new.items()):
        if fault := fault_in_copy(record, copy, table.schema, whole=True):
            denials.setdefault(fault[0], []).append(record)
            del new[record], permitted[record]
    done = _all_saved(replica, tx, table, rows.unit, new)
    pairs += ((record, None, after) for record, after in done.items())
    for record, theirs in permitted.items():
        if record in done:
            continue
        before = copies.get(record)
        after = theirs
        if before is not None:
            after = join(
                before, theirs, table.schema.by_name,
                received_here=here[record], received_there=there[record],
                overwritten=overwritten.get(record, {}),
            )  # fmt: skip
        after = _whole(after, table.schema)
        if after == before:
            continue
        if rewrites(before, after, table.schema):
            denials.setdefault(APPEND_ONLY, []).append(record)
            continue
        if fault := fault_in_copy(record, after, table.schema, whole=True):
            denials.setdefault(fault[0], []).append(record)
            continue
        closer = max(versions_in(after))
        if merger.put(tx, table, rows.unit, record, before, after, closed_by=closer):
            pairs.append((record, before, after))
        else:
            denials.setdefault("constraint_violation", []).append(record)
    refused = {record for ids in denials.values() for record in ids}  # with all their fields
    accepted = {record: there[record] for record in permitted if record not in refused}
    release_superseded(tx, rows, accepted, table.schema)
    quarantined_copies.joined(tx, rows, accepted)
    for reason, ids in denials.items():
        for record in ids:
            leave_out([record], reason)
    unknown = sorted({n for s in rows.states.values() for n in s.fields} - set(table.schema.names))
    if unknown:
        leave_out(accepted, "unknown_field", ",".join(unknown))
    received.changes += len(pairs)
    received.registers.add(rows.register)
    effect = merger.effect_of(table, rows.unit, pairs)
    return [effect] if effect is not None else [], accepted


def join_quarantined(
    replica: Replica, tx: Connection, quarantine_id: bytes, detail: str, received: Received,
    joined: JoinedCopies,
) -> list[Effect] | None:  # fmt: skip
    """Retry what a snapshot brought and could not be joined; None: nothing is stored for it.

    It is judged as its sender's, as it was when it came: what it may not bring waits on.
    Of fields that were unknown only these are joined: the others were joined when it came. Our
    copy has nothing of them except what other quarantined copies, `joined` before, have brought;
    so it does not matter which of them is tried first.
    """
    chunk = quarantined_copies.load_chunk(tx, quarantine_id)
    if chunk is None:
        return None
    sender = quarantined_copies.load_sender(tx, quarantine_id)
    ground = _ground(replica, sender or _likely_sender(replica, chunk))
    quarantined_copies.drop_chunk(tx, quarantine_id)
    execute(tx, "UPDATE quarantine SET state='applied', tries=tries+1 WHERE id=?", (quarantine_id,))
    known = register_writers(replica, tx, chunk, ground)
    effects: list[Effect] = []
    for rows in chunk.rows:
        named = set(detail.split(",")) if detail else set()
        part = rows if not named else replace(rows, states={
            record: replace(
                state,
                fields={n: heads for n, heads in state.fields.items() if n in named},
                survived_delete=frozenset((n, v) for n, v in state.survived_delete if n in named),
            )
            for record, state in rows.states.items()
        })  # fmt: skip
        names = {r: (RecordKey(rows.register, rows.unit, r), detail) for r in rows.states}
        here = {record: joined.get(name, EMPTY) for record, name in names.items()}
        found, accepted = join_rows(
            replica, tx, known, part, received, received_here=here if named else None
        )
        effects += found
        joined.update((names[r], VectorUnion(here[r], vector)) for r, vector in accepted.items())
    return effects


def _sender(judge: CopyJudge | None) -> Sender | None:
    if judge is None:
        return None
    return Sender(judge.ground.message, judge.ground.peer, judge.ground.recovering)


def _ground(replica: Replica, sender: Sender) -> Ground:
    return Ground(
        sender.message, sender.peer, replica.identity, replica.routes, recovering=sender.recovering
    )


def _likely_sender(replica: Replica, chunk: Chunk) -> Sender:
    """Return who brings copies of these units in normal times, where none is noted."""
    hop = next((hop for rows in chunk.rows if (hop := replica.routes.hop(rows.unit))), None)
    if hop is not None:
        return Sender(Message.UPLOAD_SNAPSHOT, hop, recovering=False)
    return Sender(Message.SNAPSHOT, 0, recovering=False)


def is_known_now(replica: Replica, tx: Connection, quarantine_id: bytes) -> bool:
    """Say whether what a quarantined copy has of others than its sender's side has come here."""
    chunk = quarantined_copies.load_chunk(tx, quarantine_id)
    if chunk is None:
        return False
    sender = quarantined_copies.load_sender(tx, quarantine_id)
    ground = _ground(replica, sender or _likely_sender(replica, chunk))
    judge = CopyJudge(ground, {**log.writers(tx), **chunk.writers})
    vector = read_version_vector(tx)
    return all(
        judge.speaks_for(version) or version in VersionVector(vector[lane])
        for rows in chunk.rows
        if rows.register in replica.tables
        for lane in (replica.tables[rows.register].schema.lane,)
        for state in rows.states.values()
        for version in versions_in(state)
    )


def _overwritten(
    tx: Connection, rows: Rows, copies: Mapping[bytes, RecordState],
    theirs: Mapping[bytes, RecordState], here: Mapping[bytes, Container[Version]],
    there: Mapping[bytes, Container[Version]],
) -> dict[bytes, dict[str, set[Version]]]:  # fmt: skip
    """Return record -> field -> what our unsent edits overwrote of an earlier copy of theirs.

    Such a value does not count as received here, for its entry has not come; our log shows it.
    """
    asked: dict[RecordKey, set[Version]] = {}
    for record, copy in theirs.items():
        before = copies.get(record)
        if before is None:
            continue
        mine, other = _versions(before), _versions(copy)
        if any(v not in here[record] for v in other - mine):
            ours = {v for v in mine - other if v not in there[record]}
            if ours:
                asked[RecordKey(rows.register, rows.unit, record)] = ours
    if not asked:
        return {}
    found: dict[bytes, dict[str, set[Version]]] = {}
    for name, history in load_history(tx, asked).items():
        copy = copies[name.id]
        found[name.id] = {
            field: overwritten_transitively(copy, field, history) for field in copy.fields
        }
    return found


def _versions(state: RecordState) -> set[Version]:
    return {h.version for heads in state.fields.values() for h in heads.all}


def adopt_streams(replica: Replica, tx: Connection, chunk: Chunk) -> None:
    """Continue streams from where these copies end: their earlier entries never come here.

    A stream that is known further here stays as it is. Its own office must have signed each where
    it ends.
    Raises: StreamForked, KeyChanged, KeyUncertified, BadSignature, SignatureMissing.
    """
    here = log.heads_of(tx, chunk.heads)
    shown = ((chunk.writers[i][0], chunk.keys[i], chain) for i, chain in chunk.chains.items())
    signatures.take_chains(tx, replica.certifier, shown)
    for key, tip in chunk.heads.items():
        known = here.get(key, StreamHead())
        if known.seq > tip.seq:
            continue
        if known.seq == tip.seq:
            if known.hash != tip.hash:
                raise StreamForked(key, tip.seq)
            continue
        its_key = chunk.keys.get(key.incarnation, b"")
        known_key = signatures.key_known(tx, key.incarnation)
        if known_key and its_key and known_key != its_key:
            raise KeyChanged(
                f"incarnation {key.incarnation:x}",
                f"存续期 {key.incarnation:x}",
                known_key,
                its_key,
            )
        if tip.signed_seq != tip.seq:
            raise SignatureMissing(key, tip.signed_seq, tip.seq)
        if not is_signed(its_key, STREAM, tip.hash, tip.signature):
            raise BadSignature(key, tip.seq)
        replica.clock.observe(tip.hlc)
        log.adopt(tx, key, tip.seq, tip.hash, tip.hlc, tip.signature)
        if its_key and not known_key:
            signatures.keep_key(tx, key.incarnation, its_key, replica.now_ms)


def register_writers(
    replica: Replica, tx: Connection, chunk: Chunk, ground: Ground | None = None
) -> ChunkContext:
    """Remember who wrote; return what the chunk is judged by. Raises: Malformed."""
    known = log.writers(tx)
    log.check_new_lives(tx, {i: unit for i, (unit, _) in chunk.writers.items() if i not in known})
    for incarnation, writer in chunk.writers.items():
        unit, level = writer
        place = replica.routes.level(unit)
        if known.get(incarnation, writer) != writer or place not in (None, level):
            raise Malformed("a writer at another place of the tree than it has")
        replica.merger.writer(incarnation, level)
    log.register_incarnations(tx, {(i, unit, level) for i, (unit, level) in chunk.writers.items()})
    for rows in chunk.rows:
        for state in rows.states.values():
            for version in versions_in(state):
                replica.clock.observe(hlc_of(version))
    writers = {**known, **chunk.writers}
    judge = CopyJudge(ground, writers) if ground is not None else None
    return ChunkContext(chunk, writers, read_version_vector(tx), judge)


def _permitted(
    replica: Replica, record: bytes, state: RecordState, register: RegisterSchema, unit: int,
    writers: Mapping[int, tuple[int, int]],
) -> RecordState | str:  # fmt: skip
    """Return the copy without what we do not know; a reason of quarantine when it is not allowed.

    Judged as `denial_reason` and the merge judge a change, as far as a copy still shows it.
    """
    if is_rewritten(state, register):
        return APPEND_ONLY
    if fault := fault_in_copy(record, state, register):
        return fault[0]
    for version in versions_in(state):
        writer = writers[incarnation_of(version)][0]
        if (register.own and writer != unit) or not replica.routes.covers(writer, unit):
            return "foreign_unit"
    if not state.alive and writers[incarnation_of(state.causal_length_version)][0] != unit:
        return "not_owner"
    fields = {}
    for name, heads in state.fields.items():
        spec = register.by_name.get(name)
        if spec is None:
            continue
        for head in heads.all:
            created = head.version == state.created and head.value is None
            if head.level not in spec.owners and not created:
                return "not_owner"
        fields[name] = heads
    survived_delete = frozenset((n, v) for n, v in state.survived_delete if n in register.by_name)
    return RecordState(
        state.created, state.causal_length, state.causal_length_version, fields, survived_delete
    )


def _whole(state: RecordState, register: RegisterSchema) -> RecordState:
    """Return a copy with every field that we store: an older program did not know some."""
    if state.fields.keys() == register.by_name.keys():
        return state
    level = next(
        (h.shown.level for h in state.fields.values() if h.shown.version == state.created), 3
    )
    created = Heads(Head(state.created, None, level))
    return replace(state, fields={n: state.fields.get(n, created) for n in register.names})


def _all_saved(
    replica: Replica, tx: Connection, table: RegisterTable, unit: int,
    new: Mapping[bytes, RecordState],
) -> Mapping[bytes, RecordState]:  # fmt: skip
    """Save all of the copies that have no losers, in one statement; none when one is refused."""
    plain = {r: s for r, s in new.items() if all(not h.losers for h in s.fields.values())}
    plain = {r: s for r, s in plain.items() if s.alive}
    if not plain:
        return {}
    try:
        with savepoint(tx):
            execute_many(tx, table.save, [table.row_of(unit, r, s) for r, s in plain.items()])
    except DBAPIError as error:
        if fault_of(error):
            raise
        return {}
    for record, state in plain.items():
        replica.merger.rehash(table.schema.name, unit, record, None, state)
    return plain


def release_superseded(
    tx: Connection,
    rows: Rows,
    accepted: Mapping[bytes, Container[Version]],
    register: RegisterSchema,
) -> None:
    """Release quarantined edits that the peer had joined: its copies, `accepted`, have brought
    their effect. Else they would be joined as concurrent to what overwrote them.
    """
    quarantined = execute(
        tx,
        "SELECT id, arrival, record, reason, detail FROM quarantine "
        "WHERE state IN ('open','deferred') AND arrival>0 AND register=? AND unit=?",
        (rows.register, rows.unit),
    ).fetchall()
    for quarantine_id, arrival, records, reason, detail in quarantined:
        fields = set(detail.split(",")) if reason == "unknown_field" else set()
        if not fields <= register.by_name.keys():
            continue  # what the copies have of them waits, too
        ids = block_codec.split(bytes(records), ID_BYTES)
        if accepted.keys().isdisjoint(ids):
            continue
        wire = log.wire_at(tx, arrival)
        if not wire:
            continue  # its entry was truncated: it stays as it is
        version = codec.entry_from_wire(wire).version
        left = [
            record for record in ids
            if record not in accepted or version not in accepted[record]
            or not fields <= rows.states[record].fields.keys()
        ]  # fmt: skip
        if left:
            execute(
                tx,
                "UPDATE quarantine SET record=? WHERE id=?",
                (b"".join(left), bytes(quarantine_id)),
            )
        else:
            execute(tx, "UPDATE quarantine SET state='applied' WHERE id=?", (bytes(quarantine_id),))
