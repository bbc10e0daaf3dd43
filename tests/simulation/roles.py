"""Tampered children, lying hubs and strangers: their lies in a run, and how each of them ends.

A lie crosses the same lines as every message, and the shipped receivers judge it. A call of the
liar's own is made when it arrives, so that nothing in it is false but what its kind says. Its end
is compared with the one that it must have, and with the store of who heard it.
"""

from __future__ import annotations

import contextlib
import io
import random
from collections import ChainMap, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from node.services.upkeep import bundles
from sync.codec import entry as codec
from sync.link.messages import Event, Failed, Verdict
from sync.link.sessions import SessionState
from sync.model.change import Block
from sync.model.errors import Malformed, SilianError
from sync.model.limits import PROTOCOL_MAX, PROTOCOL_MIN
from sync.rpc.status import read_refusal
from sync.store import peers
from sync.wire.link.v1 import link_pb2 as pb
from tests.simulation import (
    lies_of_bundles,
    lies_of_certificates,
    lies_of_child,
    lies_of_copies,
    lies_of_hub,
    lies_of_outsider,
    lies_written,
)
from tests.simulation.clockwork import Violation
from tests.simulation.lie import End, How, Lie, Role, Scene, Way
from tests.simulation.plan import DAY_MS, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.network import Context
    from tests.simulation.process import Process
    from tests.simulation.world import World

LIES: dict[str, Lie] = {
    **lies_of_child.LIES, **lies_of_copies.LIES, **lies_of_hub.LIES, **lies_of_outsider.LIES,
    **lies_of_bundles.LIES, **lies_written.LIES,
}  # fmt: skip
CERTIFIED = lies_of_certificates.LIES  # told only where offices are enrolled
KINDS = ChainMap(LIES, CERTIFIED)
REQUESTS = {
    name: getattr(pb, f"{name}Request")
    for name in ("Hello", "Push", "Pull", "Replay", "RestoreParent", "Digest", "Snapshot",
                 "UploadSnapshot")
}  # fmt: skip
REPLIES = {name: getattr(pb, f"{name}Response") for name in (*REQUESTS, "Watch")}
# What an honest office answers when it is not well, whatever it is asked; the lie is sent in vain.
UNWELL = frozenset({"store_unavailable", "overloaded", "commit_unknown", "session_unknown"})
# What keeps a bundle from being read, whatever is in it.
UNREAD = frozenset({"bundle_needs_link", "bundle_outdated", "key_changed"})
NO_SESSION = frozenset({"BACK_OFF", "CLONE", "RESTORED", "CHALLENGE", "WRONG_PARENT"})
DATES = ("certificate_expired", "certificate_early")
SEEN_CODES = ("status_forged", "receipt_forged", "head_forged")
UNCERTIFIED = ("status_forged", "receipt_forged")
Store = tuple[Any, ...]
Incarnation = tuple[int, bytes]  # and its key, empty until that is known


@dataclass(slots=True)
class Sent:
    """One lie on its way."""

    lie: Lie
    scene: Scene
    index: int  # the child on whose line it goes
    before: Store = ()


