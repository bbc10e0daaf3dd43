"""The lies of a tampered child in its other calls: copies, comparisons, uploads, handshakes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sync.codec import compress, statement
from sync.codec import entry as codec
from sync.codec.signing import LOG
from sync.compare import repair
from sync.compare.codec import copy_to_wire
from sync.link.possession import CHILD, Sides, sign
from sync.log import entries as log
from sync.merge.record import Head, Heads, RecordState
from sync.model.change import RecordKey
from sync.model.limits import DIGEST_STEP_BUCKETS, LISTED_MAX, SNAPSHOT_ROWS
from sync.model.report import NodeStatus
from sync.model.schema import Lane
from sync.model.version import version_of
from sync.store.quarantine import quarantined_records
from sync.wire.link.v1 import link_pb2 as pb
from tests.simulation.lie import (
    DOWN,
    FOREIGN,
    UP,
    End,
    How,
    Lies,
    Role,
    Scene,
    Way,
    invented_after,
    refused,
    verdict,
)

LIES = Lies()


def says(method: str, falsifies: str, end: End, way: Way = Way.CALL) -> Any:
    return LIES.add(Role.CHILD, method, falsifies, end, way)


def left(reason: str) -> End:
    return End(How.LEFT, reason)


def _call(scene: Scene) -> dict[str, int]:
    return {"session": scene.session, "unit": scene.me.unit}


# -- what nobody asked for -------------------------------------------------------------------------


@says("RestoreParent", "what its parent has lost: nothing", refused("unauthorised"))
def entries_of_a_parent_that_lost_nothing(scene: Scene) -> Any:
    wire = scene.entry(scene.them, audience=DOWN).wire
    return pb.RestoreParentRequest(entries=[wire], last=True, **_call(scene))


@says("RestoreParent", "bytes that are no entry", refused("malformed"))
def a_restore_of_no_entries(scene: Scene) -> Any:
    return pb.RestoreParentRequest(entries=[b"\xff" * 9], last=True, **_call(scene))


@says("RestoreParent", "an entry that its restored parent never wrote, among those that it did",
      refused("bad_signature"), Way.REQUEST)  # fmt: skip
def an_entry_that_a_restored_parent_never_wrote(scene: Scene) -> Any:
    request = scene.request
    return request if invented_after(scene, request.entries, request.signatures) else None


@says("Snapshot", "that it was sent for copies", refused("session_unknown"))
def a_snapshot_that_nobody_offered(scene: Scene) -> Any:
    with scene.listener.office.store.read():
        state = scene.listener.parent.sessions.session_of(scene.me.unit)
    if state is None or state.state.snapshot_follows:
        return None
    return pb.SnapshotRequest(**_call(scene))


@says("Pull", "a lane that does not exist", refused("malformed"))
def a_pull_of_no_lane(scene: Scene) -> Any:
    cursor = pb.Cursor(lane=9)  # type: ignore[arg-type]
    return pb.PullRequest(cursor=cursor, **_call(scene))


@says("Replay", "how many entries it asks about", refused("malformed"))
def a_replay_too_long(scene: Scene) -> Any:
    probes = [pb.StreamHead(lane=pb.LANE_BULK)] * (LISTED_MAX + 1)
    return pb.ReplayRequest(probing=True, probes=probes, **_call(scene))


@says("Pull", "the unit: another child's, in its own session", refused("session_unknown"))
def its_own_session_for_another_child(scene: Scene) -> Any:
    other = scene.elsewhere()
    if other is None:
        return None
    cursor = pb.Cursor(lane=pb.LANE_BULK)
    return pb.PullRequest(session=scene.session, unit=other.unit_id, cursor=cursor)


# -- uploads ---------------------------------------------------------------------------------------


def _upload(scene: Scene, **parts: Any) -> Any:
    payload = compress.compress(pb.SnapshotChunk(**parts))
    return pb.UploadSnapshotRequest(payload=payload, **_call(scene))


def _writer(who: Any, key: bytes = b"") -> pb.Incarnation:
    return pb.Incarnation(id=who.incarnation, unit=who.unit, level=who.level, public_key=key)


def _tip(scene: Scene, who: Any, audience: str = UP, lane: int = pb.LANE_BULK) -> pb.SnapshotHead:
    head = pb.StreamHead(
        incarnation=who.incarnation, audience=audience, lane=lane, seq=999,  # type: ignore[arg-type]
        hash=scene.rng.randbytes(32),
    )  # fmt: skip
    return pb.SnapshotHead(head=head, hlc=scene.stamp())


@says("UploadSnapshot", "whose records: another office's", refused("unauthorised"))
def copies_of_another_branch(scene: Scene) -> Any:
    other = scene.elsewhere()
    if other is None:
        return None
    version = version_of(scene.stamp(), scene.me.incarnation)
    rows = pb.SnapshotRows(
        register="premises", unit=other.unit_id, ids=scene.rng.randbytes(16), created=[0],
        causal_length=[1], causal_length_version=[0], versions=version,
    )  # fmt: skip
    return _upload(scene, rows=[rows], incarnations=[_writer(scene.me)])


@says("UploadSnapshot", "a stream: its parent's", refused("unauthorised"))
def a_stream_of_its_parent(scene: Scene) -> Any:
    tip = _tip(scene, scene.them, DOWN)
    return _upload(scene, heads=[tip], incarnations=[_writer(scene.them)])


@says("UploadSnapshot", "a stream of another lane", refused("unauthorised"))
def a_stream_of_the_control_lane(scene: Scene) -> Any:
    tip = _tip(scene, scene.me, lane=pb.LANE_CONTROL)
    return _upload(scene, heads=[tip], incarnations=[_writer(scene.me)])


@says("UploadSnapshot", "a stream without its writer", refused("malformed"))
def a_stream_of_nobody(scene: Scene) -> Any:
    return _upload(scene, heads=[_tip(scene, scene.me)])


@says("UploadSnapshot", "the signature of a stream", refused("bad_signature"))
def a_stream_signed_by_another_hand(scene: Scene) -> Any:
    tip = _tip(scene, scene.me)
    tip.signed_seq, tip.signature = tip.head.seq, scene.rng.randbytes(64)
    return _upload(
        scene, heads=[tip], incarnations=[_writer(scene.me, scene.key.public_key)],
        cursors=[codec.cursor_to_wire(Lane.BULK, scene.me.incarnation, 1)],
    )  # fmt: skip


@says("UploadSnapshot", "the incarnation of its log", refused("malformed"))
def an_upload_of_another_incarnation(scene: Scene) -> Any:
    return _upload(scene, cursors=[codec.cursor_to_wire(Lane.BULK, scene.me.incarnation ^ 1, 1)])


@says("UploadSnapshot", "how many records are in a chunk", refused("malformed"))
def an_upload_too_large(scene: Scene) -> Any:
    ids = bytes(16 * (SNAPSHOT_ROWS + 1))
    return _upload(scene, rows=[pb.SnapshotRows(register="premises", unit=scene.me.unit, ids=ids)])


@says("UploadSnapshot", "bytes that are no chunk", refused("malformed"))
def an_upload_of_no_chunk(scene: Scene) -> Any:
    return pb.UploadSnapshotRequest(payload=b"\xff" * 40, **_call(scene))


# -- comparisons -----------------------------------------------------------------------------------


def _compare(scene: Scene, **step: Any) -> pb.DigestRequest:
    """Return a step of a comparison at the very point at which the listener is."""
    message = pb.DigestRequest(**_call(scene), **step)
    with scene.listener.office.store.read() as tx:
        for lane in Lane:
            incarnation, position = log.cursor_of(tx, scene.me.unit, "in", lane)
            sent = position if incarnation == scene.me.incarnation else 0
            message.sent.append(codec.cursor_to_wire(lane, scene.me.incarnation, sent))
            at = log.position(tx)
            message.acked.append(codec.cursor_to_wire(lane, scene.them.incarnation, at))
    return message


def _record(scene: Scene, unit: int = 0) -> tuple[RecordKey, RecordState] | None:
    """Return a premises record of the liar's side, or of one unit, as the listener has it."""
    office, top = scene.listener.office, unit or scene.me.unit
    below = [u.unit_id for u in scene.world.units if office.routes.covers(top, u.unit_id)]
    marks = ",".join(map(str, below))
    rows = scene.listener.eye.execute(
        f"SELECT unit, id FROM r_premises WHERE unit IN ({marks}) AND causal_length=1 "
        "ORDER BY unit, id"
    ).fetchall()
    names = [RecordKey("premises", unit, bytes(record)) for unit, record in rows]
    with office.store.read() as tx:
        quarantined = quarantined_records(tx, names)
        clean = [name for name in names if name not in quarantined]
        if not clean:
            return None
        name = scene.rng.choice(clean)
        state = repair.copies(office.replica, tx, [name])[name]
    return (name, state) if state is not None else None


