"""The lies of a hub: what a parent answers its child."""

from __future__ import annotations

from typing import Any

from sync.codec import compress, receipt
from sync.codec import entry as codec
from sync.codec.signing import STREAM
from sync.compare.drilldown import part_of
from sync.link.possession import PARENT, Sides, sign
from sync.log import signatures
from sync.merge.digest import bucket_of
from sync.model.change import Entry
from sync.model.limits import SNAPSHOT_ROWS
from sync.model.schema import Lane
from sync.model.version import version_of
from sync.store import peers
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
)

LIES = Lies()


def answers(method: str, falsifies: str, end: End) -> Any:
    return LIES.add(Role.HUB, method, falsifies, end, Way.REPLY)


# -- entries that it hands down --------------------------------------------------------------------


def _down(
    scene: Scene, *entries: Entry, signatures: Any = None, lane: Lane = Lane.BULK, **changes: Any
) -> Any:
    """Return an answer to a pull, with these entries as what comes next."""
    if scene.request.cursor.lane != lane.value:
        return None
    if signatures is None:
        signatures = [scene.signed(entries[-1])]
    wires = changes.pop("wires", [entry.wire for entry in entries])
    after = changes.pop("after", scene.request.cursor.position)
    batch = scene.batch(wires, signatures, lane, after, **changes)
    return pb.PullResponse(batch=batch)


@answers("Pull", "unit and incarnation: the child's own", refused("unauthorised"))
def an_entry_that_the_child_never_wrote(scene: Scene) -> Any:
    return _down(scene, scene.entry(scene.them, audience=DOWN))


@answers("Pull", "unit and incarnation: another office's, not above", refused("unauthorised"))
def an_entry_of_another_branch_for_a_child(scene: Scene) -> Any:
    other = scene.elsewhere()
    if other is None:
        return None
    incarnation = scene.rng.getrandbits(62)
    return _down(scene, scene.entry(
        unit=other.unit_id, level=other.level, incarnation=incarnation, audience=DOWN
    ))  # fmt: skip


@answers("Pull", "the unit: the city's, under its own incarnation", refused("unauthorised"))
def the_citys_unit_under_its_own_incarnation(scene: Scene) -> Any:
    if scene.me.level == 0:
        return None
    city = scene.world.units[0]
    return _down(scene, scene.entry(unit=city.unit_id, level=0, audience=DOWN))


@answers("Pull", "an entry of the city, signed by the hub", refused("key_changed"))
def an_entry_of_the_city_signed_by_a_hub(scene: Scene) -> Any:
    city = scene.world.processes.get(0)
    if scene.me.level == 0 or city is None:
        return None
    who = city.office.identity
    if not scene.head(who.incarnation, DOWN, Lane.CONTROL).seq:
        return None  # the first key that comes for an incarnation is kept
    entry = scene.entry(who, audience=DOWN, lane=Lane.CONTROL)
    return _down(scene, entry, lane=Lane.CONTROL)


@answers("Pull", "the audience: offices above, in what goes down", refused("unauthorised"))
def an_audience_that_goes_up(scene: Scene) -> Any:
    return _down(scene, scene.entry(audience=UP))


@answers("Pull", "the lane of an entry: another than its batch's", refused("unauthorised"))
def an_entry_of_another_lane_for_a_child(scene: Scene) -> Any:
    return _down(scene, scene.entry(audience=DOWN, lane=Lane.CONTROL))


@answers("Pull", "no signature at all", refused("signature_missing"))
def an_unsigned_entry_of_a_hub(scene: Scene) -> Any:
    return _down(scene, scene.entry(audience=DOWN), signatures=[])


@answers("Pull", "the key: another than its incarnation's", refused("key_changed"))
def an_entry_of_a_hub_under_another_key(scene: Scene) -> Any:
    entry = scene.entry(audience=DOWN)
    return _down(scene, entry, signatures=[scene.signed(entry, FOREIGN)])


@answers(
    "Pull", "the signature: made with another key than the one shown", refused("bad_signature")
)
def an_entry_of_a_hub_signed_by_another_hand(scene: Scene) -> Any:
    entry = scene.entry(audience=DOWN)
    signature = scene.signed(entry, signature=FOREIGN.sign(STREAM, entry.hash))
    return _down(scene, entry, signatures=[signature])


@answers("Pull", "the number: some left out", refused("stream_gap"))
def a_stream_of_a_hub_with_a_gap(scene: Scene) -> Any:
    head = scene.head(scene.me.incarnation, DOWN, Lane.BULK)
    return _down(scene, scene.entry(audience=DOWN, seq=head.seq + 3))


