"""What a tampered child or a stranger asks for beyond its share, against real offices."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from hub.serve.server import Server
from node.services.health.status import status
from node.services.upkeep.quarantine import page_of
from sync.codec import entry as codec
from sync.codec.signing import Signer
from sync.link.quota import Quotas
from sync.log.append import signature_for
from sync.model.change import Block, Operation
from sync.model.limits import (
    BATCH_BYTES_MAX,
    ENTRY_CHANGES_MAX,
    LISTED_MAX,
    PEER_LIMITS,
    SNAPSHOT_ROWS,
    PeerLimits,
)
from sync.model.schema import Lane
from sync.rpc.channel import NO_PROXY
from sync.rpc.status import read_refusal
from sync.wire.link.v1 import link_pb2 as pb
from sync.wire.link.v1 import link_pb2_grpc
from tests.integration.test_hostile_peers import signer_of, tampered_street
from tests.support.edits import outlet
from tests.support.tier import DISTRICT, STREET, Tier, eventually, outlets, settled, tier_of

LINK = "/silian.link.v1.LinkService/"
SILENT = 360


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Tier]:
    """Serve a district and one street, which have met."""
    with tier_of(tmp_path, ((DISTRICT, None), (STREET, DISTRICT))) as tier:
        settled(tier, STREET)
        yield tier


@contextmanager
def silent_calls(address: str, count: int, method: str = "Push") -> Iterator[list[Any]]:
    """Yield calls that are open and whose message does not come."""
    over = threading.Event()

    def nothing() -> Iterator[bytes]:
        over.wait()
        yield from ()

    with ExitStack() as stack:
        stack.callback(over.set)
        calls = []
        for _ in range(0, count, 100):
            apart = ("grpc.use_local_subchannel_pool", 1)
            channel = stack.enter_context(grpc.insecure_channel(address, options=(NO_PROXY, apart)))
            call = channel.stream_unary(f"{LINK}{method}")
            calls += [call.future(nothing()) for _ in range(100)]
        yield calls


@pytest.mark.parametrize("method", ["Push", "Watch"])
def test_calls_whose_message_never_comes_lock_nobody_out(hub: Tier, method: str) -> None:
    with silent_calls(hub.addresses[DISTRICT], SILENT, method):
        record = outlet(hub.served(STREET).office, "甲")
        eventually(lambda: record in outlets(hub, DISTRICT))
        with grpc.insecure_channel(hub.addresses[DISTRICT], options=(NO_PROXY,)) as channel:
            stub = link_pb2_grpc.LinkServiceStub(channel)
            reply = stub.Hello(pb.HelloRequest(unit=77, level=3, incarnation=9), timeout=20)
            assert reply.verdict == pb.VERDICT_WRONG_PARENT


def test_a_call_without_a_message_is_ended_after_its_time() -> None:
    server = Server("127.0.0.1:0", limits=PeerLimits(first_message_s=0.2))
    try:
        with silent_calls(server.start(), 1, "Push") as calls:
            pass  # no such method here: refused at once
        assert calls[0].code() is grpc.StatusCode.UNIMPLEMENTED
        with grpc.insecure_channel(server.address, options=(NO_PROXY,)) as channel:
            check = channel.stream_unary("/grpc.health.v1.Health/Check")
            over = threading.Event()

            def nothing() -> Iterator[bytes]:
                over.wait()
                yield from ()

            call = check.future(nothing())
            assert call.exception(timeout=20) is not None
            assert call.code() is grpc.StatusCode.CANCELLED
            over.set()
    finally:
        server.stop(0)


def test_a_message_that_does_not_parse_is_refused_as_malformed(hub: Tier) -> None:
    with grpc.insecure_channel(hub.addresses[DISTRICT], options=(NO_PROXY,)) as channel:
        for method in ("Hello", "Push", "Watch"):
            with pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary(f"{LINK}{method}")(b"\xff\xff\xff", timeout=20)
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, method
            assert "Traceback" not in refused.value.details()


def push(
    entry: Any, reply: pb.HelloResponse, *wires: bytes, key: Signer | None = None, **changes: Any
) -> pb.PushRequest:  # fmt: skip
    """Return a call with these entries; `key`: under which the newest of them is signed."""
    if key is not None:
        newest = signature_for(codec.entry_from_wire(wires[-1]), key)
        changes["signatures"] = [codec.signature_to_wire(newest)]
    position = max((c.position for c in reply.cursors if c.lane == pb.LANE_BULK), default=0)
    batch = pb.Batch(
        lane=pb.LANE_BULK, incarnation=entry.incarnation, after=position,
        upto=position + len(wires), entries=wires,
        positions=[position + n + 1 for n in range(len(wires))],
    )  # fmt: skip
    for name, value in changes.items():
        getattr(batch, name).extend(value)
    return pb.PushRequest(session=reply.session, unit=entry.unit, batch=batch)


@pytest.mark.parametrize(
    ("limit", "limits"),
    [
        ("bytes_a_minute", PeerLimits(bytes_a_minute=10)),
        ("entries_a_minute", PeerLimits(entries_a_minute=0)),
        ("open_calls", PeerLimits(open_calls=0)),
    ],
)
def test_a_child_beyond_its_share_is_sent_away_and_named_and_goes_on_later(
    hub: Tier, limit: str, limits: PeerLimits
) -> None:
    district = hub.served(DISTRICT)
    generous = district.parent.quotas
    district.parent.quotas = Quotas(limits, lambda: district.office.replica.now_ms)
    record = outlet(hub.served(STREET).office, "甲")
    eventually(lambda: limit in district.office.quota_refusals.recent().values())
    assert record not in outlets(hub, DISTRICT)
    (problem,) = [p for p in status(district.office).problems if p.code == "over_quota"]
    assert limit in problem.en
    district.parent.quotas = generous
    dialer = hub.served(STREET).dialer
    assert dialer is not None
    dialer.retry_now()
    eventually(lambda: record in outlets(hub, DISTRICT))


def test_a_refusal_for_quota_has_one_code_and_says_when_to_come_again(hub: Tier) -> None:
    with tampered_street(hub) as (stub, reply, entry):
        district = hub.served(DISTRICT)
        limits = PeerLimits(entries_a_minute=0)
        district.parent.quotas = Quotas(limits, lambda: district.office.replica.now_ms)
        with pytest.raises(grpc.RpcError) as refused:
            stub.Push(push(entry, reply, entry.wire))
        refusal = read_refusal(refused.value)
        assert refusal is not None
        assert (refusal.code, refused.value.code()) == (
            "over_quota", grpc.StatusCode.RESOURCE_EXHAUSTED,
        )  # fmt: skip
        assert refusal.retry_after_ms


def test_an_office_has_no_more_lives_than_an_honest_one_comes_to(hub: Tier) -> None:
    with tampered_street(hub) as (stub, reply, entry):
        wires = [
            codec.entry_to_wire(
                [], incarnation=10**6 + n, unit=entry.unit, level=entry.level, audience="up:city",
                lane=Lane.BULK, seq=1, prev_hash=b"", hlc=entry.hlc + n,
            ).wire
            for n in range(PEER_LIMITS.incarnations + 1)
        ]  # fmt: skip
        with pytest.raises(grpc.RpcError) as refused:
            stub.Push(push(entry, reply, *wires))
        refusal = read_refusal(refused.value)
        assert refusal is not None
        assert refusal.code == "over_quota"
        office = hub.served(DISTRICT).office
        assert office.quota_refusals.recent() == {entry.unit: "incarnations"}


def test_what_no_sender_may_send_is_refused_at_the_receiver(hub: Tier) -> None:
    with tampered_street(hub) as (stub, reply, entry):
        large = b"x" * (BATCH_BYTES_MAX // 2 + 1)
        signature = pb.Signature(lane=pb.LANE_BULK, signature=bytes(64), public_key=b"k" * 32)
        probes = [pb.StreamHead(lane=pb.LANE_BULK)] * (LISTED_MAX + 1)
        call = {"session": reply.session, "unit": entry.unit}
        wrong = [
            (stub.Push, push(entry, reply, large, large)),
            (stub.Push, push(entry, reply, entry.wire, signatures=[signature] * 2)),
            (stub.RestoreParent, pb.RestoreParentRequest(entries=[large, large], **call)),
            (stub.Replay, pb.ReplayRequest(probing=True, probes=probes, **call)),
            (stub.UploadSnapshot, pb.UploadSnapshotRequest(payload=too_many_copies(), **call)),
        ]  # fmt: skip
        for method, request in wrong:
            with pytest.raises(grpc.RpcError) as refused:
                method(request)
            refusal = read_refusal(refused.value)
            assert refusal is not None
            assert refusal.code == "malformed", request.DESCRIPTOR.name


def too_many_copies() -> bytes:
    from sync.codec import compress

    ids = b"".join(n.to_bytes(16, "big") for n in range(SNAPSHOT_ROWS + 1))
    return compress.compress(pb.SnapshotChunk(rows=[pb.SnapshotRows(register="x", ids=ids)]))


def test_an_entry_with_too_much_or_other_than_it_says_is_left_out_and_the_rest_flows(
    hub: Tier,
) -> None:
    key = signer_of(hub, STREET)
    with tampered_street(hub) as (stub, reply, entry):
        office = hub.served(DISTRICT).office
        many = ENTRY_CHANGES_MAX + 1
        ids = [n.to_bytes(16, "big") for n in range(many)]
        block = Block("premises", entry.unit, Operation.CREATE, ids)
        payload = codec.compress.compress(pb.Body(blocks=[codec.block_to_wire(block)]))
        good = codec.unpack(entry.payload)
        wires, last = [], entry
        for blocks, body in (([], payload), (good, codec.pack([*good, *good])), (good, None)):
            last = codec.entry_to_wire(
                blocks, incarnation=entry.incarnation, unit=entry.unit, level=entry.level,
                audience=entry.audience, lane=Lane.BULK, seq=last.seq + 1, prev_hash=last.hash,
                hlc=last.hlc + 1, payload=body,
            )  # fmt: skip
            wires.append(last.wire)
        stub.Push(push(entry, reply, *wires, key=key))
        found = [line.reason for line in page_of(office).lines]
        assert found == ["malformed", "malformed"]


def test_an_edit_that_resolves_a_hundred_thousand_values_costs_no_more_than_its_length(
    hub: Tier,
) -> None:
    """It took minutes: each was copied with all before it, and all were read for each record."""
    key = signer_of(hub, STREET)
    with tampered_street(hub) as (stub, reply, entry):
        blocks = codec.unpack(entry.payload)
        wire = codec.block_to_wire(blocks[0])
        wire.operation, wire.causal_length = int(Operation.UPDATE), 1
        wire.versions = bytes(16)
        del wire.bases[:]
        for _ in wire.fields:
            wire.bases.add(index=[0])
        for n in range(95_000):
            wire.resolved.add(record=0, field=wire.fields[0], version=n.to_bytes(16, "big"))
        made = codec.entry_to_wire(
            blocks, incarnation=entry.incarnation, unit=entry.unit, level=entry.level,
            audience=entry.audience, lane=Lane.BULK, seq=entry.seq + 1, prev_hash=entry.hash,
            hlc=entry.hlc + 1, payload=codec.compress.compress(pb.Body(blocks=[wire])),
        )  # fmt: skip
        stub.Push(push(entry, reply, made.wire, key=key), timeout=30)