def _copy(scene: Scene, change: Any, unit: int = 0) -> Any:
    found = _record(scene, unit)
    if found is None:
        return None
    name, state = found
    changed = change(state)
    if changed is None:
        return None
    return _compare(scene, copies=pb.DigestCopies(copies=[copy_to_wire(name, changed, None)]))


def _value(state: RecordState, name: str, version: bytes, value: Any, level: int) -> RecordState:
    fields = {**state.fields, name: Heads(Head(version, value, level))}
    return replace(state, fields=fields)


@says("Digest", "whose record: another office's", refused("malformed"))
def a_copy_of_another_branch(scene: Scene) -> Any:
    other = scene.elsewhere()
    if other is None:
        return None
    copy = pb.RecordCopy(
        register="premises", unit=other.unit_id, id=scene.rng.randbytes(16), absent=True
    )
    return _compare(scene, copies=pb.DigestCopies(copies=[copy]))


@says(
    "Digest",
    "its parent's own field, under a made-up version of its parent",
    left("foreign_version"),
)
def its_parents_field_rewritten(scene: Scene) -> Any:
    if scene.them.level != 2:
        return None  # the offices above own no field of it
    version = version_of(scene.stamp(), scene.them.incarnation)
    return _copy(scene, lambda s: _value(s, "remark", version, "他改", scene.them.level))


