"""The lies of a tampered child in its pushes: entries, streams, signatures and batches."""

from __future__ import annotations

from typing import Any

from sync.codec.signing import STREAM
from sync.log import entries as log
from sync.log import truncation
from sync.model.change import Entry
from sync.model.limits import BATCH_BYTES_MAX, BATCH_CHANGES_MAX, LISTED_MAX, PEER_LIMITS
from sync.model.schema import Lane
from sync.wire.link.v1 import link_pb2 as pb
from tests.simulation.lie import DOWN, FOREIGN, UP, End, How, Lies, Role, Scene, refused

LIES = Lies()
NOTHING = End(How.NOTHING)
LEVELS = ("city", "district", "street", "community")


def push(falsifies: str, end: End) -> Any:
    return LIES.add(Role.CHILD, "Push", falsifies, end)


# -- who wrote it ----------------------------------------------------------------------------------


@push("unit, level and incarnation: its parent's", refused("unauthorised"))
def an_entry_as_its_parent(scene: Scene) -> Any:
    return scene.push(scene.entry(scene.them))


@push("unit, level and incarnation: the city's", refused("unauthorised"))
def an_entry_as_the_city(scene: Scene) -> Any:
    city = scene.world.processes.get(0)
    return scene.push(scene.entry(city.office.identity)) if city is not None else None


@push("the incarnation: its parent's, under its own unit", refused("unauthorised"))
def its_own_unit_under_its_parents_incarnation(scene: Scene) -> Any:
    return scene.push(scene.entry(incarnation=scene.them.incarnation))


@push("the unit: its parent's, under its own incarnation", refused("unauthorised"))
def its_parents_unit_under_its_own_incarnation(scene: Scene) -> Any:
    return scene.push(scene.entry(unit=scene.them.unit, level=scene.them.level))


@push("unit and incarnation: another office's, not below it", refused("unauthorised"))
def an_entry_as_another_branch(scene: Scene) -> Any:
    other = scene.elsewhere()
    if other is None:
        return None
    incarnation = scene.rng.getrandbits(62)
    return scene.push(scene.entry(unit=other.unit_id, level=other.level, incarnation=incarnation))


@push("the level of its unit", refused("unauthorised"))
def its_own_unit_at_another_level(scene: Scene) -> Any:
    return scene.push(scene.entry(level=(scene.me.level + 1) % 4))


@push("the former incarnation of a republished entry: its parent's", refused("unauthorised"))
def republished_as_its_parent(scene: Scene) -> Any:
    return scene.push(scene.entry(original_incarnation=scene.them.incarnation))


@push("as many new incarnations of its unit as no office comes to", refused("over_quota"))
def too_many_incarnations(scene: Scene) -> Any:
    entries = [
        scene.entry(incarnation=10**9 + n, blocks=[]) for n in range(PEER_LIMITS.incarnations + 1)
    ]
    return scene.push(*entries)


# -- for whom --------------------------------------------------------------------------------------


@push("the audience: offices below, in what goes up", refused("unauthorised"))
def an_audience_that_goes_down(scene: Scene) -> Any:
    return scene.push(scene.entry(audience=DOWN))


@push("the audience: offices below its receiver only", refused("unauthorised"))
def an_audience_that_ends_before(scene: Scene) -> Any:
    return scene.push(scene.entry(audience=f"up:{LEVELS[scene.them.level + 1]}"))


@push("the audience: none that exists", refused("bad_audience"))
def an_audience_of_nobody(scene: Scene) -> Any:
    return scene.push(scene.entry(audience="up:everybody"))


@push("the lane of an entry: another than its batch's", refused("unauthorised"))
def an_entry_of_another_lane(scene: Scene) -> Any:
    return scene.push(scene.entry(lane=Lane.CONTROL))


# -- where in its stream ---------------------------------------------------------------------------


@push("the number: some left out", refused("stream_gap"))
def a_stream_with_a_gap(scene: Scene) -> Any:
    head = scene.head(scene.me.incarnation, UP, Lane.BULK)
    return scene.push(scene.entry(seq=head.seq + 3))


@push("a second entry under the newest number", refused("stream_forked"))
def two_stories_under_one_number(scene: Scene) -> Any:
    head = scene.head(scene.me.incarnation, UP, Lane.BULK)
    return scene.push(scene.entry(seq=head.seq)) if head.seq else None


@push("the hash of the entry before", refused("stream_forked"))
def chained_to_another_entry(scene: Scene) -> Any:
    return scene.push(scene.entry(prev_hash=scene.rng.randbytes(32)))


@push("another entry under an old number", NOTHING)
def an_old_number_with_another_content(scene: Scene) -> Any:
    head = scene.head(scene.me.incarnation, UP, Lane.BULK)
    return scene.push(scene.entry(seq=head.seq - 1)) if head.seq > 1 else None


@push("an old entry sent as new", NOTHING)
def an_old_entry_again(scene: Scene) -> Any:
    wires = _own_wires(scene)
    return scene.push(signatures=[], entries=wires[:1], positions=[1], upto=1) if wires else None


@push(
    "an old entry's content under the next number, signed as the old one", refused("bad_signature")
)
def an_old_signature_for_a_new_entry(scene: Scene) -> Any:
    old, new = scene.entry(seq=1), scene.entry()
    signature = scene.signed(new, signature=scene.key.sign(STREAM, old.hash))
    return scene.push(new, signatures=[signature])


