"""Repair: records that differ at a child and its parent are joined on both sides.

The caller owns the transaction and holds the log's lock. Where a bucket's kept sum was not that of
its records, a record was changed in the database directly: sum, totals and cells are those from
before that change, so they stay. Where it was, the two offices have really diverged, and sum and
folds follow the repair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from sqlalchemy import Connection

from sync.apply.authority import FOREIGN, CopyJudge
from sync.apply.blocks import save
from sync.apply.replica import Replica
from sync.compare import digests, repair_log
from sync.compare.digests import BucketScan
from sync.compare.drilldown import NO_RECORDS, Sum
from sync.compare.repair_log import Note
from sync.log import entries as log
from sync.log.history import load_history
from sync.log.outcome import Received
from sync.merge import digest
from sync.merge.evidence import (
    NO_EVIDENCE,
    Dropped,
    EditHistory,
    Evidence,
    evidence_for,
    join,
    lost,
    unauthorised_heads,
    versions_in_dispute,
    with_evidence,
)
from sync.merge.record import Head, Heads, RecordState
from sync.model.access import APPEND_ONLY, Routes, is_rewritten, rewrites
from sync.model.authority import Ground, Message
from sync.model.change import RecordKey, Value
from sync.model.effect import Effect
from sync.model.judge import fault_in_copy
from sync.model.report import BucketKey
from sync.model.schema import FieldSchema
from sync.store.quarantine import quarantined_records
from sync.store.registers import RegisterTable
from sync.store.tables import REFUSED_HERE

DIGEST_CACHE_MAX = 4_096  # buckets remembered
REFUSED = "constraint_violation"  # why a record is left as it is: logged as REFUSED_HERE
Copies = Mapping[RecordKey, RecordState | None]  # None: the record is not there


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one record at the parent. `reason`: why it was not joined; "" if it was."""

    copy: RecordState | None = None
    reason: str = ""
    changed: bool = False  # the parent's copy is another than before
    checksum: int = 0  # of the parent's copy as it is now
    evidence: Evidence = NO_EVIDENCE


class DigestCache:
    """Whether buckets' kept sums were those of their records when these were last read.

    It saves a second reading: the result is valid as long as the kept sum is the same.
    """

    def __init__(self) -> None:
        self._consistent: dict[BucketKey, tuple[Sum, bool]] = {}

    def note(self, key: BucketKey, counted: BucketScan) -> None:
        if len(self._consistent) >= DIGEST_CACHE_MAX:
            self._consistent.clear()
        self._consistent[key] = (counted.kept, counted.consistent)

    def consistent(
        self, tx: Connection, table: RegisterTable, keys: Iterable[BucketKey]
    ) -> set[int]:
        """Return which of these buckets of one unit are consistent; what is not known is read."""
        keys = set(keys)
        kept = digests.bucket_sums(tx, {key.of for key in keys})
        found: set[int] = set()
        for key in keys:
            before, consistent = self._consistent.get(key, (None, False))
            if before != kept.get(key, NO_RECORDS):
                consistent = digests.count(tx, table, key.unit, [key.bucket])[key.bucket].consistent
            if consistent:
                found.add(key.bucket)
        return found


@dataclass(frozen=True, slots=True)
class _Change:
    name: RecordKey
    before: RecordState | None
    after: RecordState
    dropped: tuple[Dropped, ...]
    there: bool  # the peer's copy is another than before, too
    evidence: Evidence


def copies(replica: Replica, tx: Connection, names: Iterable[RecordKey]) -> Copies:
    """Return our copies."""
    found: dict[RecordKey, RecordState | None] = {}
    for (register, unit), some in groupby(sorted(names), key=lambda n: n[:2]):
        ids = [name.id for name in some]
        states = replica.merger.states(tx, register, unit, ids)
        found |= {RecordKey(register, unit, i): states.get(i) for i in ids}
    return found


