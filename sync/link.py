"""A child's end of its link: what it sends its parent, and how it takes the answers.

Shared by the dialer (real lines) and the simulator (virtual ones): both carry out the session's
commands through `ChildEnd` and move the messages their own way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from sync import codec, log
from sync.apply import Applier, Received
from sync.limits import PROTOCOL_MAX, PROTOCOL_MIN
from sync.news import OfficeNews, SafeAt
from sync.schema import Lane
from sync.session import (
    AppliedHere,
    Apply,
    BatchRead,
    Command,
    Event,
    Greet,
    Greeted,
    Pull,
    Pulled,
    Push,
    Pushed,
    Read,
    Verdict,
)
from sync.wire.v1 import link_pb2 as pb

T = TypeVar("T")


class StoreLike(Protocol):
    """What the engine asks of a store (`node.store.engine.Store`)."""

    def read(self) -> AbstractContextManager[Connection]: ...

    def write(self, work: Callable[[Connection], T]) -> T: ...


class Host(Protocol):
    """What the engine asks of the office whose end this is."""

    @property
    def store(self) -> StoreLike: ...

    @property
    def applier(self) -> Applier: ...

    @property
    def program(self) -> str: ...

    @property
    def catalogue_version(self) -> str: ...

    def committed(self, received: Received) -> None:
        """Told after a batch from the parent is durable: wake whom it concerns."""

    def offices(self) -> Iterable[OfficeNews]:
        """Return news of this office and those below it that the parent has not heard."""

    def heard_from_parent(self, unit: int, safe: Iterable[SafeAt]) -> None:
        """Told what the parent says about how far our log is safe above."""


class ChildEnd:
    """What a child says and hears; holds what lasts for one session only."""

    def __init__(self, host: Host, parent_unit: int) -> None:
        self._host = host
        self._session = 0
        self._token = b""
        self.parent_unit = parent_unit
        self._parent_incarnation = 0

    def request(self, command: Command) -> pb.HelloRequest | pb.PushRequest | pb.PullRequest:
        """Return the message that carries out a command."""
        me = self._host.applier.identity
        if isinstance(command, Greet):
            return self._hello()
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

    def event(
        self, reply: pb.HelloResponse | pb.PushResponse | pb.PullResponse, command: Command
    ) -> Event:
        """Take the parent's answer to a command.

        Raises: Malformed.
        """
        if isinstance(reply, pb.HelloResponse):
            return self._greeted(reply)
        if isinstance(reply, pb.PushResponse):
            self._host.heard_from_parent(self.parent_unit, map(codec.safe_from_wire, reply.safe))
            assert isinstance(command, Push)
            return Pushed(command.batch.lane, reply.durable.position)
        return Pulled(codec.batch_from_wire(reply.batch))

    def perform(self, command: Read | Apply) -> Event:
        """Carry out a command that needs only our own store."""
        host = self._host
        if isinstance(command, Read):
            with host.store.read() as tx:
                batch = log.read_up(
                    tx,
                    lane=command.lane,
                    incarnation=host.applier.identity.incarnation,
                    after=command.after,
                    bytes_max=command.bytes_max,
                )
            return BatchRead(batch)
        received = host.store.write(
            lambda tx: host.applier.remote(tx, command.batch, peer=self.parent_unit, upward=False)
        )
        host.committed(received)
        return AppliedHere(command.batch.lane, received.position)

    def _hello(self) -> pb.HelloRequest:
        host, me = self._host, self._host.applier.identity
        with host.store.read() as tx:
            position = log.position(tx)
            heads = log.own_heads(tx, me.incarnation)
            cursors = [
                pb.Cursor(lane=lane.value, incarnation=incarnation, position=held)  # type: ignore[arg-type]
                for lane in Lane
                for incarnation, held in [log.cursor_of(tx, self.parent_unit, "in", lane)]
            ]
        return pb.HelloRequest(
            unit=me.unit,
            level=me.level,
            incarnation=me.incarnation,
            protocol_min=PROTOCOL_MIN,
            protocol_max=PROTOCOL_MAX,
            log_position=position,
            heads=[
                pb.StreamHead(
                    incarnation=key.incarnation,
                    audience=key.audience,
                    lane=key.lane.value,  # type: ignore[arg-type]
                    seq=head.seq,
                    hash=head.hash,
                )
                for key, head in heads.items()
            ],
            cursors=cursors,
            token=self._token,
            now_ms=host.applier.clock.now_ms() - host.applier.clock.offset_ms,
            offices=map(codec.news_to_wire, host.offices()),
            program=host.program,
            catalogue=host.catalogue_version,
        )

    def _greeted(self, reply: pb.HelloResponse) -> Greeted:
        verdict = Verdict(reply.verdict)
        if verdict is not Verdict.GO_ON:
            return Greeted(verdict, retry_after_ms=reply.retry_after_ms, reason=reply.reason)
        clock = self._host.applier.clock
        clock.offset_ms = reply.now_ms - (clock.now_ms() - clock.offset_ms)
        if reply.unit != self.parent_unit:
            raise codec.Malformed(f"unit {reply.unit} answered for {self.parent_unit}")
        known_incarnation = self._parent_incarnation
        self._session = reply.session
        self._token = reply.token
        self._parent_incarnation = reply.incarnation
        mine = self._host.applier.identity.incarnation
        there = {Lane(c.lane): c.position for c in reply.cursors if c.incarnation == mine}
        here: dict[Lane, int] = {}
        with self._host.store.read() as tx:
            for lane in Lane:
                incarnation, held = log.cursor_of(tx, self.parent_unit, "in", lane)
                # Another incarnation numbers its log anew; the streams tell what we know of it.
                here[lane] = held if incarnation == reply.incarnation else 0
        self._host.heard_from_parent(self.parent_unit, map(codec.safe_from_wire, reply.safe))
        waiting = frozenset(Lane(lane) for lane in reply.waiting)
        if reply.incarnation != known_incarnation:
            waiting = frozenset(Lane)
        return Greeted(verdict, there, here, waiting)

    def _cursor(self, lane: Lane, position: int) -> pb.Cursor:
        return pb.Cursor(
            lane=lane.value,  # type: ignore[arg-type]
            incarnation=self._parent_incarnation,
            position=position,
        )