@answers("Pull", "the hash of the entry before", refused("stream_forked"))
def a_stream_of_a_hub_chained_to_another_entry(scene: Scene) -> Any:
    return _down(scene, scene.entry(audience=DOWN, prev_hash=scene.rng.randbytes(32)))


@answers("Pull", "the incarnation of a batch", refused("malformed"))
def a_batch_of_no_hub(scene: Scene) -> Any:
    return _down(scene, scene.entry(audience=DOWN), incarnation=scene.me.incarnation ^ 1)


@answers("Pull", "the positions of a batch: they do not rise", refused("malformed"))
def positions_of_a_hub_that_go_back(scene: Scene) -> Any:
    return _down(scene, scene.entry(audience=DOWN), positions=[scene.request.cursor.position])


@answers("Pull", "where a batch begins: beyond what was asked", refused("cursor_gap"))
def a_hub_that_leaves_entries_out(scene: Scene) -> Any:
    at = scene.request.cursor.position + 5
    return _down(scene, scene.entry(audience=DOWN), after=at)


@answers("Pull", "bytes that are no entry", refused("malformed"))
def bytes_of_a_hub_that_are_no_entry(scene: Scene) -> Any:
    return _down(scene, signatures=[], wires=[b"\xff" * 40])


# -- its handshake ---------------------------------------------------------------------------------


def _accepted(scene: Scene) -> pb.HelloResponse | None:
    reply: pb.HelloResponse = scene.reply
    return reply if reply.verdict == pb.VERDICT_ACCEPTED else None


@answers("Hello", "the unit that answers", refused("malformed"))
def another_unit_answers(scene: Scene) -> Any:
    scene.reply.unit = scene.them.unit
    return scene.reply


@answers("Hello", "the verdict: none that exists", refused("malformed"))
def a_verdict_that_does_not_exist(scene: Scene) -> Any:
    scene.reply.verdict = 99
    return scene.reply


@answers("Hello", "its key: another one, and it is shown", refused("key_refused"))
def a_hub_under_another_key(scene: Scene) -> Any:
    reply = _accepted(scene)
    if reply is None or not _knows_parent(scene):
        return None
    hello = scene.request
    sides = Sides(hello.unit, reply.unit, hello.incarnation, reply.incarnation)
    reply.public_key = FOREIGN.public_key
    reply.signature = sign(FOREIGN, PARENT, sides, hello.challenge)
    return reply


@answers("Hello", "the signature for the child's challenge", refused("key_not_shown"))
def a_hub_that_shows_no_key(scene: Scene) -> Any:
    reply = _accepted(scene)
    if reply is not None and _knows_parent(scene):
        reply.signature = scene.rng.randbytes(64)
        return reply
    return None


@answers("Hello", "its incarnation: the child's own", refused("unauthorised"))
def a_hub_under_its_childs_incarnation(scene: Scene) -> Any:
    reply = _accepted(scene)
    if reply is None:
        return None
    hello = scene.request
    reply.incarnation = scene.them.incarnation
    sides = Sides(hello.unit, reply.unit, hello.incarnation, reply.incarnation)
    reply.signature = sign(scene.key, PARENT, sides, hello.challenge)
    return reply


@answers("Hello", "a receipt of the city, signed by the hub", End(How.SEEN, "receipt_forged"))
def a_receipt_of_the_city(scene: Scene) -> Any:
    city = _city_known(scene)
    return _with_receipt(scene, city) if city is not None else None


@answers("Hello", "its receipt, under another key", End(How.SEEN, "receipt_forged"))
def a_receipt_under_another_key(scene: Scene) -> Any:
    return _with_receipt(scene, scene.me, FOREIGN)


@answers("Hello", "a receipt of an office that is not above", End(How.NOTHING))
def a_receipt_of_another_branch(scene: Scene) -> Any:
    return _with_receipt(scene, scene.them)


def _with_receipt(scene: Scene, holder: Any, key: Any = None) -> Any:
    reply = _accepted(scene)
    if reply is None:
        return None
    _add_receipt(scene, reply, holder, key or scene.key)
    return reply


def _add_receipt(scene: Scene, reply: Any, holder: Any, key: Any) -> None:
    found = receipt.sign(
        holder.unit, holder.incarnation, scene.them.unit, scene.world.clockwork.now_ms, {}, key
    )
    del reply.receipts[:]
    reply.receipts.append(receipt.to_wire(found))


