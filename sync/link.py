"""A child's end of its link: what it sends its parent, and how it takes the answers.

Shared by the dialer (real lines) and the simulator (virtual ones): both carry out the session's
commands through `ChildEnd` and move the messages their own way.
"""

from __future__ import annotations

from sqlalchemy import Connection

from sync import codec, facts, floors, handing, log, progress, recovery, vouches
from sync.change import Batch
from sync.comparing import Comparing
from sync.conversation import (
    AppliedHere,
    Apply,
    BatchRead,
    Command,
    Compare,
    Compared,
    Copied,
    Copy,
    Event,
    Greet,
    Greeted,
    Hand,
    Handed,
    Pull,
    Pulled,
    Push,
    Pushed,
    Read,
    Recover,
    Recovered,
    Verdict,
)
from sync.handing import Handing
from sync.host import Host
from sync.limits import PROTOCOL_MAX, PROTOCOL_MIN, SNAPSHOT_ROWS
from sync.narrowing import Wish
from sync.recovering import Recovering
from sync.schema import Lane
from sync.snapshotting import Snapshotting
from sync.tail import Tail
from sync.taking import take
from sync.vouching import KeyChanged
from sync.wire.v1 import link_pb2 as pb
from sync.wire_errors import Malformed

Request = (
    pb.HelloRequest | pb.PushRequest | pb.PullRequest | pb.EchoRequest | pb.ReturnRequest
    | pb.DigestRequest | pb.SnapshotRequest | pb.DeliverRequest
)  # fmt: skip
Reply = (
    pb.HelloResponse | pb.PushResponse | pb.PullResponse | pb.EchoResponse | pb.ReturnResponse
    | pb.DigestResponse | pb.SnapshotResponse | pb.DeliverResponse
)  # fmt: skip


def method_of(command: Command) -> str:
    """Return the name of the call that carries out a command."""
    match command:
        case Greet():
            return "Hello"
        case Push():
            return "Push"
        case Pull():
            return "Pull"
        case Recover(verdict=verdict):
            return "Return" if verdict is Verdict.GO_ON else "Echo"
        case Copy():
            return "Snapshot"
        case Hand():
            return "Deliver"
        case Compare():
            return "Digest"
    raise AssertionError(f"no call for {command}")


