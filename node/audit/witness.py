"""Witnesses: the offices above have seen an audit log, and refuse one that is cut or rewritten.

An office submits the head of its log with each handshake, and hands on those from below. Every
office on the way accepts a head if it goes on with the one that it accepted before, and cosigns
it; the cosignatures come back. What is refused stays refused until a person here decides.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection

from node.audit.log import AuditLog
from node.domain.audit import AuditEvent, EventKind, Fact
from node.domain.units import Tree
from node.store import audit as table
from node.store import checkpoints
from node.store.checkpoints import Accepted
from node.store.engine import Store
from sync.apply.replica import Replica
from sync.log import entries as log
from sync.log import signatures
from sync.model.errors import ErrorKind, SilianError
from sync.store import meta
from sync.store.meta import Key
from sync.tlog import note, tree
from sync.tlog.checkpoint import Checkpoint, is_of, origin_of
from sync.tlog.note import COSIGNATURE
from sync.tlog.note import Key as NoteKey
from sync.tlog.wire import Answer
from sync.tlog.witness import PROOFS_MAX, Submission, Verdict, judge

HANDED_ON_MAX = 200  # heads of logs below in one handshake
# What a person has decided about refused logs: whose, when, who, why, what was refused.
DECISIONS: Key[list[list[Fact]]] = Key("audit_logs_accepted", json.loads, [], json.dumps)
ANSWERS_MAX = 1_000  # in one answer to a handshake


class AuditNotRefused(SilianError):
    """The log of that office is not refused here: there is nothing to accept."""

    code = "audit_not_refused"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the audit log of {name} is not refused here",
            f"本单位未拒绝 {name} 的审计日志",
            remedy_en="`silian status` names the offices whose log is refused.",
            remedy_zh="请用 silian status 查看审计日志被拒绝的单位。",
        )


class WitnessContext(Protocol):
    """The part of an office that witnesses use."""

    @property
    def store(self) -> Store: ...

    @property
    def tree(self) -> Tree: ...

    @property
    def replica(self) -> Replica: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def parent_unit(self) -> int | None: ...

    @property
    def log(self) -> Any: ...  # structlog's bound logger


class Witness:
    """An office as a witness of the logs below it, and as a log before those above. Thread-safe."""

    def __init__(self, office: WitnessContext) -> None:
        self._office = office
        self._lock = threading.Lock()
        self._below: dict[int, Submission] = {}  # to be handed on to the parent
        self._answers: dict[tuple[int, int], Answer] = {}  # by unit and witness, for units below
        self._due: set[tuple[int, int]] = set()  # answers that no child has taken yet
        self._asked: dict[int, int] = {}  # witness -> size from which it needs a proof

    # -- as a log ------------------------------------------------------------------------------

    def submissions(self) -> list[Submission]:
        """Return the heads that the offices above have not accepted yet: ours and those below."""
        own = self._own_submission()
        with self._lock:
            handed_on = list(self._below.values())[:HANDED_ON_MAX]
        return [*own, *handed_on]

    def _own_submission(self) -> list[Submission]:
        office, me = self._office, self._me
        with office.store.read() as tx:
            accepted = {row.witness: row for row in checkpoints.of_unit(tx, me)}
            head = office.audit.checkpoint(tx)
            above = office.tree.ancestors(me) if me in office.tree else ()
            if not head.size or all(
                unit in accepted and accepted[unit].size == head.size for unit in above
            ):
                return []
            sizes = {row.size for row in accepted.values()} | set(self._asked.values())
            needed = sorted(size for size in sizes if 0 < size < head.size)[:PROOFS_MAX]
            read = partial(table.nodes, tx)
            proofs = {size: tree.consistency(size, head.size, read) for size in needed}
        signed = office.audit.signed(head)
        return [Submission(me, signed, head, office.audit.key.public_key, proofs)]

    def take(self, parent_key: bytes, answers: Iterable[Answer], *, carried: bool = False) -> None:
        """Keep what the offices above answer: cosignatures of our log, and what is for below.

        `carried`: they came in a bundle, maybe long after they were given.
        """
        office = self._office
        for answer in answers:
            tree_now, unit = office.tree, answer.unit
            if unit == self._me:
                if answer.witness in tree_now.ancestors(unit):
                    self._take_own(answer, parent_key, carried=carried)
            elif unit in tree_now and tree_now.within(unit, self._me):
                with self._lock:
                    self._answers[unit, answer.witness] = answer
                    self._due.add((unit, answer.witness))
                    if answer.witness == office.parent_unit:
                        self._handed_on(answer)

    def _handed_on(self, answer: Answer) -> None:
        """Hand a head on no more once the parent has accepted or refused it."""
        waiting = self._below.get(answer.unit)
        if waiting and (answer.code or answer.size >= waiting.checkpoint.size):
            del self._below[answer.unit]

    def _take_own(self, answer: Answer, parent_key: bytes, *, carried: bool) -> None:
        office, witness = self._office, answer.witness
        if not answer.signature and not answer.code:
            self._asked[witness] = answer.size
            return
        with office.store.read() as tx:
            is_parent = witness == office.parent_unit and answer.public_key == parent_key
            if not is_parent and signatures.unit_of_key(tx, answer.public_key) != {witness}:
                return  # its key is not known here yet
            known = checkpoints.find(tx, self._me, witness)
            if carried and known is not None and answer.size < known.size:
                return  # a later answer was here before
            root = b""
            if answer.size <= table.size(tx):
                root = tree.root(answer.size, partial(table.nodes, tx))
        head = Checkpoint(office.audit.origin, answer.size, root)
        made = note.Signature(origin_of(witness), answer.signature)
        key = NoteKey(origin_of(witness), answer.public_key, COSIGNATURE)
        if note.is_signed_by(head.text, made, key):
            at_ms = note.cosigned_s(made) * 1_000
            row = Accepted(self._me, witness, head.size, root, at_ms, made.line, answer.code)
        elif answer.code:
            # It has seen a log that this store does not have: shorter, or another one.
            row = known or Accepted(self._me, witness, 0, tree.EMPTY_ROOT, 0, "")
            row = replace(row, refused=answer.code)
        else:
            return
        if row != known:
            office.store.write(lambda tx: checkpoints.save(tx, row))

    # -- as a witness --------------------------------------------------------------------------

    def judge(
        self, child: int, key: bytes, given: Iterable[Submission], *, carried: bool = False
    ) -> None:
        """Judge the heads that a child has brought: its own, and those from below it.

        `carried`: they came in a bundle, and its log may have gone on since.
        """
        office = self._office
        for submission in given:
            unit = submission.unit
            if unit not in office.tree or not office.tree.within(unit, child):
                continue
            is_own = unit == child
            with office.store.read() as tx:
                if not self._is_genuine(tx, submission, key if is_own else b""):
                    continue
                is_now = is_own and not carried
                answer, changed = self._judged(tx, submission, is_now=is_now)
            if changed:  # and again under the store's lock
                answer = office.store.write(
                    partial(self._record, submission=submission, is_now=is_now)
                )
            with self._lock:
                self._answers[unit, self._me] = answer
                self._due |= {each for each in self._answers if each[0] == unit}
                if answer.signature and not answer.code and office.parent_unit is not None:
                    self._below[unit] = submission

    def answers(self, child: int) -> list[Answer]:
        """Return what is new for a child and those below it: our answers, and those from above."""
        within = self._office.tree.within
        with self._lock:
            due = [key for key in sorted(self._due) if within(key[0], child)][:ANSWERS_MAX]
            self._due.difference_update(due)
            return [self._answers[key] for key in due]

    def answers_to_carry(self, child: int) -> list[Answer]:
        """Return all answers for a child and those below it: a bundle may be lost, or read late."""
        within = self._office.tree.within
        with self._office.store.read() as tx:
            rows = checkpoints.of_witness(tx, self._me)
        with self._lock:
            every = dict(self._answers)
        every |= {(row.unit, self._me): self._answer(row) for row in rows}
        return [every[key] for key in sorted(every) if within(key[0], child)][:ANSWERS_MAX]

    def refused(self) -> dict[int, str]:
        """Return the offices whose log is refused, with the code: here, or ours by one above."""
        with self._office.store.read() as tx:
            rows = [
                *checkpoints.of_witness(tx, self._me), *checkpoints.of_unit(tx, self._me),
            ]  # fmt: skip
        return {row.unit: row.refused for row in rows if row.refused}

    def cosigned(self, tx: Connection, after: int) -> tuple[Checkpoint, list[note.Signature]]:
        """Return the head of our log with the most cosignatures, of more than `after` entries.

        The newest of those; without any, the head of now.
        """
        rows = [
            row for row in checkpoints.of_unit(tx, self._me)
            if not row.refused and after < row.size <= table.size(tx)
        ]  # fmt: skip
        sizes = Counter(row.size for row in rows)
        if not sizes:
            return self._office.audit.checkpoint(tx), []
        best = max(sizes, key=lambda size: (sizes[size], size))
        chosen = [row for row in rows if row.size == best]
        head = chosen[0].checkpoint(self._office.audit.origin)
        return head, [note.line_of(row.note) for row in chosen]

    def accept(self, unit: int, *, by: str, reason: str) -> None:
        """Forget what was accepted of a log: its next head counts, whatever it is.

        The decision stays in the store for good. Raises: AuditNotRefused.
        """
        office, replica = self._office, self._office.replica

        def write(tx: Connection) -> None:
            row = checkpoints.find(tx, unit, self._me)
            if row is None or not row.refused:
                raise AuditNotRefused(office.tree.get(unit).name)
            checkpoints.drop(tx, unit, self._me)
            facts: dict[str, Fact] = {"code": row.refused, "seen": row.size}
            event = AuditEvent(event=EventKind.LOG_ACCEPTED, by=by, unit=unit, facts=facts)
            office.audit.append(tx, event)
            decision: list[Fact] = [
                unit, replica.now_ms, by, reason, row.refused, row.size, row.refused_note,
            ]  # fmt: skip
            meta.put(tx, DECISIONS, [*meta.get(tx, DECISIONS), decision])

        office.store.write(write)
        office.log.warning("audit_log_accepted", unit=unit, by=by)

    def _is_genuine(self, tx: Connection, submission: Submission, key: bytes) -> bool:
        """Return whether a log's own office has signed its head. `key`: the one it came under."""
        unit, shown = submission.unit, submission.public_key
        is_known = shown == key if key else signatures.unit_of_key(tx, shown) == {unit}
        return is_known and is_of(submission.note, NoteKey(origin_of(unit), shown))

    def _judged(
        self, tx: Connection, submission: Submission, *, is_now: bool
    ) -> tuple[Answer, Accepted | None]:
        """Return the answer, and the row that is to be stored; None: nothing changes.

        `is_now`: the log's own office is there and shows its head of now. What a hub hands on, or
        a bundle brings, may be an older one, which says nothing.
        """
        row = checkpoints.find(tx, submission.unit, self._me)
        if row is not None and row.refused:
            return self._answer(row), None
        seen = None if row is None else row.checkpoint(submission.checkpoint.origin)
        verdict = judge(seen, submission)
        if row is None or verdict is Verdict.ACCEPTED:
            fresh = self._cosigned(submission)
            return self._answer(fresh), fresh
        if verdict is Verdict.KNOWN:
            return self._answer(row), None
        if verdict is Verdict.UNPROVEN or (verdict is Verdict.TRUNCATED and not is_now):
            return replace(self._answer(row), signature=b""), None
        row = replace(row, refused=verdict.value, refused_note=submission.note)
        return self._answer(row), row

    def _record(self, tx: Connection, *, submission: Submission, is_now: bool) -> Answer:
        office = self._office
        log.lock(tx)
        answer, row = self._judged(tx, submission, is_now=is_now)
        if row is None:
            return answer
        checkpoints.save(tx, row)
        if row.refused:
            facts: dict[str, Fact] = {
                "code": row.refused, "size": submission.checkpoint.size, "seen": row.size,
            }  # fmt: skip
            event = AuditEvent(event=EventKind.LOG_REFUSED, unit=row.unit, facts=facts)
            office.audit.append(tx, event)
            office.log.error("audit_log_refused", unit=row.unit, code=row.refused)
        return answer

    def _cosigned(self, submission: Submission) -> Accepted:
        replica, head = self._office.replica, submission.checkpoint
        now_ms = replica.now_ms
        made = note.cosign(head.text, origin_of(self._me), replica.signer, now_ms // 1_000)
        return Accepted(submission.unit, self._me, head.size, head.root, now_ms, made.line)

    def _answer(self, row: Accepted) -> Answer:
        made = note.line_of(row.note)
        key = self._office.replica.signer.public_key
        return Answer(row.unit, self._me, row.size, made.data, key, row.refused)

    @property
    def _me(self) -> int:
        return self._office.replica.identity.unit
