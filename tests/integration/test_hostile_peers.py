"""Neighbours that say what is not true, against real offices with real gRPC."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from sqlalchemy import Connection

from node.config import OfficeConfig
from node.services.health.status import status
from node.services.records.durability import Durable, durability
from node.services.upkeep.log_retention import truncate_log
from node.setup import init_office
from sync.codec import entry as codec
from sync.codec import statement
from sync.codec.signing import LOG, STREAM, Signer, fingerprint
from sync.link.child import ChildEnd
from sync.link.messages import Handshake, Push
from sync.link.possession import CHILD, PARENT, Sides, is_shown, sign
from sync.link.session import State
from sync.log import entries as log
from sync.log import signatures
from sync.model.change import Batch, Entry, StreamHead
from sync.model.errors import Malformed
from sync.model.report import DurableAt, NodeStatus
from sync.model.schema import Lane
from sync.recovery import heads as recovery_heads
from sync.recovery.heads import RequiredHead
from sync.recovery.proof import was_here
from sync.rpc.channel import NO_PROXY
from sync.store import peers
from sync.wire.link.v1 import link_pb2 as pb
from sync.wire.link.v1 import link_pb2_grpc
from tests.support.edits import ask, outlet
from tests.support.hostile import OtherHand
from tests.support.silian import silian
from tests.support.tier import (
    CITY,
    DISTRICT,
    STREET,
    Tier,
    copy_of,
    eventually,
    orders,
    outlets,
    put_back,
    settled,
    tier_of,
)

FOREIGN = Signer(bytes(range(32)))
PROCESS = 4_711


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Tier]:
    """Serve a city and one district, which have met."""
    with tier_of(tmp_path, ((CITY, None), (DISTRICT, CITY))) as tier:
        settled(tier, DISTRICT)
        yield tier


def unit_of(tier: Tier, code: str) -> int:
    return tier.served(CITY).office.tree.find(code).unit_id


@contextmanager
def stub_of(tier: Tier, code: str) -> Iterator[Any]:
    """Yield a line to an office, as a program of anybody's may open it."""
    with grpc.insecure_channel(tier.addresses[code], options=(NO_PROXY,)) as channel:
        yield link_pb2_grpc.LinkServiceStub(channel)


def hello_of(tier: Tier, code: str, **changes: Any) -> pb.HelloRequest:
    """Return what an office could say of itself now, with some of it changed."""
    served = tier.served(code)
    signer = served.office.replica.signer
    hello = pb.HelloRequest(
        unit=served.office.identity.unit, level=served.office.identity.level,
        incarnation=served.office.identity.incarnation, protocol_min=1, protocol_max=1,
        public_key=signer.public_key, process=PROCESS, challenge=bytes(16),
    )  # fmt: skip
    for name, value in changes.items():
        setattr(hello, name, value)
    return hello


def refusals(tier: Tier, code: str) -> dict[str, str]:
    """Return code -> English text of the problems with neighbours that an office shows."""
    return {p.code: p.en for p in status(tier.served(code).office).problems}


def pinned(tier: Tier, code: str, peer: int) -> str:
    with tier.served(code).office.store.read() as tx:
        return peers.load(tx, peer).key_pinned


def signer_of(tier: Tier, code: str) -> Signer:
    signer = tier.served(code).office.replica.signer
    assert signer is not None
    return signer


def proven(hello: pb.HelloRequest, reply: pb.HelloResponse, signer: Signer) -> pb.HelloRequest:
    """Return a handshake again, with the challenge of an answer signed."""
    sides = Sides(hello.unit, reply.unit, hello.incarnation, reply.incarnation)
    again = pb.HelloRequest()
    again.CopyFrom(hello)
    again.signed_challenge = reply.challenge
    again.signature = sign(signer, CHILD, sides, reply.challenge)
    return again


@pytest.mark.parametrize("key", [FOREIGN.public_key, b""])
def test_who_comes_under_another_key_of_a_known_office_is_refused_and_named(
    pair: Tier, key: bytes
) -> None:
    """Under a new incarnation, too: nothing but a person lets another key in."""
    district = unit_of(pair, DISTRICT)
    known = pinned(pair, CITY, district)
    assert known
    pair.stop(DISTRICT)
    hello = pb.HelloRequest(
        unit=district, level=1, incarnation=99, protocol_min=1, protocol_max=1, public_key=key,
        process=PROCESS, challenge=bytes(16),
    )  # fmt: skip
    with stub_of(pair, CITY) as stub, pytest.raises(grpc.RpcError) as refused:
        stub.Hello(proven(hello, stub.Hello(hello), FOREIGN))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert (fingerprint(key) or "-") in refusals(pair, CITY)["key_refused"]
    assert pinned(pair, CITY, district) == known
    pair.start(DISTRICT, CITY)  # the office itself goes on, and no person has to act
    settled(pair, DISTRICT)


