"""The lies in bundles: files that a tampered child, or a lying hub, writes and somebody carries."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from sync.bundle import transfer
from sync.bundle.file import PLAIN, BundleWriter
from sync.codec import entry as codec
from sync.codec.signing import Signer
from sync.log import entries as log
from sync.model.change import Entry
from sync.model.schema import Lane
from sync.wire.link.v1 import link_pb2 as pb
from sync.wire.link.v1.bundle_pb2 import BundleHeader
from tests.simulation.lie import DOWN, FOREIGN, UP, End, How, Lies, Role, Scene, Way, refused

LIES = Lies()
BULK = Lane.BULK


def carries(role: Role, falsifies: str, end: End) -> Any:
    return LIES.add(role, "bundle", falsifies, end, Way.CARRIED)


def child(falsifies: str, end: End) -> Any:
    return carries(Role.CHILD, falsifies, end)


def hub(falsifies: str, end: End) -> Any:
    return carries(Role.HUB, falsifies, end)


def file_for(
    scene: Scene, *entries: Entry, signatures: list[pb.Signature] | None = None,
    signer: Signer | None = None, header: Callable[[BundleHeader], None] = lambda _: None,
    **batch: Any,
) -> bytes:  # fmt: skip
    """Return a file for the listener with these entries as what comes next."""
    office, them, key = scene.teller.office, scene.them, signer or scene.key
    peer = transfer.neighbour(office, them.unit)
    assert peer is not None
    head = transfer.header(office, peer, set_id=scene.rng.getrandbits(60))
    with scene.listener.office.store.read() as tx:
        incarnation, at = log.cursor_of(tx, scene.me.unit, "in", BULK)
    after = batch.pop("after", at if incarnation == scene.me.incarnation else 0)
    head.part = 1
    head.starts.append(codec.cursor_to_wire(BULK, scene.me.incarnation, after))
    header(head)
    out = io.BytesIO()
    writer = BundleWriter(out, head, key)
    if entries:
        if signatures is None:
            signatures = [scene.signed(entries[-1])]
        message = scene.batch([e.wire for e in entries], signatures, BULK, after, **batch)
        writer.add((PLAIN, message.SerializeToString()))
    writer.end(more=False)
    return out.getvalue()


# -- a tampered child ------------------------------------------------------------------------------


@child("an entry: unit, level and incarnation of its parent", refused("unauthorised"))
def a_bundle_as_its_parent(scene: Scene) -> Any:
    return file_for(scene, scene.entry(scene.them, audience=UP))


@child("an entry without a signature", refused("signature_missing"))
def a_bundle_without_signatures(scene: Scene) -> Any:
    return file_for(scene, scene.entry(), signatures=[])


@child("the signature of an entry: made with another key", refused("bad_signature"))
def a_bundle_signed_by_another_hand(scene: Scene) -> Any:
    entry = scene.entry()
    forged = scene.signed(entry, FOREIGN, public_key=scene.key.public_key)
    return file_for(scene, entry, signatures=[forged])


@child("the seal of a file: made with another key", refused("bundle_damaged"))
def a_bundle_sealed_by_another_hand(scene: Scene) -> Any:
    return file_for(scene, scene.entry(), signer=FOREIGN)


@child("its key: another one, and the file is sealed with it", refused("key_changed"))
def a_bundle_under_another_key(scene: Scene) -> Any:
    def other(head: BundleHeader) -> None:
        head.public_key = FOREIGN.public_key

    return file_for(scene, scene.entry(), signer=FOREIGN, header=other)


@child("for whom a file is: another office", refused("bundle_not_for_us"))
def a_bundle_for_another_office(scene: Scene) -> Any:
    def other(head: BundleHeader) -> None:
        head.receiver = scene.me.unit

    return file_for(scene, scene.entry(), header=other)


@child("who wrote a file: an office that is no neighbour", refused("bundle_unknown_sender"))
def a_bundle_of_no_neighbour(scene: Scene) -> Any:
    def other(head: BundleHeader) -> None:
        head.sender = scene.them.unit

    return file_for(scene, scene.entry(), header=other)


@child("where a batch begins: beyond what was received", refused("bundle_missing"))
def a_bundle_that_leaves_entries_out(scene: Scene) -> Any:
    return file_for(scene, scene.entry(), after=1 << 60)


@child("the incarnation of a batch: its parent's", refused("malformed"))
def a_bundle_of_another_incarnation(scene: Scene) -> Any:
    return file_for(scene, scene.entry(), incarnation=scene.them.incarnation)


@child("how far it has its parent's log: beyond the end", refused("bundle_needs_link"))
def a_bundle_that_acknowledges_too_much(scene: Scene) -> Any:
    def beyond(head: BundleHeader) -> None:
        del head.acks[:]
        head.acks.append(codec.cursor_to_wire(BULK, scene.them.incarnation, 1 << 60))

    return file_for(scene, scene.entry(), header=beyond)


@child("the audience of an entry: offices below", refused("unauthorised"))
def a_bundle_for_offices_below(scene: Scene) -> Any:
    return file_for(scene, scene.entry(audience=DOWN))


# -- a lying hub -----------------------------------------------------------------------------------


@hub("an entry: unit and incarnation of the child", refused("unauthorised"))
def a_bundle_as_its_child(scene: Scene) -> Any:
    return file_for(scene, scene.entry(scene.them, audience=DOWN))


@hub("an entry of the hub without a signature", refused("signature_missing"))
def a_bundle_of_a_hub_without_signatures(scene: Scene) -> Any:
    return file_for(scene, scene.entry(audience=DOWN), signatures=[])


@hub("an entry of another branch", refused("unauthorised"))
def a_bundle_of_another_branch(scene: Scene) -> Any:
    other = scene.elsewhere()
    process = scene.world.processes.get(scene.world.units.index(other)) if other else None
    if process is None:
        return None
    return file_for(scene, scene.entry(process.office.identity, audience=DOWN))


@hub("the number of an entry: some left out", refused("stream_gap"))
def a_bundle_of_a_hub_with_a_gap(scene: Scene) -> Any:
    return file_for(scene, scene.entry(audience=DOWN, seq=1 << 40))


@hub("how far the child's log is durable above: beyond its end", End(How.NOTHING))
def a_bundle_that_calls_everything_durable(scene: Scene) -> Any:
    def beyond(head: BundleHeader) -> None:
        head.durable_above.add(level=0, lane=pb.LANE_BULK, position=1 << 60)

    return file_for(scene, header=beyond)