@says("Digest", "a field of the street, under its own version", left("not_owner"))
def a_field_that_is_not_its_own(scene: Scene) -> Any:
    if scene.me.level != 3:
        return None
    version = version_of(scene.stamp(), scene.me.incarnation)
    return _copy(scene, lambda s: _value(s, "verified_area_m2", version, 99_999_900, 3))


@says("Digest", "its own value, out of range", left("invalid_value"))
def a_copy_out_of_range(scene: Scene) -> Any:
    if scene.me.level != 3:
        return None
    version = version_of(scene.stamp(), scene.me.incarnation)
    return _copy(scene, lambda s: _value(s, "area_m2", version, -1, 3))


@says("Digest", "the end of a record, under its parent's version", left("foreign_version"))
def a_record_ended_by_its_parent(scene: Scene) -> Any:
    version = version_of(scene.stamp(), scene.them.incarnation)
    return _copy(scene, lambda s: replace(s, causal_length=2, causal_length_version=version))


@says("Digest", "its own value, under a version that its log does not have", left("unproven"))
def a_value_outside_its_log(scene: Scene) -> Any:
    if scene.me.level != 3:
        return None
    version = version_of(scene.stamp(), scene.me.incarnation)
    return _copy(scene, lambda s: _value(s, "area_m2", version, 99_999_900, 3))


@says("Digest", "another value under a version that its log has", End(How.NOTHING))
def another_value_than_its_log_has(scene: Scene) -> Any:
    if scene.me.level != 3:
        return None

    def change(state: RecordState) -> RecordState | None:
        head = state.fields["area_m2"].shown
        return _value(state, "area_m2", head.version, 99_999_900, 3) if head.value else None

    return _copy(scene, change)


@says("Digest", "a value of an office below it, made up", left("unproven"))
def a_value_that_an_office_below_never_wrote(scene: Scene) -> Any:
    below = _below(scene)
    if below is None:
        return None
    version = version_of(scene.stamp(), below.incarnation)
    return _copy(scene, lambda s: _value(s, "area_m2", version, 99_999_900, 3), below.unit)


@says("Digest", "the end of a record of an office below it, made up", left("unproven"))
def an_end_that_an_office_below_never_wrote(scene: Scene) -> Any:
    below = _below(scene)
    if below is None:
        return None
    end = version_of(scene.stamp(), below.incarnation)
    return _copy(
        scene, lambda s: replace(s, causal_length=2, causal_length_version=end), below.unit
    )