def test_a_parent_under_another_key_than_the_one_given_at_init_is_refused(tmp_path: Path) -> None:
    with tier_of(tmp_path, ((CITY, None),)) as tier:
        signer = tier.served(CITY).office.replica.signer
        for name, key, state in (
            ("right", fingerprint(signer.public_key), State.IDLE),
            ("wrong", fingerprint(FOREIGN.public_key), State.HALTED),
        ):
            code = {"right": DISTRICT, "wrong": "330105000000"}[name]
            config = OfficeConfig(unit=code, parent=tier.addresses[CITY], sync_interval_s=2)
            init_office(
                tmp_path / code, config, tier.catalogue, rng=random.Random(code), parent_key=key
            )
            tier.start(code)
            dialer = tier.served(code).dialer
            assert dialer is not None
            eventually(lambda d=dialer, s=state: d.state is s)  # type: ignore[misc]
            assert ("key_refused" in refusals(tier, code)) is (name == "wrong")
        assert fingerprint(signer.public_key) in silian("doctor", "--dir", tmp_path / DISTRICT).out


def test_a_fingerprint_that_is_none_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    for key in ("12 34", "xyz" * 10, "0" * 65):
        made = silian("init", "--unit", DISTRICT, "--parent-key", key, "--dir", tmp_path / "o",
                      "--json")  # fmt: skip
        assert made.error["code"] == "bad_config"
        assert not (tmp_path / "o").exists()


def test_a_public_key_alone_opens_no_session(pair: Tier) -> None:
    """Its bytes are public: who has seen them has nothing."""
    hello = hello_of(pair, DISTRICT)
    pair.stop(DISTRICT)
    with stub_of(pair, CITY) as stub:
        reply = stub.Hello(hello)
        assert (reply.verdict, reply.session) == (pb.VERDICT_CHALLENGE, 0)
        with pytest.raises(grpc.RpcError) as refused:
            stub.Hello(proven(hello, reply, FOREIGN))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "key_not_shown" in refusals(pair, CITY)["signature_refused"]


def test_a_handshake_that_was_recorded_opens_no_second_session(pair: Tier) -> None:
    hello = hello_of(pair, DISTRICT)
    signer = signer_of(pair, DISTRICT)
    pair.stop(DISTRICT)
    with stub_of(pair, CITY) as stub:
        recorded = proven(hello, stub.Hello(hello), signer)
        first = stub.Hello(recorded)
        assert first.session
        again = stub.Hello(recorded)
        assert (again.verdict, again.session, again.token) == (pb.VERDICT_CHALLENGE, 0, b"")


def test_a_challenge_signed_for_another_office_or_as_a_parent_does_not_count(pair: Tier) -> None:
    hello = hello_of(pair, DISTRICT)
    signer = signer_of(pair, DISTRICT)
    pair.stop(DISTRICT)
    with stub_of(pair, CITY) as stub:
        for field in range(5):
            reply = stub.Hello(hello)
            sides = [hello.unit, reply.unit, hello.incarnation, reply.incarnation]
            purpose = PARENT if field == 4 else CHILD
            if field < 4:
                sides[field] += 1
            again = proven(hello, reply, signer)
            again.signature = sign(signer, purpose, Sides(*sides), reply.challenge)
            with pytest.raises(grpc.RpcError) as refused:
                stub.Hello(again)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


def required_by(tier: Tier, code: str) -> RequiredHead:
    """Return an entry that a child of the city says that the city must have."""
    ask(tier.served(CITY).office, "先", tier.served(code).office.identity.unit)
    eventually(lambda: "先" in orders(tier, code))
    with tier.served(code).office.store.read() as tx:
        return recovery_heads.peer_facts(tx, unit_of(tier, CITY)).required[0]