def _city_known(scene: Scene) -> Any:
    """Return who the city is, if the listener knows its key; None: what is signed with the first
    key counts, where nobody is enrolled (ADR 0054).
    """
    city = scene.world.processes.get(0)
    if scene.me.level == 0 or city is None:
        return None
    with scene.listener.office.store.read() as tx:
        known = signatures.key_known(tx, city.office.identity.incarnation)
    return city.office.identity if known else None


def _knows_parent(scene: Scene) -> bool:
    with scene.listener.office.store.read() as tx:
        return bool(peers.load(tx, scene.me.unit).key_pinned)


# -- copies that nobody needs ----------------------------------------------------------------------


def hands_down(falsifies: str, end: End) -> Any:
    return answers("Snapshot", falsifies, end)


def _chunk(scene: Scene, *, more: bool = False, **parts: Any) -> pb.SnapshotResponse:
    if not more:
        parts["cursors"] = [codec.cursor_to_wire(Lane.BULK, scene.me.incarnation, 1)]
    payload = compress.compress(pb.SnapshotChunk(**parts))
    return pb.SnapshotResponse(payload=payload, next=b"more" if more else b"", total=1)


def _rows(scene: Scene, unit: int) -> pb.SnapshotRows:
    return pb.SnapshotRows(
        register="premises", unit=unit, ids=scene.rng.randbytes(16), created=[0],
        causal_length=[1], causal_length_version=[0],
        versions=version_of(scene.stamp(), scene.me.incarnation),
    )  # fmt: skip


def _writer(who: Any) -> pb.Incarnation:
    return pb.Incarnation(id=who.incarnation, unit=who.unit, level=who.level)


@hands_down("whose records: those of another branch", refused("unauthorised"))
def a_snapshot_of_another_branch(scene: Scene) -> Any:
    other = scene.elsewhere()
    if other is None:
        return None
    return _chunk(scene, rows=[_rows(scene, other.unit_id)], incarnations=[_writer(scene.me)])


@hands_down("a stream: of the control lane", refused("unauthorised"))
def a_snapshot_with_a_control_stream(scene: Scene) -> Any:
    head = pb.StreamHead(
        incarnation=scene.me.incarnation, audience=DOWN, lane=pb.LANE_CONTROL, seq=9,
        hash=scene.rng.randbytes(32),
    )  # fmt: skip
    tip = pb.SnapshotHead(head=head, hlc=scene.stamp())
    return _chunk(scene, heads=[tip], incarnations=[_writer(scene.me)])


@hands_down("a stream: an office's of another branch", refused("unauthorised"))
def a_snapshot_with_a_stream_of_another_branch(scene: Scene) -> Any:
    other = scene.elsewhere()
    if other is None:
        return None
    number = scene.rng.getrandbits(62)
    head = pb.StreamHead(
        incarnation=number, audience=UP, lane=pb.LANE_BULK, seq=9, hash=scene.rng.randbytes(32)
    )  # fmt: skip
    writer = pb.Incarnation(id=number, unit=other.unit_id, level=other.level)
    return _chunk(
        scene, heads=[pb.SnapshotHead(head=head, hlc=scene.stamp())], incarnations=[writer]
    )


@hands_down("the signature of its own stream", refused("bad_signature"))
def a_snapshot_with_a_stream_signed_by_another_hand(scene: Scene) -> Any:
    head = pb.StreamHead(
        incarnation=scene.me.incarnation, audience=DOWN, lane=pb.LANE_BULK, seq=1 << 40,
        hash=scene.rng.randbytes(32),
    )  # fmt: skip
    tip = pb.SnapshotHead(
        head=head, hlc=scene.stamp(), signed_seq=1 << 40, signature=scene.rng.randbytes(64)
    )
    return _chunk(scene, heads=[tip], incarnations=[_writer(scene.me)])


@hands_down("where the log goes on: nowhere", refused("malformed"))
def a_snapshot_that_ends_nowhere(scene: Scene) -> Any:
    return pb.SnapshotResponse(payload=compress.compress(pb.SnapshotChunk()))


@hands_down("how many records are in a chunk", refused("malformed"))
def a_snapshot_too_large(scene: Scene) -> Any:
    ids = bytes(16 * (SNAPSHOT_ROWS + 1))
    return _chunk(scene, rows=[pb.SnapshotRows(register="premises", unit=scene.them.unit, ids=ids)])


@hands_down("bytes that are no chunk", refused("malformed"))
def a_snapshot_of_no_chunk(scene: Scene) -> Any:
    return pb.SnapshotResponse(payload=b"\xff" * 40)


