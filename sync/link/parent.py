"""The parent's end of a link: which children it accepts, what they push, what waits for them.

`sync.link.handshake` decides who is accepted, `sync.link.sessions` which calls a child may make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from sync.apply import receipts, statements
from sync.apply.host import Host, reporting
from sync.apply.receive import receive_batch
from sync.codec import entry as codec
from sync.codec.receipt import Receipt
from sync.compare import parent as compare_parent
from sync.link.admission import admit
from sync.link.handshake import (
    KEY_NOT_SHOWN,
    KEY_REFUSED,
    PARENT_IS_BEHIND,
    Check,
    Facts,
    Hello,
    HelloAnswer,
    accept,
    decide,
    load_facts,
)
from sync.link.messages import Verdict
from sync.link.possession import (
    CHALLENGE_BITS,
    CHALLENGE_BYTES,
    PARENT,
    Challenges,
    Sides,
    sign,
)
from sync.link.quota import Quotas
from sync.link.sessions import (
    Call,
    ChildSession,
    SessionState,
    SessionTable,
    SessionUnknown,
    WatchReply,
)
from sync.log import entries as log
from sync.log import truncation
from sync.log.outcome import Received
from sync.log.signatures import KeyChanged, KeyNotShown, KeyRefused, SignatureError
from sync.model.change import Batch, Signature, StreamHead
from sync.model.errors import OverQuota
from sync.model.limits import (
    BATCH_BYTES_MAX,
    PEER_LIMITS,
    PROTOCOL_MAX,
    SNAPSHOT_LOG_CHANGES,
    SNAPSHOT_ROWS,
    PeerLimits,
)
from sync.model.report import DurableAt, NodeStatus
from sync.model.schema import Lane
from sync.model.stream import Heads, StreamKey
from sync.recovery import parent as recovery_parent
from sync.recovery.heads import ReplayPage
from sync.recovery.parent import Recognised
from sync.recovery.proof import HeadForged, with_log_signature
from sync.snapshot import parent as snapshot_parent
from sync.snapshot.parent import ChunkAnswer
from sync.store.priority import Priority
from sync.wire.link.v1 import link_pb2 as pb

DURABLE_EVERY_MS = 200  # between two answers to pushes that report what is durable above us
RECEIPTS_EVERY_MS = 1_000  # and between two that have receipts
# With these verdicts nobody asks whether another process is alive.
_NOT_OURS = (Verdict.WRONG_PARENT, Verdict.UPGRADE_FIRST, Verdict.CHALLENGE, None)


class Parent:
    """What an office does for its children. Thread-safe; keeps nothing that must last."""

    def __init__(
        self, host: Host, *, snapshot_above: int = SNAPSHOT_LOG_CHANGES,
        snapshot_rows: int = SNAPSHOT_ROWS, limits: PeerLimits = PEER_LIMITS,
    ) -> None:  # fmt: skip
        self.host = host
        self.snapshot_above = snapshot_above  # changes: no longer log is replayed to an empty store
        self.snapshot_rows = snapshot_rows
        self.sessions = SessionTable(host)
        self.quotas = Quotas(limits, lambda: host.replica.now_ms)
        self._challenges = Challenges()
        host.on_wake(self.sessions.notify)

    # -- the handshake -------------------------------------------------------------------------

    def hello(self, hello: Hello) -> HelloAnswer:
        """Open a session, or say why not (`sync.link.handshake.CHECKS`).

        Raises: KeyNotShown, KeyRefused, KeyChanged.
        """
        # Before the answer: a store that is found to be restored goes on as another incarnation.
        signer, sides = self.host.replica.signer, self._sides(hello)
        answer = self._answer(hello)
        if not hello.challenge:
            return answer
        challenge = b""
        if hello.public_key and answer.verdict is not Verdict.WRONG_PARENT:
            drawn = self.host.rng.getrandbits(CHALLENGE_BITS).to_bytes(CHALLENGE_BYTES, "big")
            challenge = self._challenges.give(hello.unit, drawn, sides.parent_incarnation)
        signature = sign(signer, PARENT, sides, hello.challenge)
        return replace(answer, challenge=challenge, signature=signature)

    def _sides(self, hello: Hello) -> Sides:
        me = self.host.replica.identity
        return Sides(hello.unit, me.unit, hello.incarnation, me.incarnation)

    def _answer(self, hello: Hello) -> HelloAnswer:
        duplicate = self.sessions.find_duplicate(hello)
        possession = self._challenges.judge(
            self._sides(hello), hello.public_key, hello.signed_challenge, hello.signature
        )
        facts = load_facts(self.host, hello, duplicate, possession, long_log=self.snapshot_above)
        check = decide(facts)
        if check.verdict not in _NOT_OURS:
            self.sessions.settle_duplicate(hello.unit, duplicate)
            if facts.has_forged_heads:
                self.host.signature_refused(hello.unit, HeadForged(hello.unit))
        match check.verdict:
            case Verdict.CHALLENGE:
                self.sessions.forget_receipts(hello.unit)
            case None:
                error = _refusal(facts, check)
                self.host.signature_refused(hello.unit, error)
                raise error
            case Verdict.ACCEPTED | Verdict.SNAPSHOT:
                return self._accepted(facts, check)
            case Verdict.RESTORED:
                return self._restored(facts, check)
            case Verdict.CLONE:
                self.host.peer_status.flag_clone(hello.unit)
        if check is PARENT_IS_BEHIND:
            self.host.found_restored()
        return HelloAnswer(
            verdict=check.verdict, reason=check.reason, retry_after_ms=check.retry_after_ms
        )

    def _accepted(self, facts: Facts, check: Check) -> HelloAnswer:
        snapshot = check.verdict is Verdict.SNAPSHOT
        state = SessionState.ACCEPTED_SNAPSHOT if snapshot else SessionState.ACCEPTED
        child = self.sessions.open_session(facts.hello, state)
        if facts.noted and child.log_position == facts.hello.log_position:
            token = facts.tokens.newest
        else:
            token = accept(self.host, facts)
            child.log_position = facts.hello.log_position
        self._record_contact(child, facts.hello.peer_status)
        return HelloAnswer(
            verdict=check.verdict or Verdict.ACCEPTED,
            session=child.session,
            durable=facts.durable,
            waiting=self._waiting(child),
            protocol=min(PROTOCOL_MAX, facts.hello.protocol_max),
            token=token,
            required_heads=facts.required_heads,
            reason=check.reason,
        )

    def _restored(self, facts: Facts, check: Check) -> HelloAnswer:
        snapshot = facts.needs_snapshot
        state = SessionState.RESTORED_SNAPSHOT if snapshot else SessionState.RESTORED
        child = self.sessions.open_session(facts.hello, state)
        return HelloAnswer(
            verdict=Verdict.RESTORED,
            session=child.session,
            snapshot_follows=snapshot,
            reason=check.reason,
        )

    def forget_session(self, unit: int) -> None:
        """Forget the last session, so that its process has no precedence over another."""
        self.sessions.close_session(unit)

    def _waiting(self, child: ChildSession) -> frozenset[Lane]:
        with self.host.store.read() as tx:
            return frozenset(
                lane
                for lane in Lane
                if log.waiting_down(
                    tx, child=child.unit, lane=lane, after=child.acked.get(lane, 0)
                )[0]
            )

    # -- up and down -------------------------------------------------------------------------

    @contextmanager
    def _call(
        self, unit: int, session: int, call: Call, *, size: int = 0, entries: int = 0
    ) -> Iterator[ChildSession]:
        """Let a child make a call, within its quotas. Raises: SessionUnknown, OverQuota."""
        child = self.sessions.child(unit, session, call)
        try:
            with self.quotas.call(unit, size=size, entries=entries):
                yield child
        except OverQuota as error:
            self.host.quota_exceeded(unit, error)
            raise

    def push(self, unit: int, session: int, batch: Batch) -> tuple[Received, list[DurableAt]]:
        """Receive a child's batch; returns after the commits that store it (INV-4).

        Raises: SessionUnknown, Overloaded, OverQuota, and what `apply_batch` raises.
        """
        size = sum(map(len, batch.entries))
        with self._call(unit, session, Call.PUSH, size=size, entries=len(batch.entries)) as child:
            if batch.incarnation != child.incarnation:
                raise SessionUnknown  # entries of an earlier incarnation change nothing (INV-26)
            admit(self.host, batch)
            if batch.lane is Lane.BULK and self._others_wait():
                self.quotas.check_lock_time(unit)
            received = receive_batch(
                self.host, batch, peer=unit, upward=True, spent=partial(self.quotas.spent, unit)
            )
            return received, self._durable_since(child, batch.lane, received.position)

    def _others_wait(self) -> bool:
        queue = self.host.store.write_queue
        return any(queue.waiting(priority) for priority in Priority)

    def pull(self, unit: int, session: int, lane: Lane, after: int, bytes_max: int) -> Batch:
        """Return what waits for a child after a position that is durable there.

        Raises: SessionUnknown.
        """
        with self._call(unit, session, Call.PULL) as child:
            # Before we read: what commits later notifies again.
            self.sessions.record_ack(child, lane, after)
            return self._waiting_for(unit, lane, after, bytes_max)

    def _waiting_for(self, unit: int, lane: Lane, after: int, bytes_max: int) -> Batch:
        replica = self.host.replica
        with self.host.store.read() as tx:
            if after < truncation.low_water_down(tx, lane, unit):
                raise SessionUnknown  # the log does not reach back to there: handshake again
            batch = log.read_down(
                tx,
                child=unit,
                lane=lane,
                incarnation=replica.identity.incarnation,
                after=after,
                bytes_max=min(bytes_max or BATCH_BYTES_MAX, BATCH_BYTES_MAX),
            )
        return with_log_signature(replica.signer, batch)

    def upload_snapshot(self, unit: int, session: int, payload: bytes) -> None:
        """Join records that a child uploads; returns after the commit.

        Raises: SessionUnknown, and what `sync.snapshot.parent.join_upload` raises.
        """
        with self._call(unit, session, Call.UPLOAD_SNAPSHOT, size=len(payload)) as child:
            snapshot_parent.join_upload(self.host, unit, child.incarnation, payload)

    def snapshot(self, unit: int, session: int, after: bytes) -> ChunkAnswer:
        """Return the next chunk of a snapshot for a child. Raises: SessionUnknown."""
        with self._call(unit, session, Call.SNAPSHOT):
            return snapshot_parent.answer(self.host, unit, after, self.snapshot_rows)

    def compare(self, unit: int, session: int, request: pb.DigestRequest) -> pb.DigestResponse:
        """Answer one step of a comparison with a child. Raises: SessionUnknown, Malformed."""
        with self._call(unit, session, Call.COMPARE, size=request.ByteSize()) as child:
            return compare_parent.answer(
                self.host, unit, child.incarnation, request, child.digest_cache
            )

    # -- recovery ------------------------------------------------------------------------------

    def recognise(
        self, unit: int, session: int, probes: Sequence[tuple[StreamKey, StreamHead]]
    ) -> Recognised:
        """Tell a restored child which of these entries came from it. Raises: SessionUnknown."""
        with self._call(unit, session, Call.REPLAY), self.host.store.read() as tx:
            return recovery_parent.recognise(tx, self.host, unit, probes)

    def replay(
        self, unit: int, session: int, common: Heads, acked: dict[Lane, int], after: int,
        bytes_max: int,
    ) -> ReplayPage:  # fmt: skip
        """Replay to a restored child what it sent us before. Raises: SessionUnknown."""
        try:
            with self._call(unit, session, Call.REPLAY) as child, self.host.store.read() as tx:
                return recovery_parent.read_replay(
                    tx, unit, common=common, acked=acked, after=after,
                    bytes_max=min(bytes_max or BATCH_BYTES_MAX, BATCH_BYTES_MAX),
                    lanes=(Lane.CONTROL,) if child.state.snapshot_follows else tuple(Lane),
                )  # fmt: skip
        except truncation.LogTruncated as error:
            # Entries from below it, not named in its Hello: the next handshake starts a snapshot.
            snapshot_parent.record_snapshot_due(self.host, unit, error)
            raise SessionUnknown from error

    def restore_own(
        self, unit: int, session: int, wires: Sequence[bytes], signatures: Sequence[Signature], *,
        last: bool,
    ) -> None:  # fmt: skip
        """Take our own entries back from a child that received them.

        Raises: SessionUnknown, and what `sync.recovery.parent.restore_own` raises.
        """
        host, size = self.host, sum(map(len, wires))
        codec.check_entries_of_one_message(wires)
        with (
            self._call(unit, session, Call.RESTORE_PARENT, size=size, entries=len(wires)),
            reporting(host, unit),
        ):
            received = host.store.write(
                lambda tx: recovery_parent.restore_own(
                    tx, host, wires, signatures, child=unit, last=last
                )
            )
        if received.entries:
            host.log.warning("own_entries_recovered", child=unit, entries=received.entries)
        host.committed(received)

    # -- how far a child's log is durable ------------------------------------------------------

    def durable_above(self, unit: int) -> list[DurableAt]:
        """Return how far a child's log is durable here and at each level above."""
        host = self.host
        above = host.peer_status.durable_above()
        with host.store.read() as tx:
            here = [
                DurableAt(host.replica.identity.level, lane, log.cursor_of(tx, unit, "in", lane)[1])
                for lane in Lane
            ]
            return here + [_of_child(tx, unit, s) for s in above]

    def receipts_for(self, unit: int, *, hello: bool) -> list[Receipt]:
        """Return the receipts that a child was not sent yet: ours, and those from above us.

        What pushes have brought since its last Hello goes once more with the next: an answer to a
        push may be lost. `hello`: for the answer to one; else only now and then.
        """
        child, host = self.sessions.session_of(unit), self.host
        if child is None:
            return []
        replica = host.replica
        now_ms = replica.now_ms
        unsure = hello and bool(child.receipts_since)
        if hello:
            child.receipts_since = {}
        elif 0 <= now_ms - child.receipts_ms < RECEIPTS_EVERY_MS:
            return []
        child.receipts_ms = now_ms
        found: list[Receipt] = []

        def send(holder: int, of: int, what: object, receipt: Callable[[], Receipt]) -> None:
            sent = child.receipts_sent if hello else child.receipts_since
            known = child.receipts_since.get((of, holder), child.receipts_sent.get((of, holder)))
            if known != what:
                sent[of, holder] = what
                found.append(receipt())

        with host.store.read() as tx:
            at = log.position(tx)
            unchanged = at == child.receipts_at and child.receipts_sent and not unsure
            durable = {} if unchanged else receipts.heads_below(tx, replica, unit)
        child.receipts_at = at
        for of, heads in durable.items():
            send(replica.identity.unit, of, heads, partial(receipts.sign, replica, of, heads))
        for each in host.peer_status.receipts_below(lambda of: replica.routes.hop(of) == unit):
            send(each.holder, each.unit, each.signed, partial(_same, each))
        return found

    def _durable_since(self, child: ChildSession, lane: Lane, position: int) -> list[DurableAt]:
        """Return what is new since the child last received it; called after every batch.

        Computed only now and then: what is left out comes with a later answer or handshake.
        """
        here = DurableAt(self.host.replica.identity.level, lane, position)
        now_ms = self.host.replica.now_ms
        if 0 <= now_ms - child.reported_ms < DURABLE_EVERY_MS:
            return [here]
        above = tuple(self.host.peer_status.durable_above())
        fresh = [s for s in above if s not in child.reported]
        if not fresh:
            return [here]
        child.reported, child.reported_ms = above, now_ms
        with self.host.store.read() as tx:
            return [here, *(_of_child(tx, child.unit, s) for s in fresh)]

    # -- Watch -------------------------------------------------------------------------------

    def watch(self, unit: int, session: int, watch_reply: WatchReply) -> Callable[[], None]:
        """Have `watch_reply` called once: now if something waits, else when it does.

        Returns: to be called when the connection ends.
        Raises: SessionUnknown.
        """
        child = self.sessions.child(unit, session, Call.WATCH)
        self.sessions.watch(child, watch_reply)

        def ended() -> None:
            if self.sessions.watch_ended(child, watch_reply):
                self._observe(child, connected=False)

        return ended

    def close(self) -> None:
        """End every open call: the children come again elsewhere or later."""
        self.sessions.close()

    # -- inside ------------------------------------------------------------------------------

    def _record_contact(self, child: ChildSession, peer_status: Iterable[NodeStatus]) -> None:
        genuine = statements.take(self.host, peer_status, child=child.unit)
        self.host.peer_status.receive_status(genuine, child=child.unit)
        self._observe(child, connected=True)

    def _observe(self, child: ChildSession, *, connected: bool) -> None:
        with self.host.store.read() as tx:
            waiting = sum(
                log.waiting_down(tx, child=child.unit, lane=lane, after=child.acked.get(lane, 0))[0]
                for lane in Lane
            )
        self.host.peer_status.record_contact(child.unit, connected=connected, waiting_down=waiting)


def _refusal(facts: Facts, check: Check) -> SignatureError:
    """Return the error with which a handshake is refused."""
    hello = facts.hello
    if check is KEY_NOT_SHOWN:
        return KeyNotShown(f"unit {hello.unit}", f"单位 {hello.unit}")
    if check is KEY_REFUSED:
        return KeyRefused(
            f"unit {hello.unit}", f"单位 {hello.unit}", facts.pinned, hello.public_key
        )
    return KeyChanged(f"unit {hello.unit}", f"单位 {hello.unit}", facts.key, hello.public_key)


def _same(receipt: Receipt) -> Receipt:
    return receipt


def _of_child(tx: Connection, unit: int, durable_above: DurableAt) -> DurableAt:
    """Return how far our own log is durable somewhere above, as a position of a child's log."""
    position = log.position_of_child(tx, unit, durable_above.lane, durable_above.position)
    return DurableAt(durable_above.level, durable_above.lane, position)