@pytest.mark.parametrize("signed", [True, False])
def test_a_child_cannot_make_its_parent_take_itself_for_restored(pair: Tier, signed: bool) -> None:
    """An entry that the parent's log must have counts only under the parent's own signature."""
    before = pair.served(CITY).office.identity.incarnation
    true = required_by(pair, DISTRICT)
    signer = signer_of(pair, DISTRICT)
    invented = true._replace(
        head=StreamHead(true.head.seq, bytes(range(32))),
        signature=signer.sign(LOG, bytes(32)) if signed else b"",
    )
    dialer: Any = pair.served(DISTRICT).dialer
    hello = hello_of(pair, DISTRICT, process=dialer._end._process)
    cursor = pb.Cursor(lane=true.key.lane.value, incarnation=before, position=true.position)
    hello.cursors.append(cursor)
    hello.required_heads.extend(recovery_heads.required_to_wire([invented]))
    pair.stop(DISTRICT)
    with stub_of(pair, CITY) as stub:
        reply = stub.Hello(proven(hello, stub.Hello(hello), signer))
    assert reply.session, reply.reason
    assert pair.served(CITY).office.identity.incarnation == before
    assert ("head_forged" in refusals(pair, CITY).get("signature_refused", "")) is signed


def test_a_child_keeps_its_parents_signature_for_what_came_last(pair: Tier) -> None:
    """By it a parent whose log has lost that entry takes itself for restored."""
    required = required_by(pair, DISTRICT)
    signer, incarnation = signer_of(pair, CITY), pair.served(CITY).office.identity.incarnation
    assert was_here(signer, incarnation, required)
    assert not was_here(signer, incarnation + 1, required)
    assert not was_here(signer, incarnation, required._replace(position=required.position + 1))
    assert not was_here(FOREIGN, incarnation, required)


def test_a_parent_cannot_acknowledge_what_its_child_has_not_written(pair: Tier) -> None:
    """Neither as durable with itself nor above: the child would send nothing any more."""
    office = pair.served(DISTRICT).office
    end = ChildEnd(office, unit_of(pair, CITY))
    with office.store.read() as tx:
        upto = log.position(tx)
    push = Push(Batch(Lane.BULK, office.identity.incarnation, 0, upto))

    def reply(durable: int, above: int) -> pb.PushResponse:
        found = pb.PushResponse(durable=pb.Cursor(lane=pb.LANE_BULK, position=durable))
        found.durable_above.add(level=0, lane=pb.LANE_BULK, position=above)
        return found

    with pytest.raises(Malformed):
        end.event(reply(1 << 40, 0), push)
    end.event(reply(upto, 1 << 40), push)
    assert all(each.position < 1 << 40 for each in office.peer_status.durable_above())


def test_every_answer_of_a_parent_is_signed_for_the_childs_challenge(pair: Tier) -> None:
    signer = signer_of(pair, CITY)
    with stub_of(pair, CITY) as stub:
        for changes in ({}, {"level": 3}, {"unit": 77}, {"protocol_min": 99, "protocol_max": 99}):
            hello = hello_of(pair, DISTRICT, challenge=bytes(range(16)), **changes)
            reply = stub.Hello(hello)
            sides = Sides(hello.unit, reply.unit, hello.incarnation, reply.incarnation)
            assert is_shown(signer.public_key, PARENT, sides, hello.challenge, reply.signature)


def test_a_hub_that_only_knows_the_parents_public_key_is_refused_by_the_child(
    tmp_path: Path,
) -> None:
    """It takes the parent's address and shows its key; the child sends it nothing but Hello."""
    with tier_of(tmp_path, ((CITY, None), (DISTRICT, CITY))) as tier:
        settled(tier, DISTRICT)
        city = tier.served(CITY)
        signer, served = city.office.replica.signer, tier.served(DISTRICT)
        assert served.dialer is not None
        city.office.replica.signer = OtherHand(signer.public_key)
        served.dialer.renew_handshake()
        eventually(lambda: served.dialer.state is State.HALTED)  # type: ignore[union-attr]
        assert "key_not_shown" in refusals(tier, DISTRICT)["signature_refused"]
        city.office.replica.signer = signer
        served.dialer.retry_now()
        settled(tier, DISTRICT)


# -- who is let in, and lies then -----------------------------------------------------------------


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Tier]:
    """Serve a district and one street, which have met."""
    with tier_of(tmp_path, ((DISTRICT, None), (STREET, DISTRICT))) as tier:
        settled(tier, STREET)
        yield tier