@says("Digest", "the signature of an entry that is to prove a value", refused("bad_signature"))
def a_value_proven_by_another_hand(scene: Scene) -> Any:
    if scene.me.level != 3:
        return None
    entry = scene.entry()
    message = _copy(scene, lambda s: _value(s, "area_m2", entry.version, 99_999_900, 3))
    if message is None:
        return None
    signature = scene.signed(entry, FOREIGN, public_key=scene.key.public_key)
    message.copies.proofs.add(entries=[entry.wire], signature=signature)
    return message


@says("Digest", "an entry that is to prove a value: it is of another record", left("unproven"))
def a_value_proven_by_another_entry(scene: Scene) -> Any:
    if scene.me.level != 3:
        return None
    entry = scene.entry()
    message = _copy(scene, lambda s: _value(s, "area_m2", entry.version, 99_999_900, 3))
    if message is not None:
        message.copies.proofs.add(entries=[entry.wire], signature=scene.signed(entry))
    return message


@says("Digest", "entries that are to prove a value: they do not follow one another",
      refused("malformed"))  # fmt: skip
def a_proof_with_a_gap(scene: Scene) -> Any:
    first, second = scene.entry(), scene.entry(seq=1 << 40)
    message = _copy(scene, lambda s: s)
    if message is not None:
        wires = [first.wire, second.wire]
        message.copies.proofs.add(entries=wires, signature=scene.signed(second))
    return message


def _below(scene: Scene) -> Any | None:
    """Return a community below the liar, whose parent it is."""
    world = scene.world
    running = (world.processes.get(i) for i in world.children(scene.teller.index))
    found = [process.office.identity for process in running if process is not None]
    return scene.rng.choice(found) if found and found[0].level == 3 else None


@says("Digest", "a version of nobody", left("unknown_writer"))
def a_record_of_no_writer(scene: Scene) -> Any:
    version = version_of(scene.stamp(), scene.rng.getrandbits(62))
    found = _record(scene)
    if found is None:
        return None
    name, state = found
    fields = {n: Heads(Head(version, h.shown.value, 3)) for n, h in state.fields.items()}
    invented = replace(state, created=version, causal_length_version=version, fields=fields)
    key = name._replace(id=scene.rng.randbytes(16))
    return _compare(scene, copies=pb.DigestCopies(copies=[copy_to_wire(key, invented, None)]))


@says("Digest", "how many buckets it asks about", refused("malformed"))
def a_comparison_too_long(scene: Scene) -> Any:
    buckets = [pb.BucketParts(register="premises", unit=scene.me.unit, sums=[0])]
    return _compare(scene, parts=pb.DigestParts(buckets=buckets * (DIGEST_STEP_BUCKETS + 1)))


@says("Digest", "units without their sums", refused("malformed"))
def sums_left_out(scene: Scene) -> Any:
    sums = pb.RegisterSums(register="premises", units=[scene.me.unit])
    return _compare(scene, units=pb.DigestUnits(registers=[sums]))


# -- in its own handshake --------------------------------------------------------------------------


def in_hello(falsifies: str, end: End) -> Any:
    return says("Hello", falsifies, end, Way.REQUEST)


def signed_hello(scene: Scene) -> pb.HelloRequest | None:
    """Return the honest handshake, if it shows the key: what follows is judged by its content."""
    hello: pb.HelloRequest = scene.request
    return hello if hello.signed_challenge else None


@in_hello("the status of its own office, under another key", End(How.SEEN, "status_forged"))
def a_status_under_another_key(scene: Scene) -> Any:
    return with_status(scene, NodeStatus(
        unit=scene.me.unit, at_ms=scene.world.clockwork.now_ms, incarnation=scene.me.incarnation,
        waiting_up=0,
    ))  # fmt: skip


@in_hello("the status of an office below it, by its own key", End(How.SEEN, "status_forged"))
def a_status_of_an_office_below(scene: Scene) -> Any:
    world = scene.world
    children = world.children(scene.teller.index)
    if not children:
        return None
    below = world.units[scene.rng.choice(children)]
    process = world.processes.get(world.units.index(below))
    if process is None:
        return None
    return with_status(scene, NodeStatus(
        unit=below.unit_id, at_ms=world.clockwork.now_ms, connected=True,
        incarnation=process.office.identity.incarnation,
    ), scene.key)  # fmt: skip