def join_here(
    replica: Replica, tx: Connection, theirs: Copies, evidence: Mapping[RecordKey, Evidence], *,
    peer: int,
    digest_cache: DigestCache | None = None,
) -> tuple[dict[RecordKey, Answer], Received]:  # fmt: skip
    """Join a child's copies into ours; return what each record is now."""
    _begin(replica, tx)
    mine = copies(replica, tx, theirs)
    logged = load_history(tx, {n: versions_in_dispute(mine[n], theirs[n]) for n in theirs})
    before = repair_log.stored_evidence(tx, theirs)
    writers = _writers(replica, tx)
    judge = _judge(replica, writers, Message.COMPARE, peer)
    histories = {
        n: with_evidence(
            with_evidence(logged[n], mine[n], before.get(n, NO_EVIDENCE)),
            theirs[n],
            judge.trusted(theirs[n], evidence.get(n, NO_EVIDENCE)),
        )
        for n in theirs
    }
    levels = {incarnation: level for incarnation, (_, level) in writers.items()}
    quarantined = quarantined_records(tx, theirs)
    answers: dict[RecordKey, Answer] = {}
    changes: list[_Change] = []
    for name, copy in theirs.items():
        schema = replica.tables[name.register].schema.by_name
        joined = join(
            mine[name], copy, schema, histories[name], levels, level=replica.identity.level
        )
        if name in quarantined:
            answers[name] = Answer(reason="quarantined")
        elif joined.copy is None:
            answers[name] = Answer(reason="unknown_writer")
        elif copy and _has_unauthorised_heads(
            copy, mine[name], name, schema, writers, replica.routes
        ):
            answers[name] = Answer(reason="not_owner")
        elif copy and judge.is_foreign(copy, mine[name], name.unit, logged[name], values=False):
            answers[name] = Answer(reason=FOREIGN)
        elif _is_forged(replica, name, mine[name], joined.copy):
            answers[name] = Answer(reason=APPEND_ONLY)
        elif fault := _senseless(replica, name, mine[name], joined.copy):
            answers[name] = Answer(reason=fault)
        else:
            answers[name] = Answer(joined.copy, evidence=evidence_for(joined.copy, histories[name]))
            dropped = (*joined.dropped, *_dropped(mine[name], joined.copy, logged[name]))
            changes.append(
                _Change(
                    name, mine[name], joined.copy, tuple(dict.fromkeys(dropped)),
                    copy != joined.copy, answers[name].evidence,
                )
            )  # fmt: skip
    received = Received()
    done = _replace(replica, tx, changes, peer, received, digest_cache)
    for name, (checksum, here) in done.items():
        answers[name] = replace(answers[name], changed=here, checksum=checksum)
    answers |= {c.name: Answer(reason=REFUSED) for c in changes if c.name not in done}
    return answers, received