def sibling_of(tier: Tier) -> int:
    """Return another street of the district."""
    me, tree = tier.served(DISTRICT).office.identity.unit, tier.served(DISTRICT).office.tree
    return next(u for u in tree.children(me) if u != tree.find(STREET).unit_id)


def newest_entry(tier: Tier, code: str) -> Entry:
    """Return the entry of an office's newest edit that goes up."""
    office = tier.served(code).office
    with office.store.read() as tx:
        batch = log.read_up(
            tx, lane=Lane.BULK, incarnation=office.identity.incarnation, after=0, bytes_max=1 << 20
        )
    return codec.entry_from_wire(batch.entries[-1])


def forged(entry: Entry, **claims: Any) -> bytes:
    """Return the content of an entry under another writer's name, as it travels."""
    named = {
        "incarnation": entry.incarnation, "unit": entry.unit, "level": entry.level,
        "audience": entry.audience, **claims,
    }  # fmt: skip
    blocks = codec.unpack(entry.payload)
    return codec.entry_to_wire(
        blocks, lane=Lane.BULK, seq=1, prev_hash=b"", hlc=entry.hlc + 1, **named
    ).wire


@contextmanager
def tampered_street(tier: Tier) -> Iterator[tuple[Any, pb.HelloResponse, Entry]]:
    """Yield a line to the district with the street's key in wrong hands, let in, and an entry."""
    record = outlet(tier.served(STREET).office, "甲")
    eventually(lambda: record in outlets(tier, DISTRICT))
    settled(tier, STREET)
    office, entry = tier.served(STREET).office, newest_entry(tier, STREET)
    assert office.parent_unit is not None
    hello = ChildEnd(office, office.parent_unit).request(Handshake())  # all that the folder says
    assert isinstance(hello, pb.HelloRequest)
    signer = office.replica.signer
    tier.stop(STREET)
    with stub_of(tier, DISTRICT) as stub:
        reply = stub.Hello(proven(hello, stub.Hello(hello), signer))
        assert reply.verdict == pb.VERDICT_ACCEPTED
        yield stub, reply, entry


@pytest.mark.parametrize("writer", ["the parent", "a sibling", "the parent, own incarnation"])
def test_a_tampered_child_cannot_write_as_another_office(hub: Tier, writer: str) -> None:
    above = hub.served(DISTRICT).office.identity
    sibling = sibling_of(hub)
    with tampered_street(hub) as (stub, reply, entry):
        claims = {
            "the parent": {"incarnation": above.incarnation, "unit": above.unit, "level": 1},
            "a sibling": {"incarnation": 5_555, "unit": sibling, "level": 2},
            "the parent, own incarnation": {"unit": above.unit, "level": 1},
        }[writer]
        before = outlets(hub, DISTRICT)
        position = max(c.position for c in reply.cursors)
        batch = pb.Batch(
            lane=pb.LANE_BULK, incarnation=entry.incarnation, after=position, upto=position + 1,
            entries=[forged(entry, **claims)], positions=[position + 1],
        )  # fmt: skip
        with pytest.raises(grpc.RpcError) as refused:
            stub.Push(pb.PushRequest(session=reply.session, unit=entry.unit, batch=batch))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert outlets(hub, DISTRICT) == before
    assert "unauthorised" in refusals(hub, DISTRICT)["signature_refused"]


@pytest.mark.parametrize("signature", ["none", "the hub's", "of an older entry"])
def test_an_entry_that_its_own_office_has_not_signed_is_refused_and_its_bringer_named(
    hub: Tier, signature: str
) -> None:
    """A street relays an entry that goes on its own stream and that the key's owner never wrote."""
    key = signer_of(hub, STREET)
    with tampered_street(hub) as (stub, reply, entry):
        invented = codec.entry_to_wire(
            codec.unpack(entry.payload), incarnation=entry.incarnation, unit=entry.unit, level=2,
            audience=entry.audience, lane=Lane.BULK, seq=entry.seq + 1, prev_hash=entry.hash,
            hlc=entry.hlc + 1,
        )  # fmt: skip
        signed = pb.Signature(
            incarnation=entry.incarnation, audience=entry.audience, lane=pb.LANE_BULK,
            seq=invented.seq - (signature == "of an older entry"),
            signature=(FOREIGN if signature == "the hub's" else key).sign(STREAM, entry.hash),
            public_key=key.public_key,
        )  # fmt: skip
        before = outlets(hub, DISTRICT)
        position = max(c.position for c in reply.cursors)
        batch = pb.Batch(
            lane=pb.LANE_BULK, incarnation=entry.incarnation, after=position, upto=position + 1,
            entries=[invented.wire], positions=[position + 1],
            signatures=[] if signature == "none" else [signed],
        )  # fmt: skip
        with pytest.raises(grpc.RpcError) as refused:
            stub.Push(pb.PushRequest(session=reply.session, unit=entry.unit, batch=batch))
    assert refused.value.code() is grpc.StatusCode.DATA_LOSS
    assert outlets(hub, DISTRICT) == before
    code = "bad_signature" if signature == "the hub's" else "signature_missing"
    assert code in refusals(hub, DISTRICT)["signature_refused"]