@answers("Replay", "an entry that the restored child never wrote, among those that it did",
         refused("bad_signature"))  # fmt: skip
def an_entry_that_a_restored_child_never_wrote(scene: Scene) -> Any:
    reply = scene.reply
    return reply if invented_after(scene, reply.entries, reply.signatures) else None


# -- what it acknowledges, and what it calls for ---------------------------------------------------


@answers("Push", "how far it has the child's log: beyond the end", refused("malformed"))
def an_acknowledgement_of_what_was_never_written(scene: Scene) -> Any:
    scene.reply.durable.position = 1 << 60
    return scene.reply


@answers("Push", "how far the child's log is durable above: beyond the end", End(How.NOTHING))
def everything_durable_at_the_city(scene: Scene) -> Any:
    scene.reply.durable_above.add(level=0, lane=pb.LANE_BULK, position=1 << 60)
    return scene.reply


@answers("Push", "that it took nothing", End(How.NOTHING))
def an_acknowledgement_of_nothing(scene: Scene) -> Any:
    scene.reply.durable.position = 0
    return scene.reply


@answers("Push", "a place where a log is durable: no level", refused("malformed"))
def a_durable_position_of_no_level(scene: Scene) -> Any:
    scene.reply.durable_above.add(level=9, lane=pb.LANE_BULK, position=1)
    return scene.reply


@answers("Push", "a receipt of the city, signed by the hub", End(How.SEEN, "receipt_forged"))
def a_receipt_of_the_city_for_a_push(scene: Scene) -> Any:
    city = _city_known(scene)
    if city is None:
        return None
    _add_receipt(scene, scene.reply, city, scene.key)
    return scene.reply


@answers("Hello", "how far it has the child's log: beyond the end", refused("malformed"))
def a_handshake_that_acknowledges_too_much(scene: Scene) -> Any:
    reply = _accepted(scene)
    if reply is None:
        return None
    del reply.cursors[:]
    reply.cursors.append(codec.cursor_to_wire(Lane.BULK, scene.them.incarnation, 1 << 60))
    return reply


@answers("Watch", "that something waits in each lane", End(How.NOTHING))
def a_call_for_nothing(scene: Scene) -> Any:
    return pb.WatchResponse(lanes=[pb.LANE_CONTROL, pb.LANE_BULK])


@answers("Watch", "a lane that does not exist", End(How.NOTHING))
def a_call_for_no_lane(scene: Scene) -> Any:
    return pb.WatchResponse(lanes=[9])  # type: ignore[list-item]


@answers("Watch", "how far the child's log is durable above", End(How.NOTHING))
def a_call_that_everything_is_durable(scene: Scene) -> Any:
    reply = pb.WatchResponse()
    reply.durable_above.add(level=0, lane=pb.LANE_BULK, position=1 << 60)
    return reply


# -- comparisons -----------------------------------------------------------------------------------


def left(reason: str) -> End:
    return End(How.LEFT, reason)


def compares(falsifies: str, end: End) -> Any:
    return answers("Digest", falsifies, end)


def _drilled(scene: Scene, register: str = "premises", unit: int = 0) -> bool:
    """Lead the child down to one record, step by step; True: it has sent that record's copy.

    `unit`: whose record; 0: the child's.
    """
    reply, request = scene.reply, scene.request
    unit = unit or scene.them.unit
    match request.WhichOneof("step"):
        case "units":
            found = _record_of(scene, register, unit)
            if found is None:
                return False
            scene.notes["record"] = found
            del reply.units[:]
            reply.units.add(register=register, units=[unit])
            reply.comparable = True
        case "buckets" if "record" in scene.notes:
            del reply.buckets[:]
            bucket = bucket_of(scene.notes["record"])
            reply.buckets.add(register=register, unit=unit, buckets=[bucket], counts=[1])
            reply.comparable = True
        case "parts" if "record" in scene.notes:
            record = scene.notes["record"]
            width = len(request.parts.buckets[0].sums) if request.parts.buckets else 1
            del reply.rows[:]
            reply.rows.add(
                register=register, unit=unit, bucket=bucket_of(record),
                parts=[part_of(record, width)], ids=record, checksums=[scene.rng.getrandbits(60)],
            )  # fmt: skip
            reply.comparable = True
        case "copies" if "record" in scene.notes:
            return bool(reply.comparable)
        case _:
            reply.comparable = False
    return False