def adopt(
    replica: Replica,
    tx: Connection,
    sent: Copies,
    answers: Mapping[RecordKey, Answer],
    *,
    peer: int,
    digest_cache: DigestCache | None = None,
) -> tuple[dict[RecordKey, str], Received]:
    """Take the joined copies from the parent; return which are not the same now, and why.

    A copy that lacks what we have, without an explanation, is not adopted.
    """
    _begin(replica, tx)
    now = copies(replica, tx, sent)
    joined = {n: a.copy for n, a in answers.items() if a.copy is not None}
    logged = load_history(tx, {n: versions_in_dispute(now[n], copy) for n, copy in joined.items()})
    writers = _writers(replica, tx)
    judge = _judge(replica, writers, Message.COMPARED, peer)
    histories = {
        n: with_evidence(logged[n], copy, judge.trusted(copy, answers[n].evidence))
        for n, copy in joined.items()
    }
    levels = {incarnation: level for incarnation, (_, level) in writers.items()}
    left = {n: answers[n].reason or "not_answered" for n in answers if n not in joined}
    left |= {n: "not_answered" for n in sent if n not in answers}
    changes: list[_Change] = []
    for name, answer in joined.items():
        copy = _as_logged(answer, logged[name])
        schema, before = replica.tables[name.register].schema.by_name, now[name]
        if before != sent[name]:
            left[name] = "changed_meanwhile"
        elif before and lost(before, copy, histories[name], levels):
            left[name] = "missing_local_heads"
        elif _has_unauthorised_heads(copy, before, name, schema, writers, replica.routes):
            left[name] = "not_owner"
        elif judge.is_foreign(copy, before, name.unit, logged[name]):
            left[name] = FOREIGN
        elif _is_forged(replica, name, before, copy):
            left[name] = APPEND_ONLY
        elif fault := _senseless(replica, name, before, copy):
            left[name] = fault
        else:
            dropped = _dropped(before, copy, logged[name])
            changes.append(
                _Change(
                    name, before, copy, dropped, answers[name].changed,
                    evidence_for(copy, histories[name]),
                )
            )  # fmt: skip
    received = Received()
    done = _replace(replica, tx, changes, peer, received, digest_cache)
    left |= {
        name: "still_different" for name, (c, _) in done.items() if c != answers[name].checksum
    }
    left |= {change.name: REFUSED for change in changes if change.name not in done}
    return left, received


def _begin(replica: Replica, tx: Connection) -> None:
    replica.clock.resume(log.lock(tx))
    replica.merger.begin(tx)


def _writers(replica: Replica, tx: Connection) -> dict[int, tuple[int, int]]:
    me = replica.identity
    return {**log.writers(tx), me.incarnation: (me.unit, me.level)}


def _as_logged(copy: RecordState, logged: EditHistory) -> RecordState:
    """Return a copy with the values that our own log has under its versions."""

    def corrected(name: str, head: Head) -> Head:
        edit = logged.get(head.version)
        return head._replace(value=edit.values[name]) if edit and name in edit.values else head

    fields = {
        name: Heads(corrected(name, h.shown), tuple(corrected(name, one) for one in h.losers))
        for name, h in copy.fields.items()
    }
    return replace(copy, fields=fields) if fields != copy.fields else copy


def _judge(
    replica: Replica, writers: Mapping[int, tuple[int, int]], message: Message, peer: int
) -> CopyJudge:
    return CopyJudge(Ground(message, peer, replica.identity, replica.routes), writers)


def _has_unauthorised_heads(
    copy: RecordState, known: RecordState | None, name: RecordKey,
    schema: Mapping[str, FieldSchema], writers: Mapping[int, tuple[int, int]], routes: Routes,
) -> bool:  # fmt: skip
    """Return whether a peer's copy has new values of known writers who may not write them."""

    def may_write(incarnation: int, field: FieldSchema, value: Value) -> bool:
        if incarnation not in writers:
            return True  # nobody wrote it: joining drops it
        unit, level = writers[incarnation]
        return routes.covers(unit, name.unit) and (value is None or level in field.owners)

    heads = known.fields.items() if known is not None else ()
    here = {(n, head.version) for n, each in heads for head in each.all}
    return bool(unauthorised_heads(copy, schema, may_write, here))


def _is_forged(
    replica: Replica, name: RecordKey, before: RecordState | None, after: RecordState
) -> bool:
    """Return whether a repair would change a record that is only appended."""
    register = replica.tables[name.register].schema
    return is_rewritten(after, register) or rewrites(before, after, register)


def _senseless(
    replica: Replica, name: RecordKey, before: RecordState | None, after: RecordState
) -> str:
    """Return why a repair would store a value that no office may write; "" where it would not."""
    register = replica.tables[name.register].schema
    fault = fault_in_copy(name.id, after, register, whole=True)
    if fault is None or (before and fault_in_copy(name.id, before, register, whole=True) == fault):
        return ""  # the same value is here already: the repair makes nothing worse
    return fault[0]


