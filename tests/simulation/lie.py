"""What a lie is: who says it in which message, what is false in it, and how it must end.

A lie is a well-formed message. Who tells it has its own key and its place in the tree, or neither;
it knows the streams, incarnations and positions of the offices around it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from sync.codec import entry as codec
from sync.codec.signing import Signer
from sync.log import entries as log
from sync.log.append import signature_for
from sync.model.change import Block, Entry, Operation, Signature, StreamHead
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.wire.link.v1 import link_pb2 as pb

if TYPE_CHECKING:
    from tests.simulation.network import Context
    from tests.simulation.process import Process
    from tests.simulation.world import World

FOREIGN = Signer(bytes(range(1, 33)))  # a key that no office has
STAMP_BITS = 16
UP, DOWN = "up:city", "down:all"


class Role(StrEnum):
    """Who lies."""

    CHILD = "tampered child"
    HUB = "lying hub"
    OUTSIDER = "stranger"


class How(StrEnum):
    """How a lie ends at an honest office."""

    REFUSED = "refused"  # with an error, and nothing of it was stored
    VERDICT = "sent away"  # a handshake with a verdict that opens no session
    QUARANTINED = "quarantined"  # by everybody who receives it
    SEEN = "shown as a problem"  # with its sender, and not used
    LEFT = "not joined"  # a copy: the record stays as it is
    NOTHING = "without effect"  # answered as ever, and nothing of it was stored
    OPEN = "open"  # no check refuses it yet


class End(NamedTuple):
    """The one end that a lie may come to."""

    how: How
    code: str = ""

    def __str__(self) -> str:
        return f"{self.how.value}: {self.code}" if self.code else self.how.value


class Way(StrEnum):
    """How a lie gets to its listener."""

    CALL = "call"  # a call of its own
    REQUEST = "request"  # an honest call, rewritten
    REPLY = "reply"  # an honest answer, rewritten
    WRITTEN = "written"  # an entry of its writer's own log
    CARRIED = "carried"  # a bundle, in a file


@dataclass(frozen=True, slots=True)
class Lie:
    """One kind. `make`: what makes the message; None from it: it cannot be sent here and now."""

    name: str
    role: Role
    method: str  # the call in which, or in whose answer, it is sent
    falsifies: str
    end: End
    make: Callable[..., Any]
    way: Way = Way.CALL


def invented_after(scene: Scene, entries: Any, signatures: Any) -> bool:
    """Add to some entries one that follows the last, signed by the liar under its writer's key."""
    if not entries or not signatures:
        return False
    last = codec.entry_from_wire(entries[-1])
    if last.unit == scene.me.unit:
        return False  # it may write what it likes under its own key
    entry = codec.entry_to_wire(
        scene.blocks(last.unit), incarnation=last.incarnation, unit=last.unit, level=last.level,
        audience=last.audience, lane=last.lane, seq=last.seq + 1, prev_hash=last.hash,
        hlc=last.hlc + 1,
    )  # fmt: skip
    stream = (last.incarnation, last.audience, last.lane.value)
    shown = next(s.public_key for s in signatures if (s.incarnation, s.audience, s.lane) == stream)
    entries.append(entry.wire)
    signatures.append(scene.signed(entry, public_key=shown))
    return True