def _record_of(scene: Scene, register: str, unit: int) -> bytes | None:
    rows = scene.listener.eye.execute(
        f"SELECT id FROM r_{register} WHERE unit=? AND causal_length=1 ORDER BY id", (unit,)
    ).fetchall()
    marked = scene.world.poison.victims
    found = [bytes(row[0]) for row in rows if bytes(row[0]) not in marked]
    return scene.rng.choice(found) if found else None


def _area(scene: Scene, change: Any) -> Any:
    """Change the area in the record to which the child was led."""
    return _field(scene, "area_m2", change)


def _field(scene: Scene, name: str, change: Any, register: str = "premises", unit: int = 0) -> Any:
    """Change a field of the record to which the child was led."""
    if not _drilled(scene, register, unit):
        return scene.reply if "record" in scene.notes else None
    for copy in scene.reply.copies:
        if copy.id == scene.notes["record"]:
            change(copy, next(head for head in copy.heads if head.field == name))
            scene.notes["sent"] = True
    return scene.reply


@compares("its own field, under a version that its log does not have", left("unproven"))
def a_value_outside_a_hubs_log(scene: Scene) -> Any:
    def add(copy: Any, _head: Any) -> None:
        version = version_of(scene.stamp(), scene.me.incarnation)
        copy.heads.add(field="verified_area_m2", version=version, number=99_999_900)

    return _field(scene, "verified_area_m2", add) if scene.me.level == 2 else None


@compares("a value of an office above it, made up", left("unproven"))
def a_value_that_an_office_above_never_wrote(scene: Scene) -> Any:
    city = scene.world.processes.get(0)
    if city is None or not scene.me.level:
        return None
    above = city.office.identity

    def add(copy: Any, _head: Any) -> None:
        version = version_of(scene.stamp(), above.incarnation)
        copy.heads.add(field="name", version=version, text="假名")

    return _field(scene, "name", add, "unit", above.unit)


@compares("the signature of an entry that is to prove a value", refused("bad_signature"))
def a_proof_signed_by_another_hand(scene: Scene) -> Any:
    if not _drilled(scene):
        return scene.reply if "record" in scene.notes else None
    proof = _invented_proof(scene)
    for copy in scene.reply.copies:
        if copy.id == scene.notes["record"] and copy.heads:
            version = codec.entry_from_wire(proof.entries[0]).version
            copy.heads.add(field="remark", version=version, text="假")
            scene.reply.proofs.append(proof)
            scene.notes["sent"] = True
    return scene.reply


def _invented_proof(scene: Scene) -> pb.SignedEntries:
    """Return an entry of the hub that it has signed with another key than its own."""
    entry = scene.entry(scene.me, audience=DOWN)
    signature = scene.signed(entry, FOREIGN, public_key=scene.key.public_key)
    return pb.SignedEntries(entries=[entry.wire], signature=signature)


@compares("the child's own field, in place of its own value", left("missing_local_heads"))
def the_childs_field_rewritten(scene: Scene) -> Any:
    def rewrite(_copy: Any, head: Any) -> None:
        head.version = version_of(scene.stamp(), scene.them.incarnation)
        head.number = 99_999_900

    return _area(scene, rewrite)


@compares("the child's own field, beside its own value", left("foreign_version"))
def a_second_value_of_the_childs_field(scene: Scene) -> Any:
    def add(copy: Any, _head: Any) -> None:
        version = version_of(scene.stamp(), scene.them.incarnation)
        copy.heads.add(field="area_m2", version=version, number=99_999_900)

    return _area(scene, add)


@compares("the end of the child's record, under a made-up version of the child",
          left("foreign_version"))  # fmt: skip
def the_childs_record_ended(scene: Scene) -> Any:
    def end(copy: Any, _head: Any) -> None:
        copy.causal_length += 1
        copy.causal_length_version = version_of(scene.stamp(), scene.them.incarnation)

    return _area(scene, end)


@compares("a copy that the child did not send", refused("malformed"))
def a_copy_that_was_not_asked_for(scene: Scene) -> Any:
    if not _drilled(scene):
        return scene.reply if "record" in scene.notes else None
    scene.reply.copies.add(
        register="premises", unit=scene.them.unit, id=scene.rng.randbytes(16), absent=True
    )
    scene.notes["sent"] = True
    return scene.reply


@compares("records of a bucket that the child did not ask about", refused("malformed"))
def records_that_were_not_asked_for(scene: Scene) -> Any:
    if scene.request.WhichOneof("step") != "parts":
        _drilled(scene)
        return scene.reply if "record" in scene.notes else None
    scene.reply.comparable = True
    scene.reply.rows.add(register="premises", unit=scene.me.unit, bucket=1)
    scene.notes["sent"] = True
    return scene.reply