def _dropped(
    before: RecordState | None, after: RecordState, history: EditHistory
) -> tuple[Dropped, ...]:
    """Return what is removed without a reason in our own log: the repair log keeps it."""
    if before is None:
        return ()
    overwritten = {
        (n, v)
        for one in history.values()
        for n, versions in one.overwritten.items()
        for v in versions
    }
    kept = {(n, h.version, h.value) for n, heads in after.fields.items() for h in heads.all}
    return tuple(
        Dropped(n, h.version, h.value)
        for n, heads in before.fields.items()
        for h in heads.all
        if (n, h.version, h.value) not in kept and (n, h.version) not in overwritten
    )


def _replace(
    replica: Replica, tx: Connection, changes: Sequence[_Change], peer: int, received: Received,
    digest_cache: DigestCache | None,
) -> dict[RecordKey, tuple[int, bool]]:  # fmt: skip
    """Replace our copies by joined ones and log it.

    Returns: each record's checksum now, and whether it was changed. Records that the store refused
    are left out: they stay as they are and block no other.
    """
    effects: list[Effect] = []
    notes: list[Note] = []
    done: dict[RecordKey, tuple[int, bool]] = {}
    now_ms = replica.now_ms
    for (register, unit), group in groupby(sorted(changes, key=_by_name), key=lambda c: c.name[:2]):
        some = list(group)
        table = replica.tables[register]
        ids = [change.name.id for change in some]
        keys = {BucketKey(register, unit, digest.bucket_of(i)) for i in ids}
        consistent = (digest_cache or DigestCache()).consistent(tx, table, keys)
        before = digests.checksums(tx, table, unit, ids)
        saved = [change for change in some if _save(tx, replica, change, now_ms)]
        after = digests.checksums(tx, table, unit, ids)
        for change in some:
            if change not in saved:
                record = change.name.id
                notes.append(Note(change.name, REFUSED_HERE, before.get(record), after.get(record)))
        pairs = []
        for change in saved:
            record = change.name.id
            here = before.get(record) != after[record]
            done[change.name] = (after[record], here)
            if here and digest.bucket_of(record) in consistent:
                replica.merger.rehash(register, unit, record, change.before, change.after)
                pairs.append((record, _as_written(change), change.after))
            if here or change.there:
                side = "both" if here and change.there else "here" if here else "there"
                notes.append(
                    Note(
                        change.name, side, before.get(record), after[record],
                        change.dropped, change.evidence,
                    )
                )  # fmt: skip
        if (effect := replica.merger.effect_of(table, unit, pairs)) is not None:
            effects.append(effect)
        received.registers.add(register)
    replica.merger.flush(tx)
    repair_log.write(tx, notes, peer=peer, now_ms=now_ms)
    replica.commit_derived(tx, effects, received)
    received.changes = sum(here for _, here in done.values())
    return done


def _as_written(change: _Change) -> RecordState | None:
    """Return our former copy as folds knew it: with each version's value as it was written, even if
    the database has another one now.
    """
    if change.before is None:
        return None
    true = {(n, h.version): h for n, heads in change.after.fields.items() for h in heads.all}

    def written(name: str, head: Head) -> Head:
        return true.get((name, head.version), head)

    fields = {
        name: Heads(written(name, heads.shown), tuple(written(name, head) for head in heads.losers))
        for name, heads in change.before.fields.items()
    }
    return replace(change.before, fields=fields)


def _save(tx: Connection, replica: Replica, change: _Change, now_ms: int) -> bool:
    """Save a joined copy with its heads; False when the store refuses it: nothing changed."""
    register, unit, record = change.name
    newest = max(h.version for heads in change.after.fields.values() for h in heads.all)
    return save(
        tx, replica.tables[register], unit, record, change.before, change.after,
        closed_by=newest, now_ms=now_ms, rewrite_values=True,
    )  # fmt: skip


def _by_name(change: _Change) -> RecordKey:
    return change.name