@in_hello("the status of an office that is not below it", End(How.NOTHING))
def a_status_of_another_branch(scene: Scene) -> Any:
    other = scene.elsewhere()
    if other is None:
        return None
    return with_status(scene, NodeStatus(
        unit=other.unit_id, at_ms=scene.world.clockwork.now_ms, connected=True,
    ), scene.key)  # fmt: skip


def with_status(scene: Scene, status: NodeStatus, key: Any = FOREIGN) -> Any:
    hello = signed_hello(scene)
    if hello is None:
        return None
    signed = statement.signed(status, b"", (), key)
    hello.offices.append(statement.status_to_wire(signed))
    return hello


def _with_required(scene: Scene, **changes: Any) -> pb.HelloRequest | None:
    """Return the handshake with another entry that its parent must have."""
    hello = signed_hello(scene)
    if hello is None or not hello.required_heads:
        return None
    mine = {c.lane for c in hello.cursors if c.incarnation == scene.them.incarnation}
    required = hello.required_heads[0]
    if required.head.lane not in mine or not required.signature:
        return None
    for name, value in changes.items():
        setattr(required.head if name in ("hash", "seq") else required, name, value)
    return hello


@in_hello("an entry that its parent must have, and never had", End(How.SEEN, "head_forged"))
def a_required_head_that_nobody_wrote(scene: Scene) -> Any:
    return _with_required(scene, hash=scene.rng.randbytes(32))


@in_hello("where its parent must have an entry", End(How.SEEN, "head_forged"))
def a_required_head_at_another_position(scene: Scene) -> Any:
    return _with_required(scene, position=1 << 60)


@in_hello("an entry that its parent must have, signed by the child", End(How.SEEN, "head_forged"))
def a_required_head_signed_by_another_hand(scene: Scene) -> Any:
    return _with_required(
        scene, hash=scene.rng.randbytes(32), signature=scene.key.sign(LOG, scene.rng.randbytes(32))
    )


@in_hello("an entry that its parent must have, which the parent has not signed", End(How.NOTHING))
def a_required_head_without_a_signature(scene: Scene) -> Any:
    return _with_required(scene, hash=scene.rng.randbytes(32), signature=b"")


@in_hello("the number of an entry that its parent must have", End(How.NOTHING))
def a_required_head_under_another_number(scene: Scene) -> Any:
    return _with_required(scene, seq=1 << 40)


@in_hello("its incarnation: its parent's", refused("unauthorised"))
def a_handshake_under_its_parents_incarnation(scene: Scene) -> Any:
    scene.request.incarnation = scene.them.incarnation
    return scene.request


@in_hello("the incarnation that it continues: its parent's", refused("unauthorised"))
def a_handshake_that_continues_its_parent(scene: Scene) -> Any:
    scene.request.continues = scene.them.incarnation
    return scene.request


@in_hello("its key: another one, and it is shown", refused("key_refused"))
def a_handshake_under_another_key(scene: Scene) -> Any:
    hello = signed_hello(scene)
    if hello is None:
        return None
    hello.public_key = FOREIGN.public_key
    sides = Sides(hello.unit, scene.them.unit, hello.incarnation, scene.them.incarnation)
    hello.signature = sign(FOREIGN, CHILD, sides, hello.signed_challenge)
    return hello


@in_hello("the signature of the challenge", refused("key_not_shown"))
def a_handshake_signed_by_another_hand(scene: Scene) -> Any:
    hello = signed_hello(scene)
    if hello is None:
        return None
    hello.signature = scene.rng.randbytes(64)
    return hello


@in_hello("the challenge that it signs: not the one it was given", verdict("CHALLENGE"))
def a_handshake_for_another_challenge(scene: Scene) -> Any:
    hello = signed_hello(scene)
    if hello is None:
        return None
    hello.signed_challenge = scene.rng.randbytes(16)
    return hello


@in_hello("its level", verdict("WRONG_PARENT"))
def a_handshake_at_another_level(scene: Scene) -> Any:
    scene.request.level = (scene.me.level + 1) % 4
    return scene.request


@in_hello("its protocol: one of another time", verdict("UPGRADE_FIRST"))
def a_handshake_in_another_protocol(scene: Scene) -> Any:
    scene.request.protocol_min = scene.request.protocol_max = 99
    return scene.request