def test_a_child_cannot_give_a_restored_parent_back_what_the_parent_never_wrote(
    hub: Tier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even while the parent asks for what it has lost: its own entries have its signature."""
    street = hub.served(STREET).office.identity.unit
    ask(hub.served(DISTRICT).office, "先", street)
    eventually(lambda: "先" in orders(hub, STREET))
    settled(hub, STREET)
    backup = copy_of(hub, DISTRICT)
    hub.start(DISTRICT, None)
    ask(hub.served(DISTRICT).office, "失", street)
    hub.served(STREET).dialer.retry_now()  # type: ignore[union-attr]
    eventually(lambda: "失" in orders(hub, STREET))
    settled(hub, STREET)
    hub.stop(DISTRICT)
    put_back(hub, DISTRICT, backup)
    honest = recovery_heads.own_entries_of

    def lying(*args: Any) -> recovery_heads.ReplayPage:
        page = honest(*args)
        last = codec.entry_from_wire(page.entries[-1])
        lie = codec.entry_to_wire(
            codec.unpack(last.payload), incarnation=last.incarnation, unit=last.unit,
            level=last.level, audience=last.audience, lane=last.lane, seq=last.seq + 1,
            prev_hash=last.hash, hlc=last.hlc + 1,
        )  # fmt: skip
        signed = page.signatures[-1]
        signature = signer_of(hub, STREET).sign(STREAM, lie.hash)
        forged_signature = replace(signed, seq=lie.seq, signature=signature)
        return replace(
            page, entries=(*page.entries, lie.wire),
            signatures=(*page.signatures, forged_signature),
        )  # fmt: skip

    monkeypatch.setattr(recovery_heads, "own_entries_of", lying)
    hub.start(DISTRICT, None)
    hub.served(STREET).dialer.retry_now()  # type: ignore[union-attr]
    eventually(lambda: "signature_refused" in refusals(hub, DISTRICT))
    assert "bad_signature" in refusals(hub, DISTRICT)["signature_refused"]
    assert orders(hub, DISTRICT).keys() == {"先"}
    monkeypatch.undo()
    hub.served(STREET).dialer.retry_now()  # type: ignore[union-attr]
    eventually(lambda: orders(hub, DISTRICT).keys() == {"先", "失"})
    settled(hub, STREET)


@pytest.mark.parametrize("signed", [True, False])
def test_a_hub_cannot_state_of_an_office_below_what_that_office_has_not_signed(
    hub: Tier, signed: bool
) -> None:
    """Else it could withhold records and let the figures above count as exact."""
    office, district = hub.served(STREET).office, hub.served(DISTRICT).office
    below, incarnation = next(iter(office.tree.children(office.identity.unit))), 77

    def write(tx: Connection) -> None:
        log.register_incarnations(tx, [(incarnation, below, 3)])
        signatures.keep_key(tx, incarnation, FOREIGN.public_key, 1)

    district.store.write(write)
    assert office.parent_unit is not None
    hello = ChildEnd(office, office.parent_unit).request(Handshake())
    assert isinstance(hello, pb.HelloRequest)
    lie = NodeStatus(unit=below, at_ms=hello.now_ms, connected=True, incarnation=incarnation)
    if signed:
        lie = statement.signed(lie, b"", (), office.replica.signer)
    hello.offices.append(statement.status_to_wire(lie))
    hub.stop(STREET)
    with stub_of(hub, DISTRICT) as stub:
        reply = stub.Hello(proven(hello, stub.Hello(hello), office.replica.signer))
    assert reply.verdict == pb.VERDICT_ACCEPTED
    assert below not in district.peer_status.known()
    assert ("status_forged" in refusals(hub, DISTRICT).get("signature_refused", "")) is signed


def test_a_hub_that_calls_records_safe_at_a_city_that_has_none_of_them_is_not_believed(
    hub: Tier,
) -> None:
    """Nor is the log cut on it: what no office above has signed for stays."""
    street, parent = hub.served(STREET).office, hub.served(DISTRICT).parent
    honest = parent.durable_above

    def lying(unit: int) -> list[DurableAt]:
        return [*honest(unit), *(DurableAt(0, lane, 1 << 40) for lane in Lane)]

    parent.durable_above = lying  # type: ignore[method-assign]
    record = outlet(street, "甲")
    eventually(lambda: record in outlets(hub, DISTRICT))
    hub.served(STREET).dialer.renew_handshake()  # type: ignore[union-attr]

    def found() -> list[Durable]:
        me = street.identity.unit
        return [p.found for p in durability(street, "service_outlet", me, record).places]

    eventually(lambda: found()[1] is Durable.SAFE)  # the district has signed that it has it
    assert DurableAt(0, Lane.BULK, 1 << 40) in street.peer_status.durable_above()
    assert found() == [Durable.SAFE, Durable.SAFE, Durable.WAITING]
    street.config = street.config.model_copy(update={"log_days": 30, "lease_days": 60})
    now_ms = street.clock.now_ms()
    cut = [
        truncate_log(street, now_ms + day * 86_400_000).portion.entries for day in range(0, 99, 2)
    ]
    assert sum(cut) == 0


def test_a_tampered_child_cannot_give_back_what_its_parent_never_asked_for(hub: Tier) -> None:
    above = hub.served(DISTRICT).office.identity
    with tampered_street(hub) as (stub, reply, entry):
        before = outlets(hub, DISTRICT)
        wire = forged(
            entry, incarnation=above.incarnation, unit=above.unit, level=1, audience="down:all"
        )
        with pytest.raises(grpc.RpcError) as refused:
            stub.RestoreParent(
                pb.RestoreParentRequest(
                    session=reply.session, unit=entry.unit, entries=[wire], last=True
                )
            )
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert outlets(hub, DISTRICT) == before
    assert "unauthorised" in refusals(hub, DISTRICT)["signature_refused"]


def test_a_lying_hub_cannot_hand_a_child_what_the_child_never_wrote(hub: Tier) -> None:
    """Else the child would push and sign it: a record, or money, under its own name."""
    record = outlet(hub.served(STREET).office, "甲")
    eventually(lambda: record in outlets(hub, DISTRICT))
    settled(hub, STREET)
    entry, parent = newest_entry(hub, STREET), hub.served(DISTRICT)
    before, honest = outlets(hub, STREET), parent.parent.pull
    lie = forged(entry, audience="down:all")

    def pull(unit: int, session: int, lane: Lane, after: int, bytes_max: int) -> Batch:
        if lane is not Lane.BULK:
            return honest(unit, session, lane, after, bytes_max)
        me = parent.office.identity.incarnation
        return Batch(lane, me, after, after + 1, (lie,), (after + 1,))

    parent.parent.pull = pull  # type: ignore[method-assign]
    dialer = hub.served(STREET).dialer
    assert dialer is not None
    dialer.notify(down=frozenset({Lane.BULK}))
    eventually(lambda: "signature_refused" in refusals(hub, STREET))
    assert "unauthorised" in refusals(hub, STREET)["signature_refused"]
    assert outlets(hub, STREET) == before
    parent.parent.pull = honest  # type: ignore[method-assign]
    dialer.retry_now()
    settled(hub, STREET)


def test_a_call_without_a_session_of_its_own_is_answered_by_nothing(hub: Tier) -> None:
    """Nor under the session of another office: what a handshake decided counts for its unit."""
    sibling = sibling_of(hub)
    with tampered_street(hub) as (stub, reply, entry):
        for session, unit in ((reply.session, sibling), (reply.session + 1, entry.unit)):
            for call, request in (
                (stub.Pull, pb.PullRequest(cursor=pb.Cursor(lane=pb.LANE_BULK))),
                (stub.RestoreParent, pb.RestoreParentRequest(last=True)),
                (stub.Digest, pb.DigestRequest()),
                (stub.UploadSnapshot, pb.UploadSnapshotRequest()),
            ):
                request.session, request.unit = session, unit
                with pytest.raises(grpc.RpcError) as refused:
                    call(request)
                assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
