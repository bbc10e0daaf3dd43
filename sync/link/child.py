"""The child's end of a link: what it sends its parent, and how it takes the answers.

Used by the dialer (real connections) and the simulator (virtual ones): both carry out the
session's commands through `ChildEnd` and send the messages in their own way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from sqlalchemy import Connection

from sync.apply import receipts
from sync.apply.authority import check_incarnation
from sync.apply.host import Host, reporting
from sync.apply.receive import receive_batch
from sync.codec import entry as codec
from sync.codec import receipt, statement
from sync.compare.child import ComparisonRun
from sync.link.keys import Key, exchange_keys, take_keys
from sync.link.messages import (
    AppliedHere,
    Apply,
    BatchRead,
    ChunkJoined,
    Command,
    Compare,
    Compared,
    Event,
    FetchChunk,
    Handshake,
    HandshakeDone,
    Pull,
    Pulled,
    Push,
    Pushed,
    Read,
    Recover,
    Recovered,
    Upload,
    Uploaded,
    Verdict,
)
from sync.link.possession import (
    CHALLENGE_BITS,
    CHALLENGE_BYTES,
    CHILD,
    PARENT,
    Sides,
    is_shown,
    sign,
)
from sync.log import entries as log
from sync.log import signatures, truncation
from sync.log.recent import RecentCommit
from sync.log.signatures import KeyChanged, KeyNotShown, KeyRefused
from sync.model.change import Batch
from sync.model.errors import Malformed
from sync.model.limits import PROTOCOL_MAX, PROTOCOL_MIN, SNAPSHOT_ROWS
from sync.model.report import CompareOptions
from sync.model.schema import Lane
from sync.recovery import heads as recovery_heads
from sync.recovery.child import ParentRestore, Recovery
from sync.snapshot import progress, upload
from sync.snapshot.receiver import SnapshotDownload
from sync.snapshot.upload import SnapshotUpload
from sync.store import meta, peers
from sync.tlog import wire as tlog
from sync.wire.link.v1 import link_pb2 as pb

Request = (
    pb.HelloRequest | pb.PushRequest | pb.PullRequest | pb.ReplayRequest | pb.RestoreParentRequest
    | pb.DigestRequest | pb.SnapshotRequest | pb.UploadSnapshotRequest
)  # fmt: skip
Reply = (
    pb.HelloResponse | pb.PushResponse | pb.PullResponse | pb.ReplayResponse
    | pb.RestoreParentResponse | pb.DigestResponse | pb.SnapshotResponse | pb.UploadSnapshotResponse
)  # fmt: skip


def method_of(command: Command) -> str:
    """Return the name of the call that carries out a command."""
    match command:
        case Handshake():
            return "Hello"
        case Push():
            return "Push"
        case Pull():
            return "Pull"
        case Recover(verdict=verdict):
            return "RestoreParent" if verdict is Verdict.ACCEPTED else "Replay"
        case FetchChunk():
            return "Snapshot"
        case Upload():
            return "UploadSnapshot"
        case Compare():
            return "Digest"
    raise AssertionError(f"no call for {command}")


class Exchange(Protocol):
    """Several calls with one purpose. It goes on until a reply leaves nothing more to ask."""

    def request(self) -> Any:
        """Return the next message."""

    def on_reply(self, reply: Any) -> bool:
        """Process the answer to it; return whether there is more to ask."""


class ChildEnd:
    """Makes the child's messages, processes the answers; keeps what lasts for one session only."""

    def __init__(self, host: Host, parent_unit: int, *, snapshot_rows: int = SNAPSHOT_ROWS) -> None:
        self.snapshot_rows = snapshot_rows  # in one chunk that we upload
        self.parent_unit = parent_unit
        self.options = CompareOptions()  # of the next comparison
        # Of the newest commit; None: unknown, and the log is read.
        self.recent_commit: RecentCommit | None = None
        self._host = host
        self._process = host.draw()
        self._session = 0
        self._parent_incarnation = 0
        self._given = (b"", 0)  # the parent's challenge not signed yet, and its incarnation then
        self._asked_keys: list[Key] = []  # whose certificates the parent asks for
        self._asked = (b"", 0)  # our challenge in the current handshake, and our incarnation
        self._snapshot_follows = False  # after the recovery, bulk comes as copies
        self._exchange: Exchange | None = None  # under way, or the last one

    def request(self, command: Command) -> Request:
        """Return the message that carries out a command."""
        unit = self._host.replica.identity.unit
        match command:
            case Handshake():
                return self._hello()
            case Push(batch=batch):
                return pb.PushRequest(
                    session=self._session, unit=unit, batch=codec.batch_to_wire(batch)
                )
            case Pull():
                return pb.PullRequest(
                    session=self._session, unit=unit,
                    bytes_max=command.bytes_max,
                    cursor=codec.cursor_to_wire(
                        command.lane, self._parent_incarnation, command.after
                    ),
                )  # fmt: skip
        self._exchange = self._exchange_of(command)
        return self._exchange.request()  # type: ignore[no-any-return]

    def _exchange_of(self, command: Command) -> Exchange:
        """Return the exchange that a command goes on with, or begins."""
        before = self._exchange
        host, parent, session = self._host, self.parent_unit, self._session
        incarnation = self._parent_incarnation
        match command:
            case Recover(verdict=Verdict.ACCEPTED):
                if isinstance(before, ParentRestore):
                    return before
                return ParentRestore(host, parent, incarnation, session)
            case Recover():
                if isinstance(before, Recovery):
                    return before
                return Recovery(
                    host, parent, incarnation, session, snapshot_follows=self._snapshot_follows
                )
            case FetchChunk(restored=restored):
                return SnapshotDownload(host, parent, incarnation, session, restored=restored)
            case Upload():
                return SnapshotUpload(host, parent, session, self.snapshot_rows)
            case Compare(begin=begin, acked_by_parent=acked_by_parent):
                run = before if isinstance(before, ComparisonRun) and not begin else None
                run = run or ComparisonRun(host, parent, incarnation, session, self.options)
                run.acked_by_parent = acked_by_parent
                return run
        raise AssertionError(f"no exchange for {command}")

    def watch_request(self, applied_from_parent: dict[Lane, int]) -> pb.WatchRequest:
        return pb.WatchRequest(
            session=self._session,
            unit=self._host.replica.identity.unit,
            cursors=codec.positions_to_wire(self._parent_incarnation, applied_from_parent),
        )

    def event(self, reply: Reply, command: Command) -> Event:
        """Process the parent's answer to a command.

        Raises: Malformed; and what `on_reply` of the exchange under way raises.
        """
        codec.check_lists(reply)
        if isinstance(reply, pb.HelloResponse):
            return self._handshake_done(reply)
        if isinstance(reply, pb.PushResponse):
            assert isinstance(command, Push)
            above = (each.position for each in reply.durable_above)
            written = self._written((reply.durable.position, *above), command.batch.upto)
            self._check_acknowledged(reply.durable.position, written)
            self._note_durable(reply.durable_above, written)
            self._take_receipts(reply.receipts)
            return Pushed(command.batch.lane, reply.durable.position)
        if isinstance(reply, pb.PullResponse):
            batch = codec.batch_from_wire(reply.batch)
            if batch.incarnation != self._parent_incarnation:
                raise Malformed("a batch of another incarnation than the parent's")
            return Pulled(batch)
        assert self._exchange is not None
        more = self._exchange.on_reply(reply)
        match command:
            case Recover():
                return Recovered(more=more)
            case FetchChunk():
                return ChunkJoined(more=more)
            case Upload():
                return Uploaded(more=more)
        assert isinstance(reply, pb.DigestResponse)
        return Compared(more, frozenset(map(codec.lane_from_wire, reply.waiting)))

    def perform(self, command: Read | Apply) -> Event:
        """Carry out a command that needs only our own store."""
        host = self._host
        if isinstance(command, Read):
            if (batch := self._from_recent_commit(command)) is not None:
                return BatchRead(batch, more=False)  # whoever commits after it notifies
            with host.store.read() as tx:
                truncation.require_upward_from(tx, command.lane, command.after)
                batch = log.read_up(
                    tx,
                    lane=command.lane,
                    incarnation=host.replica.identity.incarnation,
                    after=command.after,
                    bytes_max=command.bytes_max,
                )
                more = log.position(tx) > batch.upto
            return BatchRead(batch, more)
        received = receive_batch(host, command.batch, peer=self.parent_unit, upward=False)
        return AppliedHere(command.batch.lane, received.position)

    def _from_recent_commit(self, command: Read) -> Batch | None:
        """Return what must be read if the newest commit is all of it."""
        recent_commit, self.recent_commit = self.recent_commit, None
        if recent_commit is None:
            return None
        incarnation = self._host.replica.identity.incarnation
        return recent_commit.batch(
            command.lane, command.after, command.bytes_max, incarnation=incarnation
        )

    def _hello(self) -> pb.HelloRequest:
        host, me = self._host, self._host.replica.identity
        self._exchange = None
        with host.store.read() as tx:
            position = log.position(tx)
            heads = recovery_heads.heads_of_unit(tx, me.unit)
            known = recovery_heads.peer_facts(tx, self.parent_unit)
            token = peers.load(tx, self.parent_unit).token_received
            snapshot_under_way = progress.under_way(tx, self.parent_unit) is not None
        drawn = host.rng.getrandbits(CHALLENGE_BITS).to_bytes(CHALLENGE_BYTES, "big")
        self._asked = (drawn, me.incarnation)
        (given, there), self._given = self._given, (b"", 0)
        signer, signature = host.replica.signer, b""
        if given:
            sides = Sides(me.unit, self.parent_unit, me.incarnation, there)
            signature = sign(signer, CHILD, sides, given)
        return pb.HelloRequest(
            challenge=drawn,
            signed_challenge=given,
            signature=signature,
            unit=me.unit,
            level=me.level,
            incarnation=me.incarnation,
            protocol_min=PROTOCOL_MIN,
            protocol_max=PROTOCOL_MAX,
            log_position=position,
            heads=[codec.head_to_wire(key, head) for key, head in heads.items()],
            cursors=codec.cursors_to_wire(known.cursors),
            token=bytes.fromhex(token),
            now_ms=host.replica.clock.now_ms() - host.replica.clock.offset_ms,
            offices=map(statement.status_to_wire, host.offices()),
            program=host.program,
            catalogue=host.catalogue_version,
            continues=known.continues,
            process=self._process,
            required_heads=recovery_heads.required_to_wire(known.required),
            public_key=signer.public_key,
            snapshot_under_way=snapshot_under_way,
            certificates=host.certificates.own(),
            revocations=[
                pb.RevocationNumber(issuer=issuer, number=number)
                for issuer, number in host.certificates.numbers().items()
            ],
            keys=exchange_keys(host, self._asked_keys, self.parent_unit, from_child=False),
            logs=map(tlog.submission_to_wire, host.witness.submissions()),
        )

    def _handshake_done(self, reply: pb.HelloResponse) -> HandshakeDone:
        if reply.verdict not in (verdict.value for verdict in Verdict):
            raise Malformed(f"verdict {reply.verdict}")
        verdict = Verdict(reply.verdict)
        if reply.unit != self.parent_unit:
            raise Malformed(f"unit {reply.unit} answered for {self.parent_unit}")
        if reply.public_key:
            codec.key_from_wire(reply.public_key)
        certificates = self._host.certificates
        certificates.take_lists((each.list, each.authority) for each in reply.revocations)
        certified = certificates.check(reply.unit, reply.public_key, reply.certificates)
        with reporting(self._host, reply.unit), self._host.store.read() as tx:
            known = peers.load(tx, self.parent_unit)
            if not certified and not peers.fits_pin(known.key_pinned, reply.public_key):
                raise KeyRefused(
                    f"unit {reply.unit}", f"单位 {reply.unit}", known.key_pinned, reply.public_key
                )
            self._check_possession(reply)
        self._asked_keys = take_keys(self._host, reply.keys, self.parent_unit, from_child=False)
        self._given = (reply.challenge, reply.incarnation)
        if verdict is Verdict.CLONE:
            self._host.fence(reply.reason)
        if verdict not in (Verdict.ACCEPTED, Verdict.SNAPSHOT, Verdict.RESTORED):
            return HandshakeDone(verdict, retry_after_ms=reply.retry_after_ms, reason=reply.reason)
        clock = self._host.replica.clock
        clock.follow(reply.now_ms)
        with reporting(self._host, reply.unit), self._host.store.read() as tx:
            check_incarnation(self._host.replica, tx, reply.incarnation, reply.unit)
        known_incarnation = self._parent_incarnation
        self._session = reply.session
        self._parent_incarnation = reply.incarnation
        self._snapshot_follows = reply.snapshot_follows
        if verdict is Verdict.RESTORED:
            return HandshakeDone(
                verdict, reason=reply.reason, snapshot_follows=reply.snapshot_follows
            )
        mine = self._host.replica.identity.incarnation
        there = codec.positions_from_wire(reply.cursors, mine)
        here: dict[Lane, int] = {}
        known_as: list[int] = []  # the incarnations under which the parent was known, by lane
        with self._host.store.read() as tx:
            for lane in Lane:
                incarnation, applied = log.cursor_of(tx, self.parent_unit, "in", lane)
                # Another incarnation numbers its log from 1; the streams show what we have of it.
                here[lane] = applied if incarnation == reply.incarnation else 0
                known_as.append(incarnation)
            restored = self._was_restored(tx, reply)
            upload_due = upload.is_due(tx, self.parent_unit, there.get(Lane.BULK, 0))
            came_as_snapshot = upload.parent_bulk_is_from_snapshot(tx, self.parent_unit)
            known_key = signatures.key_known(tx, reply.incarnation)
        if known_key and reply.public_key not in (b"", known_key):
            error = KeyChanged(
                f"unit {reply.unit}", f"单位 {reply.unit}", known_key, reply.public_key
            )
            self._host.signature_refused(reply.unit, error)
            raise error
        if restored:
            self._snapshot_follows = verdict is Verdict.SNAPSHOT
            return HandshakeDone(
                Verdict.RESTORED, reason="the parent holds what this store has lost",
                snapshot_follows=self._snapshot_follows,
            )  # fmt: skip
        positions = (each.position for each in reply.durable_above)
        written = self._written((*there.values(), *positions))
        self._check_acknowledged(max(there.values(), default=0), written)
        other = any(incarnation not in (0, reply.incarnation) for incarnation in known_as)
        token = reply.token.hex()
        new_key = bool(reply.public_key) and not known_key
        pinned = reply.public_key.hex()
        now_ms = clock.now_ms()

        def write(tx: Connection) -> None:
            peers.update(tx, self.parent_unit, token_received=token, key_pinned=pinned)
            if known.key_pinned != pinned:
                self._host.key_accepted(tx, self.parent_unit, reply.public_key)
            if other and came_as_snapshot:
                upload.request_upload(tx, self.parent_unit)
            if new_key:
                who = (reply.incarnation, self.parent_unit, self._host.replica.identity.level - 1)
                log.register_incarnations(tx, [who])
                signatures.keep_key(tx, reply.incarnation, reply.public_key, now_ms)

        noted = (known.token_received, known.key_pinned) == (token, pinned)
        if not noted or (other and came_as_snapshot) or new_key:
            self._host.store.write(write)
        self._host.fence("")
        self._note_durable(reply.durable_above, written)
        self._take_receipts(reply.receipts)
        self._host.witness.take(reply.public_key, list(map(tlog.answer_from_wire, reply.logs)))
        waiting = frozenset(map(codec.lane_from_wire, reply.waiting))
        if reply.incarnation != known_incarnation:
            waiting = frozenset(Lane)
        return HandshakeDone(
            verdict, there, here, waiting, reason=reply.reason, restore_parent=other,
            upload_due=upload_due,
        )  # fmt: skip

    def _written(self, positions: Iterable[int], known: int = 0) -> int:
        """Return up to where our log surely reaches; it is read only for more than `known`."""
        if max(positions, default=0) <= known:
            return known
        with self._host.store.read() as tx:
            return log.position(tx)

    def _check_acknowledged(self, position: int, written: int) -> None:
        """Refuse an acknowledgement of what this office has not written. Raises: Malformed."""
        if position > written:
            raise Malformed(f"position {position} of a log that ends at {written}")

    def _note_durable(self, reported: Iterable[pb.DurablePosition], written: int) -> None:
        """Note how far our log is durable above, without what we have not written.

        It may be of a log that this store has lost, or a lie.
        """
        above = [
            each for each in map(codec.durable_from_wire, reported) if each.position <= written
        ]
        self._host.on_parent_contact(self.parent_unit, above)

    def _take_receipts(self, given: Iterable[pb.SignedReceipt]) -> None:
        parsed = [receipt.from_wire(each) for each in given]
        if parsed:
            self._host.receive_receipts(receipts.take(self._host, self.parent_unit, parsed))

    def _check_possession(self, reply: pb.HelloResponse) -> None:
        """Check that the parent has signed our challenge, if it has a key. Raises: KeyNotShown."""
        (challenge, mine), self._asked = self._asked, (b"", 0)
        me = self._host.replica.identity
        sides = Sides(me.unit, self.parent_unit, mine, reply.incarnation)
        if reply.public_key and not is_shown(
            reply.public_key, PARENT, sides, challenge, reply.signature
        ):
            raise KeyNotShown(f"unit {reply.unit}", f"单位 {reply.unit}")

    def _was_restored(self, tx: Connection, reply: pb.HelloResponse) -> bool:
        """Return whether we lack what the parent has from us, though our newest entries go on."""
        if meta.get(tx, meta.RESTORED):
            return True
        return not recovery_heads.has_all(
            tx, recovery_heads.required_from_wire(reply.required_heads)
        )