class Lies(dict[str, Lie]):
    """Kinds by name, in the order of the table."""

    def add(
        self, role: Role, method: str, falsifies: str, end: End, way: Way = Way.CALL
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Return a decorator that adds a kind; it is called as its function."""

        def keep(make: Callable[..., Any]) -> Callable[..., Any]:
            name = make.__name__.strip("_").replace("_", " ")
            assert name not in self, name
            self[name] = Lie(name, role, method, falsifies, end, make, way)
            return make

        return keep


def refused(code: str) -> End:
    return End(How.REFUSED, code)


def verdict(code: str) -> End:
    return End(How.VERDICT, code)


@dataclass(slots=True)
class Scene:
    """Where a lie is sent. `unit`: of the child on whose line it is, or whose name it uses."""

    world: World
    rng: random.Random
    listener: Process
    liar: Process | None  # None: a stranger
    unit: int
    request: Any = None  # the honest call, and its answer, where these are rewritten
    reply: Any = None
    ask: Callable[[Any], Any] | None = None  # says another message of this call first
    context: Context | None = None  # of the liar's own call: with what its host has shown
    notes: dict[str, Any] = field(default_factory=dict)  # from one message to the next

    # -- who is there --------------------------------------------------------------------------

    @property
    def teller(self) -> Process:
        assert self.liar is not None
        return self.liar

    @property
    def me(self) -> Any:
        """Who lies."""
        return self.teller.office.identity

    @property
    def them(self) -> Any:
        """Who listens."""
        return self.listener.office.identity

    @property
    def key(self) -> Signer:
        """The liar's own key."""
        return self.teller.office.replica.signer

    @property
    def session(self) -> int:
        """The liar's present session with its parent."""
        dialer = self.teller.dialer
        return dialer.end._session if dialer is not None else 0

    def elsewhere(self) -> Any | None:
        """Return a unit that neither end has anything to say of; None: there is none."""
        routes, listener = self.listener.office.routes, self.them.unit
        near = self.unit if self.unit != listener else self.teller.office.identity.unit
        units = [
            u for u in self.world.units
            if not routes.covers(near, u.unit_id) and not routes.covers(u.unit_id, near)
            and u.unit_id != listener
        ]  # fmt: skip
        return self.rng.choice(units) if units else None

    # -- what it can say -----------------------------------------------------------------------

    def stamp(self) -> int:
        return self.world.clockwork.now_ms << STAMP_BITS

    def head(self, incarnation: int, audience: str, lane: Lane) -> StreamHead:
        """Return the newest entry that the listener has of a stream."""
        key = StreamKey(incarnation, audience, lane)
        with self.listener.office.store.read() as tx:
            return log.heads_of(tx, [key]).get(key, StreamHead())

    def blocks(self, unit: int) -> list[Block]:
        """Return one premises record that is in order."""
        names = ("name", "use", "area_m2")
        values: list[list[Any]] = [[f"假{self.rng.randrange(1_000)}"], ["office"], [100]]
        return [
            Block("premises", unit, Operation.CREATE, [self.rng.randbytes(16)], names, values)
        ]  # fmt: skip

    def entry(self, who: Any = None, **claims: Any) -> Entry:
        """Return the next entry of a stream, as the office named would write it."""
        who = who or self.me
        claims = {
            "incarnation": who.incarnation, "unit": who.unit, "level": who.level,
            "audience": UP, "lane": Lane.BULK, "hlc": self.stamp(), **claims,
        }  # fmt: skip
        head = self.head(claims["incarnation"], claims["audience"], claims["lane"])
        claims = {"seq": head.seq + 1, "prev_hash": head.hash, **claims}
        blocks = claims.pop("blocks", None)
        return codec.entry_to_wire(
            self.blocks(claims["unit"]) if blocks is None else blocks, **claims
        )

    def signed(self, entry: Entry, key: Signer | None = None, **changes: Any) -> pb.Signature:
        """Return a signature for an entry, by the liar's own key unless another is given."""
        found: Signature = signature_for(entry, key or self.key)
        message = codec.signature_to_wire(found)
        for name, value in changes.items():
            setattr(message, name, value)
        return message

    def batch(
        self, wires: list[bytes], signatures: list[pb.Signature] | None = None,
        lane: Lane = Lane.BULK, after: int = 0, **changes: Any,
    ) -> pb.Batch:  # fmt: skip
        message = pb.Batch(
            lane=lane.value, incarnation=self.me.incarnation, after=after,  # type: ignore[arg-type]
            upto=after + len(wires), entries=wires,
            positions=[after + n + 1 for n in range(len(wires))], signatures=signatures or [],
        )  # fmt: skip
        for name, value in changes.items():
            if isinstance(value, list):
                message.ClearField(name)  # type: ignore[arg-type]
                getattr(message, name).extend(value)
            else:
                setattr(message, name, value)
        return message

    def push(self, *entries: Entry, key: Signer | None = None, **changes: Any) -> pb.PushRequest:
        """Return a call with these entries; the newest is signed by the liar's own key."""
        signatures = changes.pop("signatures", None)
        if signatures is None:
            signatures = [self.signed(entries[-1], key)] if entries else []
        batch = self.batch([e.wire for e in entries], signatures, **changes)
        return pb.PushRequest(session=self.session, unit=self.me.unit, batch=batch)