def _own_wires(scene: Scene) -> list[bytes]:
    with scene.listener.office.store.read() as tx:
        batch = log.read_up(
            tx, lane=Lane.BULK, incarnation=scene.them.incarnation,
            after=truncation.low_water_up(tx, Lane.BULK), bytes_max=1 << 16,
        )  # fmt: skip
    entries = [pb.Entry.FromString(wire) for wire in batch.entries]
    return [
        wire for wire, entry in zip(batch.entries, entries, strict=True)
        if entry.incarnation == scene.me.incarnation
    ]  # fmt: skip


# -- under whose key -------------------------------------------------------------------------------


@push("no signature at all", refused("signature_missing"))
def an_unsigned_entry(scene: Scene) -> Any:
    return scene.push(scene.entry(), signatures=[])


@push("the key: another than its incarnation's", refused("key_changed"))
def an_entry_under_another_key(scene: Scene) -> Any:
    return scene.push(scene.entry(), key=FOREIGN)


@push("the signature: made with another key than the one shown", refused("bad_signature"))
def a_signature_by_another_hand(scene: Scene) -> Any:
    entry = scene.entry()
    signature = scene.signed(entry, signature=FOREIGN.sign(STREAM, entry.hash))
    return scene.push(entry, signatures=[signature])


@push("the bytes of an entry after it was signed", refused("bad_signature"))
def an_entry_altered_after_it_was_signed(scene: Scene) -> Any:
    entry = scene.entry()
    altered = scene.entry(hlc=scene.stamp() + 1)
    return scene.push(altered, signatures=[scene.signed(entry)])


@push("the number that a signature is for", refused("signature_missing"))
def a_signature_for_a_later_number(scene: Scene) -> Any:
    entry = scene.entry()
    return scene.push(entry, signatures=[scene.signed(entry, seq=entry.seq + 1)])


@push("a key of small order, under which anything is signed", refused("malformed"))
def a_key_that_signs_everything(scene: Scene) -> Any:
    entry = scene.entry()
    return scene.push(entry, signatures=[scene.signed(entry, public_key=bytes([1]) + bytes(31))])


# -- the form of a batch ---------------------------------------------------------------------------


@push("the incarnation of a batch: an earlier one", refused("session_unknown"))
def a_batch_of_another_incarnation(scene: Scene) -> Any:
    return scene.push(scene.entry(), incarnation=scene.me.incarnation ^ 1)


@push("where a batch begins: beyond what was received", refused("cursor_gap"))
def a_batch_that_leaves_entries_out(scene: Scene) -> Any:
    return scene.push(scene.entry(), after=1 << 60)


@push("the positions of a batch: they do not rise", refused("malformed"))
def positions_that_go_back(scene: Scene) -> Any:
    first = scene.entry()
    return scene.push(first, _after(scene, first), positions=[2, 1])


@push("more signatures than entries", refused("malformed"))
def more_signatures_than_entries(scene: Scene) -> Any:
    entry = scene.entry()
    return scene.push(entry, signatures=[scene.signed(entry)] * 2)


@push("how much is in one batch: more bytes than any sender may", refused("malformed"))
def a_batch_too_large(scene: Scene) -> Any:
    half = bytes(BATCH_BYTES_MAX // 2 + 1)
    return scene.push(entries=[half, half], positions=[1, 2], upto=2)


@push("how many entries are in one batch", refused("malformed"))
def a_batch_too_long(scene: Scene) -> Any:
    count = LISTED_MAX + 1
    return scene.push(entries=[b""] * count, positions=list(range(1, count + 1)), upto=count)


@push("how many records are in one batch", refused("malformed"))
def a_batch_of_too_many_records(scene: Scene) -> Any:
    first = scene.entry()
    second = _after(scene, first)
    many = [_with(entry, changes=BATCH_CHANGES_MAX) for entry in (first, second)]
    return scene.push(entries=many, positions=[1, 2], upto=2)


@push("a header with a number beyond 63 bits", refused("malformed"))
def a_number_out_of_range(scene: Scene) -> Any:
    wire = _with(scene.entry(), hlc=(1 << 64) - 1)
    return scene.push(entries=[wire], positions=[1], upto=1)


@push("a header with a lane and a level that do not exist", refused("malformed"))
def a_header_of_no_level(scene: Scene) -> Any:
    return scene.push(entries=[_with(scene.entry(), level=7)], positions=[1], upto=1)


@push("the person who wrote it: control characters", refused("malformed"))
def an_actor_with_control_characters(scene: Scene) -> Any:
    wire = _with(scene.entry(), actor="甲\x1b[2J")
    return scene.push(entries=[wire], positions=[1], upto=1)


@push("bytes that are no entry", refused("malformed"))
def bytes_that_are_no_entry(scene: Scene) -> Any:
    return scene.push(entries=[b"\xff" * 40], positions=[1], upto=1)


def _with(entry: Entry, **changes: Any) -> bytes:
    message = pb.Entry.FromString(entry.wire)
    for name, value in changes.items():
        setattr(message, name, value)
    return message.SerializeToString()


def _after(scene: Scene, entry: Entry) -> Entry:
    return scene.entry(seq=entry.seq + 1, prev_hash=entry.hash)