class ChildEnd:
    """What a child says and hears; holds what lasts for one session only."""

    def __init__(self, host: Host, parent_unit: int, *, snapshot_rows: int = SNAPSHOT_ROWS) -> None:
        self.snapshot_rows = snapshot_rows  # in one chunk that we hand up
        self._handing: Handing | None = None
        self._host = host
        self._session = 0
        self._process = host.draw()
        self._recovering: Recovering | None = None
        self._copies = False  # what is in bulk comes as copies after the recovery
        self._comparing: Comparing | None = None
        self.wish = Wish()  # how the next comparison is to be made
        self.tail: Tail | None = None  # of the newest commit; unknown: the log is read
        self._returned = 0  # to the parent, of its own words: our log position
        self._returning: int | None = None  # where the page under way leads; None: to the end
        self.parent_unit = parent_unit
        self._parent_incarnation = 0

    def request(self, command: Command) -> Request:
        """Return the message that carries out a command."""
        me = self._host.applier.identity
        if isinstance(command, Greet):
            return self._hello()
        if isinstance(command, Recover):
            if command.verdict is Verdict.GO_ON:
                return self._give_back()
            if self._recovering is None:
                self._recovering = Recovering(
                    self._host, self.parent_unit, self._parent_incarnation, self._session,
                    copies=self._copies,
                )  # fmt: skip
            return self._recovering.request()
        if isinstance(command, Copy):
            return self._snapshot(command).request()
        if isinstance(command, Hand):
            self._handing = Handing(self._host, self.parent_unit, self._session, self.snapshot_rows)
            return self._handing.request()
        if isinstance(command, Compare):
            if command.begin or self._comparing is None:
                self._comparing = Comparing(
                    self._host, self.parent_unit, self._parent_incarnation, self._session, self.wish
                )
            return self._comparing.request(command.held_there)
        if isinstance(command, Push):
            return pb.PushRequest(
                session=self._session,
                unit=me.unit,
                batch=codec.batch_to_wire(command.batch),
            )
        assert isinstance(command, Pull)
        return pb.PullRequest(
            session=self._session,
            unit=me.unit,
            cursor=self._cursor(command.lane, command.after),
            bytes_max=command.bytes_max,
        )

    def watch_request(self, held_here: dict[Lane, int]) -> pb.WatchRequest:
        return pb.WatchRequest(
            session=self._session,
            unit=self._host.applier.identity.unit,
            cursors=[self._cursor(lane, position) for lane, position in held_here.items()],
        )

    def event(self, reply: Reply, command: Command) -> Event:
        """Take the parent's answer to a command.

        Raises: Malformed; and in a recovery what `Recovering.take` raises.
        """
        if isinstance(reply, pb.HelloResponse):
            return self._greeted(reply)
        if isinstance(reply, pb.EchoResponse):
            assert self._recovering is not None
            return Recovered(more=self._recovering.take(reply))
        if isinstance(reply, pb.ReturnResponse):
            return Recovered(more=not self._given_back())
        if isinstance(reply, pb.SnapshotResponse):
            assert isinstance(command, Copy)
            return Copied(more=self._snapshot(command).take(reply))
        if isinstance(reply, pb.DeliverResponse):
            assert self._handing is not None
            return Handed(more=self._handing.take(reply))
        if isinstance(reply, pb.DigestResponse):
            assert self._comparing is not None
            waiting = frozenset(lane for lane in Lane if lane.value in reply.waiting)
            return Compared(self._comparing.take(reply), waiting)
        if isinstance(reply, pb.PushResponse):
            self._host.heard_from_parent(self.parent_unit, map(codec.safe_from_wire, reply.safe))
            assert isinstance(command, Push)
            return Pushed(command.batch.lane, reply.durable.position)
        batch = codec.batch_from_wire(reply.batch)
        if batch.incarnation != self._parent_incarnation:
            raise Malformed("a batch of another incarnation than the parent's")
        return Pulled(batch)

    def perform(self, command: Read | Apply) -> Event:
        """Carry out a command that needs only our own store."""
        host = self._host
        if isinstance(command, Read):
            if (batch := self._at_hand(command)) is not None:
                return BatchRead(batch, more=False)  # whoever commits after it pokes
            with host.store.read() as tx:
                floors.must_reach_up(tx, command.lane, command.after)
                batch = log.read_up(
                    tx,
                    lane=command.lane,
                    incarnation=host.applier.identity.incarnation,
                    after=command.after,
                    bytes_max=command.bytes_max,
                    signer=host.applier.signer,
                )
                more = log.position(tx) > batch.upto
            return BatchRead(batch, more)
        received = take(host, command.batch, peer=self.parent_unit, upward=False)
        return AppliedHere(command.batch.lane, received.position)

    def _at_hand(self, command: Read) -> Batch | None:
        """Return what is to be read if the newest commit is all of it."""
        tail, self.tail = self.tail, None
        if tail is None:
            return None
        me, signer = self._host.applier.identity, self._host.applier.signer
        return tail.batch(
            command.lane, command.after, command.bytes_max,
            unit=me.unit, incarnation=me.incarnation, signer=signer,
        )  # fmt: skip

    def _snapshot(self, command: Copy) -> Snapshotting:
        return Snapshotting(
            self._host, self.parent_unit, self._parent_incarnation, self._session,
            restored=command.restored,
        )  # fmt: skip

    def _hello(self) -> pb.HelloRequest:
        host, me = self._host, self._host.applier.identity
        self._recovering = None
        with host.store.read() as tx:
            position = log.position(tx)
            heads = recovery.heads_of_unit(tx, me.unit)
            cursors = [
                pb.Cursor(lane=lane.value, incarnation=incarnation, position=held)  # type: ignore[arg-type]
                for lane in Lane
                for incarnation, held in [log.cursor_of(tx, self.parent_unit, "in", lane)]
            ]
            proofs = [
                pb.Proof(
                    lane=proof.lane.value,  # type: ignore[arg-type]
                    incarnation=cursors[i].incarnation,
                    position=proof.position,
                    hash=proof.hash,
                )
                for i, lane in enumerate(Lane)
                for proof in recovery.newest_from(tx, self.parent_unit, lane)
            ]
            token = facts.get(tx, f"{facts.TOKEN}{self.parent_unit}")
            continues = facts.get(tx, facts.CONTINUES)
            copying = progress.under_way(tx, self.parent_unit) is not None
        return pb.HelloRequest(
            unit=me.unit,
            level=me.level,
            incarnation=me.incarnation,
            protocol_min=PROTOCOL_MIN,
            protocol_max=PROTOCOL_MAX,
            log_position=position,
            heads=[codec.head_to_wire(key, head) for key, head in heads.items()],
            cursors=cursors,
            token=bytes.fromhex(token or ""),
            now_ms=host.applier.clock.now_ms() - host.applier.clock.offset_ms,
            offices=map(codec.news_to_wire, host.offices()),
            program=host.program,
            catalogue=host.catalogue_version,
            continues=int(continues or 0),
            process=self._process,
            proofs=proofs,
            public_key=signer.public_key if (signer := host.applier.signer) is not None else b"",
            copying=copying,
        )

    def _greeted(self, reply: pb.HelloResponse) -> Greeted:
        verdict = Verdict(reply.verdict)
        if verdict not in (Verdict.GO_ON, Verdict.SNAPSHOT, Verdict.RESTORED):
            return Greeted(verdict, retry_after_ms=reply.retry_after_ms, reason=reply.reason)
        clock = self._host.applier.clock
        clock.offset_ms = reply.now_ms - (clock.now_ms() - clock.offset_ms)
        if reply.unit != self.parent_unit:
            raise Malformed(f"unit {reply.unit} answered for {self.parent_unit}")
        known_incarnation = self._parent_incarnation
        self._session = reply.session
        self._parent_incarnation = reply.incarnation
        self._copies = reply.copies
        if verdict is Verdict.RESTORED:
            return Greeted(verdict, reason=reply.reason, copies=reply.copies)
        mine = self._host.applier.identity.incarnation
        there = {Lane(c.lane): c.position for c in reply.cursors if c.incarnation == mine}
        here: dict[Lane, int] = {}
        met: list[int] = []  # the incarnations under which the parent was met, by lane
        with self._host.store.read() as tx:
            for lane in Lane:
                incarnation, held = log.cursor_of(tx, self.parent_unit, "in", lane)
                # Another incarnation numbers its log anew; the streams tell what we know of it.
                here[lane] = held if incarnation == reply.incarnation else 0
                met.append(incarnation)
            restored = self._was_restored(tx, reply)
            hand_up = handing.is_due(tx, self.parent_unit, there.get(Lane.BULK, 0))
            copied = handing.spoken_to_us(tx, self.parent_unit)
            known_key = vouches.key_known(tx, reply.incarnation)
        if known_key and reply.public_key not in (b"", known_key):
            error = KeyChanged(f"unit {reply.unit}", known_key, reply.public_key)
            self._host.distrust(reply.unit, error)
            raise error
        if restored:
            self._copies = verdict is Verdict.SNAPSHOT
            return Greeted(
                Verdict.RESTORED, reason="the parent holds what this store has lost",
                copies=self._copies,
            )  # fmt: skip
        other = any(incarnation not in (0, reply.incarnation) for incarnation in met)
        token = reply.token.hex()
        now_ms = clock.now_ms()

        def write(tx: Connection) -> None:
            facts.put(tx, f"{facts.TOKEN}{self.parent_unit}", token)
            if other and copied:
                handing.ask(tx, self.parent_unit)
            if reply.public_key and not known_key:
                who = (reply.incarnation, self.parent_unit, self._host.applier.identity.level - 1)
                log.learn_incarnation(tx, [who])
                vouches.keep_key(tx, reply.incarnation, reply.public_key, now_ms)

        self._host.store.write(write)
        self._host.heard_from_parent(self.parent_unit, map(codec.safe_from_wire, reply.safe))
        waiting = frozenset(Lane(lane) for lane in reply.waiting)
        if reply.incarnation != known_incarnation:
            waiting = frozenset(Lane)
        self._returned, self._returning = 0, 0
        return Greeted(
            verdict, there, here, waiting, reason=reply.reason, give_back=other,
            hand_up=hand_up,
        )  # fmt: skip

    def _give_back(self) -> pb.ReturnRequest:
        """Return the parent's own words, after those it has taken back."""
        with self._host.store.read() as tx:
            page = recovery.words_of(tx, self.parent_unit, self._returned)
        self._returning = page.upto if page.more else None
        return pb.ReturnRequest(
            session=self._session,
            unit=self._host.applier.identity.unit,
            entries=page.entries,
            last=not page.more,
        )

    def _given_back(self) -> bool:
        """Note what the parent has taken back; say whether that was all."""
        if self._returning is not None:
            self._returned = self._returning
            return False

        now_ms = self._host.applier.now_ms
        self._host.store.write(
            lambda tx: recovery.met_anew(tx, self.parent_unit, self._parent_incarnation, 0, now_ms)
        )
        return True

    def _was_restored(self, tx: Connection, reply: pb.HelloResponse) -> bool:
        """Say whether we lack what the parent has from us, though our newest words go on."""
        if facts.get(tx, facts.RESTORED):
            return True
        return not recovery.holds_all(tx, map(codec.head_from_wire, reply.holds))

    def _cursor(self, lane: Lane, position: int) -> pb.Cursor:
        return pb.Cursor(
            lane=lane.value,  # type: ignore[arg-type]
            incarnation=self._parent_incarnation,
            position=position,
        )