class Roles:
    """Who lies in this run, what is on its way, and what came of it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls: dict[bytes, Sent] = {}
        self._requests: dict[tuple[int, str], list[Sent]] = defaultdict(list)  # by child, call
        self._replies: dict[tuple[int, str], list[Sent]] = defaultdict(list)  # by hub, call
        self._rewritten: dict[bytes, Sent] = {}  # answers on their way
        self._announced: dict[int, Sent] = {}  # child -> the snapshot that its hub will invent
        self._written: dict[bytes, str] = {}  # record -> the lie that it is
        self._writers: dict[bytes, int] = {}  # record -> the incarnation that first wrote it
        self._hellos: dict[tuple[int, int], bytes] = {}  # (parent, child) -> a handshake
        self._sessions: dict[tuple[int, int], list[int]] = defaultdict(list)
        self._number = 0
        self._watched = bool(world.plan.lies)

    # -- telling -------------------------------------------------------------------------------

    def tell(self, plan: Fault) -> None:
        """Let an office or a stranger lie once; `plan.office`: the child, hub or listener."""
        lie, world = KINDS[plan.kind], self._world
        rng = random.Random(plan.seed)
        if lie.role is Role.OUTSIDER:
            self._by_outsider(lie, plan.office, rng)
            return
        liar = world.processes.get(plan.office)
        if liar is None:
            return
        match lie.way:
            case Way.CALL if plan.office:
                self._call(lie, plan.office, rng)
            case Way.REQUEST if plan.office:
                self._requests[plan.office, lie.method].append(self._sent(lie, plan.office, rng))
                self._wake(lie, plan.office)
            case Way.REPLY if world.children(plan.office):
                child = rng.choice(world.children(plan.office))
                self._replies[plan.office, lie.method].append(self._sent(lie, child, rng))
                self._wake(lie, child)
            case Way.WRITTEN:
                liar.when_awake(lambda: self._write(lie, plan.office, rng))
            case Way.CARRIED:
                liar.when_awake(lambda: self._carry(lie, plan.office, rng))

    def _sent(self, lie: Lie, index: int, rng: random.Random) -> Sent:
        scene: Any = Scene(self._world, rng, None, None, self._world.units[index].unit_id)  # type: ignore[arg-type]
        return Sent(lie, scene, index)

    def _by_outsider(self, lie: Lie, listener: int, rng: random.Random) -> None:
        children = self._world.children(listener)
        if children:
            self._call(lie, rng.choice(children), rng)

    def _call(self, lie: Lie, index: int, rng: random.Random) -> None:
        """Send a call of the liar's own on the line of a child."""
        world = self._world
        self._number += 1
        envelope = f"lie {self._number} {lie.name}".encode()
        self._calls[envelope] = self._sent(lie, index, rng)
        above = world.plan.parents[index]
        world.network.call(
            index, world.parent_process(above), world.units[above].unit_id, lie.method, envelope,
            _nobody_listens,
        )  # fmt: skip

    def _wake(self, lie: Lie, child: int) -> None:
        """Have a child say what its answer, or it itself, is false in."""
        process = self._world.processes.get(child)
        if process is None or process.dialer is None:
            return
        dialer = process.dialer
        match lie.method:
            case "Hello" | "Snapshot" | "Pull":
                process.when_awake(dialer.renew_handshake)
            case "Digest":
                process.when_awake(dialer.compare)

    def _scene(self, lie: Lie, index: int, rng: random.Random) -> Scene | None:
        """Return where an office lies to a neighbour, if both are there."""
        world = self._world
        liar = world.processes.get(index)
        near = world.children(index)[:1] if lie.role is Role.HUB else [world.plan.parents[index]]
        listener = world.processes.get(near[0]) if near and near[0] != index else None
        if liar is None or listener is None:
            return None
        liar.doing = "lie"
        return Scene(world, rng, listener, liar, world.units[index].unit_id)

    def _carry(self, lie: Lie, index: int, rng: random.Random) -> None:
        """Let somebody carry a false file to a neighbour, who reads it at once."""
        scene = self._scene(lie, index, rng)
        content = lie.make(scene) if scene is not None else None
        if scene is None or content is None:
            return
        listener = scene.listener

        def read() -> None:
            listener.doing = "bundle"
            _forget_problem(listener, scene.me.unit)
            sent = Sent(lie, scene, index, _store_of(listener))
            try:
                bundles.read_bundles(listener.office, [io.BytesIO(content)])
            except SilianError as error:
                self._end(sent, listener, End(How.REFUSED, error.code))
                return
            self._end(sent, listener, self._seen(listener, scene.me.unit) or End(How.NOTHING))

        listener.when_awake(read)

    def _write(self, lie: Lie, index: int, rng: random.Random) -> None:
        world = self._world
        scene = self._scene(lie, index, rng)
        if scene is None:
            return
        liar = scene.teller

        def write() -> None:
            if record := lie.make(scene):
                self._written[record] = lie.name
                self._writers[record] = liar.office.identity.incarnation

        world.attempt(liar, "a lie", write)

    def over(self) -> None:
        """Nobody lies any more; what is on its way may still arrive."""
        self._requests.clear()
        self._replies.clear()
        self._announced.clear()

    # -- what arrives at a parent --------------------------------------------------------------

    def serve(
        self, process: Process, name: str, request: bytes, context: Context,
        face: Callable[[str, bytes, Context], bytes],
    ) -> tuple[bytes, bool]:  # fmt: skip
        """Answer a call; whether it was an honest one. Raises: grpc.RpcError."""
        sent = self._calls.get(request) if self._calls else None
        if sent is not None:
            return self._serve_call(sent, process, name, face, context), False
        if not self._watched:
            return face(name, request, context), True
        message = REQUESTS[name].FromString(request)
        child = self._child_of(message.unit)
        if name == "Hello":
            self._record(process, message, request)
        if name == "Snapshot" and child in self._announced:
            return self._invented(process, child, message), False
        if (rewritten := self._rewritten_request(process, child, name, request)) is not None:
            sent, false = rewritten
            return self._judged(sent, process, lambda: face(name, false, context)), True
        reply = face(name, request, context)
        altered = self._altered(process, child, name, message, reply)
        return altered, name != "Push" or altered == reply

    def called(self, process: Process, request: bytes, reply: bytes) -> bytes:
        """Return with what a hub calls its child, who waits for that."""
        if not self._watched:
            return reply
        message = pb.WatchRequest.FromString(request)
        return self._altered(process, self._child_of(message.unit), "Watch", message, reply)

    def _rewritten_request(
        self, process: Process, child: int, name: str, request: bytes
    ) -> tuple[Sent, bytes] | None:
        """Return an honest call as a tampered child rewrites it, if it has something to say."""
        waiting = self._requests.get((child, name), [])
        for sent in waiting:
            sent.scene.listener, sent.scene.liar = process, self._world.processes.get(child)
            sent.scene.request = REQUESTS[name].FromString(request)
            false = sent.lie.make(sent.scene) if sent.scene.liar is not None else None
            if false is not None:
                waiting.remove(sent)
                return sent, false.SerializeToString()
        return None

    def _serve_call(
        self, sent: Sent, process: Process, name: str, face: Any, context: Context
    ) -> bytes:
        scene = sent.scene
        scene.listener = process
        if sent.lie.role is Role.CHILD:
            scene.liar = self._world.processes.get(sent.index)
            if not self._has_session(scene):
                return b""
            context.shown = scene.teller.shown()
        else:
            context.shown = ()  # a stranger's host has no certificate, unless it has got one
        scene.context = context
        scene.ask = lambda message: _asked(face, name, message, context)
        false = sent.lie.make(scene)
        if false is None:
            return b""
        wire = false if isinstance(false, bytes) else false.SerializeToString()
        return self._judged(sent, process, lambda: face(name, wire, context))

    def _has_session(self, scene: Scene) -> bool:
        """Return whether the liar's line is up: else every call of its is refused alike."""
        if scene.liar is None or scene.liar.dialer is None:
            return False
        session = scene.listener.parent.sessions.session_of(scene.unit)
        known = session is not None and session.session == scene.session
        accepted = (SessionState.ACCEPTED, SessionState.ACCEPTED_SNAPSHOT)
        mine = scene.listener.office.identity.incarnation
        return (
            session is not None and known and session.state in accepted
            and session.parent_incarnation == mine
            and session.incarnation == scene.me.incarnation
        )  # fmt: skip

    def _judged(self, sent: Sent, process: Process, answer: Callable[[], bytes]) -> bytes:
        """Let a parent answer, and compare the end with the one that the lie must have."""
        _forget_problem(process, sent.scene.unit)
        sent.before = _store_of(process)
        try:
            reply = answer()
        except grpc.RpcError as error:
            refusal = read_refusal(error)
            code = refusal.code if refusal is not None else error.code().name  # type: ignore[attr-defined]
            self._end(sent, process, End(How.REFUSED, code))
            raise
        self._end(sent, process, self._end_of_reply(sent, process, reply))
        return reply

    def _end_of_reply(self, sent: Sent, process: Process, reply: bytes) -> End:
        message = REPLIES[sent.lie.method].FromString(reply)
        if isinstance(message, pb.HelloResponse):
            verdict = Verdict(message.verdict).name
            if verdict not in ("ACCEPTED", "SNAPSHOT"):
                return End(How.VERDICT, verdict)
        if isinstance(message, pb.DigestResponse) and message.copies and message.copies[0].reason:
            return End(How.LEFT, message.copies[0].reason)
        return self._seen(process, sent.scene.unit) or End(How.NOTHING)

    def _seen(self, process: Process, peer: int) -> End | None:
        code = process.office.signature_refusals.open().get(peer)
        return End(How.SEEN, code) if code in SEEN_CODES else None

    # -- what a hub answers --------------------------------------------------------------------

    def _altered(
        self, process: Process, child: int, name: str, request: Any, reply: bytes
    ) -> bytes:
        for sent in [*self._replies.get((process.index, name), ())]:
            listener = self._world.processes.get(child)
            if sent.index != child or listener is None:
                continue
            scene = sent.scene
            scene.listener, scene.liar = listener, process
            scene.request, scene.reply = request, REPLIES[name].FromString(reply)
            false = sent.lie.make(scene)
            if false is None:
                continue
            if name != "Digest" or scene.notes.get("sent"):
                self._replies[process.index, name].remove(sent)
                wire: bytes = false.SerializeToString()
                self._rewritten[wire] = sent
                return wire
            return false.SerializeToString()  # type: ignore[no-any-return]
        if name == "Hello":
            return self._announce(process, child, reply)
        return reply

    def _announce(self, process: Process, child: int, reply: bytes) -> bytes:
        """Send a child for a snapshot, if its hub has one to invent."""
        message = pb.HelloResponse.FromString(reply)
        for sent in self._replies.get((process.index, "Snapshot"), ()):
            if sent.index == child and message.verdict == pb.VERDICT_ACCEPTED:
                self._replies[process.index, "Snapshot"].remove(sent)
                self._announced[child] = sent
                message.verdict = pb.VERDICT_SNAPSHOT
                return message.SerializeToString()
        return reply

    def _invented(self, process: Process, child: int, request: Any) -> bytes:
        sent = self._announced.pop(child)
        scene = sent.scene
        scene.liar, scene.request = process, request
        listener = self._world.processes.get(child)
        if listener is None:
            return b""
        scene.listener = listener
        false = sent.lie.make(scene)
        if false is None:
            return b""
        wire: bytes = false.SerializeToString()
        self._rewritten[wire] = sent
        return wire

    def reply_to(self, process: Process, result: bytes | grpc.RpcError) -> Sent | None:
        """Return the lie that an answer is, as it arrives at the child."""
        if not self._rewritten or isinstance(result, grpc.RpcError):
            return None
        sent = self._rewritten.pop(result, None)
        if sent is not None:
            _forget_problem(process, sent.scene.me.unit)
            sent.before = _store_of(process)
        return sent

    def replied(self, sent: Sent, process: Process, event: Event | None) -> None:
        """Compare what a child made of a false answer with the end that it must have."""
        if isinstance(event, Failed):
            end = End(How.REFUSED, event.code)
        elif sent.lie.method == "Digest":
            left = process.dialer.end._exchange._drilldown.left  # type: ignore[union-attr]
            reasons = [why for name, why in left if name.id == sent.scene.notes["record"]]
            end = End(How.LEFT, reasons[-1]) if reasons else End(How.NOTHING)
        else:
            end = self._seen(process, sent.scene.me.unit) or End(How.NOTHING)
        self._end(sent, process, end)

    # -- the end -------------------------------------------------------------------------------

    def _end(self, sent: Sent, process: Process, end: End) -> None:
        lie, after = sent.lie, _store_of(process)
        must = self._must(lie)
        self._world.clockwork.note(f"lie {lie.name}: {end}")
        stored = after[1:] != sent.before[1:] or self._learned(process, sent.before[0])
        stored |= bool(sent.scene.notes.get("kept", bool)())
        shut_out = end == End(How.REFUSED, "key_refused") and _is_shut_out(sent.scene, process)
        shut_out |= end.code in DATES and self._has_wrong_clock(process)
        if stored or not (end in must or shut_out or end in _in_vain(must[0], lie.way, end)):
            raise Violation(
                "a lie ended otherwise",
                f"{lie.name} at office {process.index}: {end}"
                f"{f', and it was stored ({sent.before} before, {after} after)' if stored else ''}"
                f", not {must[0]}",
            )
        if end in must:
            self._world.ledger.note("lie", lie.name)
            self._world.ledger.note("lie ended", str(end))
        else:
            self._world.ledger.note("lie in vain", end.code)

    def _learned(self, process: Process, before: frozenset[Incarnation]) -> bool:
        """Return whether an office learned an incarnation, or its key, that no other office has:
        the honest part of an answer may bring some."""
        new = _incarnations_of(process) - before
        offices = self._world.processes.values() if new else ()
        known = {
            each
            for other in offices
            if other is not None and other.alive and other is not process
            for each in _incarnations_of(other)
        }
        known |= {(number, b"") for number, _ in known}
        return not new <= known

    def _has_wrong_clock(self, process: Process) -> bool:
        """Return whether an office takes good certificates for ended ones, or for early ones."""
        wrong_ms = self._world.wall_of(process.index)() - self._world.clockwork.now_ms
        return abs(wrong_ms) >= DAY_MS // 2

    def _must(self, lie: Lie) -> tuple[End, ...]:
        """Return how a lie must end in this run; the first is its own end.

        Where offices are enrolled, strangers have no certificate, and most are refused for that.
        A statement whose key nothing certifies is left aside.
        """
        if self._world.authorities is None:
            return (lie.end,)
        if lie.name in LIES and lie.role is Role.OUTSIDER:
            return (lie.end, End(How.REFUSED, "certificate_missing"))
        end = lies_of_certificates.OTHERWISE.get(lie.name, lie.end)
        return (end, End(How.NOTHING)) if end.code in UNCERTIFIED else (end,)

    @property
    def postings(self) -> set[bytes]:
        """Return the postings that are lies: no book has them but as quarantined."""
        return {record for record, name in self._written.items() if _is_posting(LIES[name])}

    def is_posting(self, record: bytes, reason: str) -> bool:
        """Return whether this is a false posting that is to be quarantined for this reason."""
        name = self._written.get(record)
        return name is not None and _is_posting(LIES[name]) and LIES[name].end.code == reason

    def is_republished(self, record: bytes, incarnation: int) -> bool:
        """Return whether this is a written lie that its writer's program has published again, as
        after a wrong clock: to whom such a record goes, not to whom the liar had addressed it.
        """
        return self._writers.get(record, incarnation) != incarnation

    def check_postings(self, process: Process) -> None:
        """A false posting that an office knows counts in none of its books. Raises: Violation."""
        for record in sorted(self.postings):
            query = "SELECT count(*) FROM {} WHERE id=?"
            (there,), (uncounted,) = (
                process.eye.execute(query.format(table), (record,)).fetchone()
                for table in ("r_posting", "uncounted_posting")
            )
            if there > uncounted:
                raise Violation(
                    "a lie ended otherwise", f"{self._written[record]} at {process.index}: counted"
                )

    def found_quarantined(self, process: Process, reason: str, records: bytes, wire: bytes) -> None:
        """Note a written lie that an office has quarantined."""
        if not self._written:
            return
        ids = [records[at : at + 16] for at in range(0, len(records), 16)]
        if not ids:
            ids = [bytes(i) for block in _blocks(wire) for i in block.ids]
        for name in {self._written[i] for i in ids if i in self._written}:
            self._world.ledger.note("lie", name)
            self._world.ledger.note("lie ended", str(End(How.QUARANTINED, reason)))

    # -- what a stranger may have recorded -----------------------------------------------------

    def _record(self, process: Process, message: Any, request: bytes) -> None:
        key = (process.index, message.unit)
        understood = message.protocol_max >= PROTOCOL_MIN and message.protocol_min <= PROTOCOL_MAX
        if (
            message.signed_challenge and understood
        ):  # another one is sent away before it is looked at
            self._hellos[key] = request
        session = process.parent.sessions.session_of(message.unit)
        if session is not None and session.session not in self._sessions[key]:
            self._sessions[key].append(session.session)

    def recorded_hello(self, process: Process, unit: int) -> bytes | None:
        return self._hellos.get((process.index, unit))

    def sessions_over(self, process: Process, unit: int) -> list[int]:
        now = process.parent.sessions.session_of(unit)
        known = self._sessions[process.index, unit]
        return [number for number in known if now is None or number != now.session]

    def _child_of(self, unit: int) -> int:
        return next((i for i, u in enumerate(self._world.units) if u.unit_id == unit), -1)


