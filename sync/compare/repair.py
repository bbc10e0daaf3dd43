"""Repair: records that differ at a child and its parent are joined on both sides.

The caller owns the transaction and holds the log's lock. Where a bucket's kept sum was not that of
its records, a record was changed in the database directly: sum, totals and cells are those from
before that change, so they stay. Where it was, the two offices have really diverged, and sum and
folds follow the repair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import groupby

from sqlalchemy import Connection

from sync.apply.authority import FOREIGN, UNPROVEN, CopyJudge, IsOld, Proof
from sync.apply.blocks import save
from sync.apply.replica import Replica
from sync.compare import digests, repair_log
from sync.compare.digests import BucketScan
from sync.compare.drilldown import NO_RECORDS, Sum
from sync.compare.repair_log import Note
from sync.log import entries as log
from sync.log import shown
from sync.log.history import load_history
from sync.log.outcome import Received
from sync.log.shown import SignedEntries
from sync.merge import digest
from sync.merge.copies import versions_in
from sync.merge.evidence import (
    NO_EVIDENCE,
    EditHistory,
    Evidence,
    evidence_for,
    join,
    lost,
    unauthorised_heads,
    versions_in_dispute,
    with_evidence,
)
from sync.merge.join import Dropped
from sync.merge.record import Head, RecordState, with_heads
from sync.model import audience
from sync.model.access import APPEND_ONLY, Routes, is_rewritten, rewrites
from sync.model.authority import Ground, Message
from sync.model.change import Entry, RecordKey, Value
from sync.model.effect import Effect
from sync.model.judge import fault_in_copy
from sync.model.report import BucketKey
from sync.model.schema import FieldSchema, RegisterSchema
from sync.model.stream import levels_of
from sync.model.version import Version, hlc_of, incarnation_of
from sync.recovery.proof import own_keys
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
    proof: Proof


def copies(replica: Replica, tx: Connection, names: Iterable[RecordKey]) -> Copies:
    """Return our copies."""
    found: dict[RecordKey, RecordState | None] = {}
    for (register, unit), some in groupby(sorted(names), key=lambda n: n[:2]):
        ids = [name.id for name in some]
        states = replica.merger.states(tx, register, unit, ids)
        found |= {RecordKey(register, unit, i): states.get(i) for i in ids}
    return found


def join_here(
    replica: Replica, tx: Connection, sent: Copies, evidence: Mapping[RecordKey, Evidence], *,
    peer: int,
    digest_cache: DigestCache | None = None,
    proofs: Sequence[SignedEntries] = (),
) -> tuple[dict[RecordKey, Answer], Received]:  # fmt: skip
    """Join a child's copies into ours; return what each record is now.

    Raises: Malformed, StreamForked, SignatureError, for `proofs` that are none.
    """
    _begin(replica, tx)
    mine = copies(replica, tx, sent)
    disputed = {n: versions_in_dispute(mine[n], sent[n]) for n in sent}
    _take(replica, tx, proofs, disputed, frozenset())  # a child proves nothing of ours
    logged = load_history(tx, disputed)
    theirs = {n: copy and _as_logged(copy, logged[n]) for n, copy in sent.items()}
    before = repair_log.stored_evidence(tx, theirs)
    writers = _writers(replica, tx)
    judge = _judge(replica, writers, Message.COMPARE, peer)
    old = {register: _is_old(replica, tx, register, writers) for register, *_ in theirs}
    histories = {
        n: with_evidence(
            with_evidence(logged[n], mine[n], before.get(n, NO_EVIDENCE)),
            theirs[n],
            judge.trusted(theirs[n], evidence.get(n, NO_EVIDENCE), old[n.register]),
        )
        for n in theirs
    }
    levels = levels_of(writers)
    quarantined = quarantined_records(tx, theirs)
    answers: dict[RecordKey, Answer] = {}
    changes: list[_Change] = []
    for name, copy in theirs.items():
        schema = replica.tables[name.register].schema.by_name
        joined = join(
            mine[name], copy, schema, histories[name], levels, level=replica.identity.level
        )
        proof = _proof(judge, mine[name], joined.copy, logged[name], old[name.register])
        if _ends_or_begins(judge, copy, joined.copy, logged[name]):
            proof = Proof.NONE  # the join has left it out: no log here has it
        if name in quarantined:
            answers[name] = Answer(reason="quarantined")
        elif joined.copy is None:
            answers[name] = Answer(reason="unknown_writer")
        elif why := _refusal(
            replica, judge, name, mine[name], joined.copy, copy, logged[name], proof, values=False
        ):
            answers[name] = Answer(reason=why)
        else:
            answers[name] = Answer(joined.copy, evidence=evidence_for(joined.copy, histories[name]))
            dropped = (*joined.dropped, *_dropped(mine[name], joined.copy, logged[name]))
            changes.append(
                _Change(
                    name, mine[name], joined.copy, tuple(dict.fromkeys(dropped)),
                    sent[name] != joined.copy, answers[name].evidence, proof,
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
    proofs: Sequence[SignedEntries] = (),
) -> tuple[dict[RecordKey, str], Received]:
    """Take the joined copies from the parent; return which are not the same now, and why.

    A copy that lacks what we have, without an explanation, is not adopted.
    Raises: Malformed, StreamForked, SignatureError, for `proofs` that are none.
    """
    _begin(replica, tx)
    now = copies(replica, tx, sent)
    joined = {n: a.copy for n, a in answers.items() if a.copy is not None}
    disputed = {n: versions_in_dispute(now[n], copy) for n, copy in joined.items()}
    _take(replica, tx, proofs, disputed, own_keys(tx, replica, peer))
    logged = load_history(tx, disputed)
    writers = _writers(replica, tx)
    judge = _judge(replica, writers, Message.COMPARED, peer)
    old = {register: _is_old(replica, tx, register, writers) for register, *_ in joined}
    histories = {
        n: with_evidence(logged[n], copy, judge.trusted(copy, answers[n].evidence, old[n.register]))
        for n, copy in joined.items()
    }
    levels = levels_of(writers)
    left = {n: answers[n].reason or "not_answered" for n in answers if n not in joined}
    left |= {n: "not_answered" for n in sent if n not in answers}
    changes: list[_Change] = []
    for name, answer in joined.items():
        copy = _as_logged(answer, logged[name])
        before = now[name]
        proof = _proof(judge, before, copy, logged[name], old[name.register])
        if before != sent[name]:
            left[name] = "changed_meanwhile"
        elif before and (
            lost(before, copy, histories[name], levels) or _takes_back(before, copy, logged[name])
        ):
            left[name] = "missing_local_heads"
        elif why := _refusal(replica, judge, name, before, copy, copy, logged[name], proof):
            left[name] = why
        else:
            dropped = _dropped(before, copy, logged[name])
            changes.append(
                _Change(
                    name, before, copy, dropped, answers[name].changed,
                    evidence_for(copy, histories[name]), proof,
                )
            )  # fmt: skip
    received = Received()
    done = _replace(replica, tx, changes, peer, received, digest_cache)
    left |= {
        name: "still_different" for name, (c, _) in done.items() if c != answers[name].checksum
    }
    left |= {change.name: REFUSED for change in changes if change.name not in done}
    return left, received


def proofs_for_parent(tx: Connection, replica: Replica, sent: Copies) -> list[SignedEntries]:
    """Return the signed entries behind our copies that may go up to the parent."""
    versions = {v for copy in sent.values() if copy is not None for v in versions_in(copy)}
    above = replica.identity.level - 1

    def goes(entry: Entry) -> bool:
        up_to = audience.parse(entry.audience).up_to
        return up_to is not None and up_to <= above

    return shown.proofs_of(tx, versions, goes)


def proofs_for_child(
    tx: Connection, replica: Replica, child: int, sent: Copies, answers: Mapping[RecordKey, Answer]
) -> list[SignedEntries]:
    """Return the signed entries behind what a child's copies do not have and that go down to it, or
    that it once sent: it may have lost them with its disk.
    """
    versions = {
        version
        for name, answer in answers.items()
        if answer.copy is not None
        for version in versions_in_dispute(sent[name], answer.copy)
    }

    def goes(entry: Entry) -> bool:
        target = audience.parse(entry.audience)
        is_down = target.down_all or (
            target.down_to is not None and replica.routes.hop(target.down_to) == child
        )
        return is_down or (target.up_to is not None and replica.routes.hop(entry.unit) == child)

    return shown.proofs_of(tx, versions, goes)


def _take(
    replica: Replica, tx: Connection, proofs: Sequence[SignedEntries],
    disputed: Mapping[RecordKey, Set[Version]], own: frozenset[bytes] | None,
) -> None:  # fmt: skip
    """Keep the shown entries that these versions need. `own`: the keys that this office has had."""

    def is_key(unit: int, key: bytes) -> bool:
        return unit != replica.identity.unit or (own is not None and key in own)

    shown.take(tx, proofs, frozenset().union(*disputed.values()), is_key)


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

    return with_heads(copy, corrected)


def _proof(
    judge: CopyJudge, before: RecordState | None, after: RecordState | None, logged: EditHistory,
    is_old: IsOld,
) -> Proof:  # fmt: skip
    """Return how what a joined copy would change here is proven."""
    if after is None or after == before:
        return Proof.COMPLETE
    return judge.proof_of(after, before, logged, is_old)


def _ends_or_begins(
    judge: CopyJudge, theirs: RecordState | None, joined: RecordState | None, logged: EditHistory
) -> bool:
    """Return whether a peer's copy shows an end, or a new beginning, that the join has left out and
    that its sender could still prove.
    """
    if theirs is None or joined is None or theirs.causal_length <= joined.causal_length:
        return False
    version = theirs.causal_length_version
    return version not in logged and judge.speaks_for(version)


def _takes_back(before: RecordState, after: RecordState, logged: EditHistory) -> bool:
    """Return whether a copy takes back an end, or a new beginning, that our own log has."""
    edit = logged.get(before.causal_length_version)
    ours = edit is not None and edit.causal_length == before.causal_length
    return ours and after.causal_length < before.causal_length


def _is_old(
    replica: Replica, tx: Connection, register: str, writers: Mapping[int, tuple[int, int]]
) -> IsOld:
    """Return what says of a version whether our log once had it and may have it no more.

    An office's stamps rise through all of its incarnations.
    """
    lane = replica.tables[register].schema.lane
    upto: dict[int, int] = {}
    for incarnation, stamp in log.unlogged_stamps(tx, lane).items():
        if incarnation in writers:
            unit = writers[incarnation][0]
            upto[unit] = max(upto.get(unit, 0), stamp)

    def is_old(version: Version) -> bool:
        writer = writers.get(incarnation_of(version))
        return writer is not None and hlc_of(version) <= upto.get(writer[0], 0)

    return is_old


def _judge(
    replica: Replica, writers: Mapping[int, tuple[int, int]], message: Message, peer: int
) -> CopyJudge:
    return CopyJudge(Ground(message, peer, replica.identity, replica.routes), writers)


def _refusal(
    replica: Replica, judge: CopyJudge, name: RecordKey, before: RecordState | None,
    after: RecordState, theirs: RecordState | None, logged: EditHistory, proof: Proof, *,
    values: bool = True,
) -> str:  # fmt: skip
    """Return why a copy joined with a peer's, `theirs`, may not take the place of ours; else ""."""
    register = replica.tables[name.register].schema
    if theirs:
        if _has_unauthorised_heads(theirs, before, name, register, judge.writers, replica.routes):
            return "not_owner"
        if judge.is_foreign(theirs, before, name.unit, logged, values=values):
            return FOREIGN
    if is_rewritten(after, register) or rewrites(before, after, register):
        return APPEND_ONLY
    fault = fault_in_copy(name.id, after, register, whole=True)
    if fault and not (before and fault_in_copy(name.id, before, register, whole=True) == fault):
        return fault[0]  # what is here already is not made worse
    return UNPROVEN if proof is Proof.NONE else ""


def _has_unauthorised_heads(
    copy: RecordState, known: RecordState | None, name: RecordKey,
    register: RegisterSchema, writers: Mapping[int, tuple[int, int]], routes: Routes,
) -> bool:  # fmt: skip
    """Return whether a peer's copy has new values of known writers who may not write them."""

    def may_write(incarnation: int, field: FieldSchema, value: Value) -> bool:
        if incarnation not in writers:
            return True  # nobody wrote it: joining drops it
        unit, level = writers[incarnation]
        return routes.covers(unit, name.unit) and (value is None or level in field.owners)

    heads = known.fields.items() if known is not None else ()
    here = {(n, head.version) for n, each in heads for head in each.all}
    return bool(unauthorised_heads(copy, register.by_name, may_write, here))


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
                side = UNPROVEN if here and change.proof is Proof.OLD else side
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
    return with_heads(change.before, lambda name, head: true.get((name, head.version), head))


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