def _is_posting(lie: Lie) -> bool:
    return lie.way is Way.WRITTEN and lie.end.code in ("overdrawn", "not_entitled", "bad_posting")


def _in_vain(must: End, way: Way, end: End) -> tuple[End, ...]:
    """Return an end that an honest office would give whatever it is asked: it is not well, or
    opens no session to a handshake whose content it then does not look at.
    """
    unwell = end.how is How.REFUSED and end.code in UNWELL
    unread = end.how is How.VERDICT and end.code in NO_SESSION
    unread |= way is Way.CARRIED and end.how is How.REFUSED and end.code in UNREAD
    # Whether this is the caller's parent is asked before what the caller says of itself.
    misdirected = end == End(How.VERDICT, "WRONG_PARENT") and must.how is How.VERDICT
    # The protocol is asked before anything else.
    misdirected |= end == End(How.VERDICT, "UPGRADE_FIRST")
    # A parent that has restarted knows none of its challenges.
    restarted = way is Way.REQUEST and end == End(How.VERDICT, "CHALLENGE")
    reads = must.how not in (How.SEEN, How.NOTHING) and way is not Way.CARRIED
    return (end,) if unwell or restarted or misdirected or (unread and not reads) else ()


def _forget_problem(listener: Process, peer: int) -> None:
    """Let an office show of the next message only what it finds in that one."""
    refusals = listener.office.signature_refusals
    if refusals.open().get(peer) in SEEN_CODES:
        with contextlib.suppress(SilianError):  # its store is locked, or its disk is full
            refusals.clear(peer)


def _is_shut_out(scene: Scene, listener: Process) -> bool:
    """Return whether a liar's honest calls are refused, too: it has lost its key, and nobody has
    compared the new one yet.
    """
    if scene.liar is None:
        return False
    with listener.office.store.read() as tx:
        pinned = peers.load(tx, scene.me.unit).key_pinned
    return not peers.fits_pin(pinned, scene.key.public_key)


def _nobody_listens(_result: bytes | grpc.RpcError) -> None:
    """The liar does not care for the answer."""


def _asked(face: Any, name: str, message: Any, context: Context) -> Any:
    try:
        return REPLIES[name].FromString(face(name, message.SerializeToString(), context))
    except grpc.RpcError:
        return None


def _blocks(wire: bytes) -> list[Block]:
    try:
        return codec.unpack(codec.entry_from_wire(wire).payload)
    except Malformed:
        return []


def _store_of(process: Process) -> Store:
    """Return what no lie may change: the log, its streams, the records, what is quarantined."""
    one = process.eye.execute
    return (
        _incarnations_of(process),
        one("SELECT arrival FROM log_head").fetchone(),
        one("SELECT count(*), sum(seq) FROM stream").fetchone(),
        one("SELECT sum(count), sum(sum >> 31), sum(sum & 2147483647) FROM digest").fetchone(),
        one("SELECT count(*), sum(tries) FROM quarantine").fetchone(),
        _is_durable_beyond_its_end(process),
    )


def _incarnations_of(process: Process) -> frozenset[Incarnation]:
    return frozenset(process.eye.execute("SELECT id, public_key FROM incarnation").fetchall())


def _is_durable_beyond_its_end(process: Process) -> bool:
    (end,) = process.eye.execute("SELECT arrival FROM log_head").fetchone()
    return any(each.position > end for each in process.office.peer_status.durable_above())
