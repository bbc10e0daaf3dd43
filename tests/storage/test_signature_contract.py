"""What a store promises about the signatures of streams, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sync.codec import entry as codec
from sync.codec.signing import STREAM, Signer
from sync.log import signatures as log_signatures
from sync.log.signatures import BadSignature, KeyChanged
from sync.model.change import Batch, Entry, Signature
from sync.model.schema import Lane
from sync.model.stream import StreamForked, StreamKey
from sync.wire.link.v1 import link_pb2 as pb
from tests.support.sites import DISTRICT, GARDEN, STREET, Site

SIGNERS = {unit: Signer(bytes([unit]) * 32) for unit in (DISTRICT, STREET, GARDEN)}
KEY = StreamKey(1000 + GARDEN, "up:city", Lane.BULK)
Open = Callable[..., Site]


@pytest.fixture
def line(open_site: Open) -> tuple[Site, Site, Site]:
    """A community, its street and its district, each with a key."""
    return tuple(open_site(u, signer=SIGNERS[u]) for u in (GARDEN, STREET, DISTRICT))  # type: ignore[return-value]


def received_and_signed(site: Site) -> tuple[int, int]:
    """Return how far the community's stream is stored, and how far it is signed."""
    with site.store.read() as tx:
        known, seq, _ = log_signatures.signed_up_to(tx, KEY)
    return seq, known.seq


def tamper(batch: Batch, first: int, *, after: bytes = b"") -> Batch:
    """Return a batch as a relay could hand it on that changes a byte of entry `first` (from 0) and
    makes every hash after it fit again."""
    wires: list[bytes] = []
    for i, wire in enumerate(batch.entries):
        entry = pb.Entry.FromString(wire)
        if i == first and not after:
            entry.hlc += 1
        if i >= first and (after or i > first):
            entry.prev_hash = codec.hash_of(wires[-1]) if wires else after
        wires.append(entry.SerializeToString())
    return replace(batch, entries=tuple(wires))


def invented(site: Site) -> Entry:
    """Return an entry that goes on the community's stream and that the community never wrote."""
    with site.store.read() as tx:
        _, seq, hash_ = log_signatures.signed_up_to(tx, KEY)
    last = codec.entry_from_wire(site.batch_up().entries[-1])
    return codec.entry_to_wire(
        codec.unpack(last.payload), incarnation=KEY.incarnation, unit=GARDEN, level=3,
        audience=KEY.audience, lane=KEY.lane, seq=seq + 1, prev_hash=hash_, hlc=last.hlc + 1,
    )  # fmt: skip


def test_a_signature_travels_with_its_stream_through_a_relay(line):
    garden, street, district = line
    for number in range(3):
        garden.commit(garden.create(number, name="甲"))
    garden.send(street)
    street.send(district)
    assert received_and_signed(street) == received_and_signed(district) == (3, 3)
    with district.store.read() as tx:
        assert log_signatures.key_known(tx, KEY.incarnation) == SIGNERS[GARDEN].public_key


def test_our_own_entries_are_signed_wherever_the_batch_ends(line):
    garden, street, _ = line
    for number in range(4):
        garden.commit(garden.create(number, name="甲"))
    after = 0
    for seq in range(1, 5):
        batch = garden.batch_up(after=after, bytes_max=1)
        after = street.take(batch, GARDEN).position
        assert received_and_signed(street) == (seq, seq)


def test_a_relay_that_changes_a_byte_is_detected_and_nothing_is_applied(line):
    garden, street, district = line
    for number in range(3):
        garden.commit(garden.create(number, name="甲"))
    garden.send(street)
    before = district.dump()
    for entry in range(3):
        with pytest.raises(BadSignature):
            district.take(tamper(street.batch_up(), entry), STREET)
    assert district.dump() == before
    street.send(district)
    assert received_and_signed(district) == (3, 3)


def test_a_relay_that_changes_a_byte_and_drops_the_signature_is_detected_at_the_next_signature(
    line,
):
    garden, street, district = line
    garden.commit(garden.create(1, name="甲"))
    garden.send(street)
    street.send(district)
    garden.commit(garden.create(2, name="乙"))
    garden.send(street)
    received_up_to = district.received_up_to[STREET, Lane.BULK]
    tampered = replace(tamper(street.batch_up(after=received_up_to), 0), signatures=())
    position = district.take(tampered, STREET).position
    assert received_and_signed(district) == (2, 1)
    with district.store.read() as tx:
        assert log_signatures.unsigned_streams(tx, DISTRICT) == 1  # and so people see it before
    garden.commit(garden.create(3, name="丙"))
    garden.send(street)
    true = street.batch_up(after=position)
    with pytest.raises(StreamForked):
        district.take(true, STREET)
    with pytest.raises(BadSignature):
        district.take(tamper(true, 0, after=codec.hash_of(tampered.entries[0])), STREET)
    assert received_and_signed(district) == (2, 1)


def test_a_hub_cannot_sign_entries_that_it_forges_for_a_child(line):
    garden, street, district = line
    garden.commit(garden.create(1, name="甲"))
    garden.send(street)
    street.send(district)
    received_up_to = district.received_up_to[STREET, Lane.BULK]
    entry = invented(street)
    spend = Batch(
        Lane.BULK,
        street.incarnation,
        received_up_to,
        received_up_to + 1,
        (entry.wire,),
        (received_up_to + 1,),
    )
    own = SIGNERS[STREET]
    for claimed, refusal in ((SIGNERS[GARDEN], BadSignature), (own, KeyChanged)):
        signature = Signature(
            KEY.incarnation, KEY.audience, KEY.lane, entry.seq, own.sign(STREAM, entry.hash),
            claimed.public_key,
        )  # fmt: skip
        with pytest.raises(refusal):
            district.take(replace(spend, signatures=(signature,)), STREET)
    assert received_and_signed(district) == (1, 1)


def test_an_unsigned_stream_is_accepted_and_its_first_signature_covers_all_of_it(open_site):
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="甲"))
    garden.send(street)
    assert received_and_signed(street) == (1, 0)
    with street.store.read() as tx:
        assert log_signatures.unsigned_streams(tx, STREET) == 0
    garden.signer = SIGNERS[GARDEN]
    garden.store.write(lambda tx: log_signatures.own_key(tx, garden.incarnation, garden.signer))
    garden.commit(garden.create(2, name="乙"))
    garden.send(street)
    assert received_and_signed(street) == (2, 2)


def test_a_relay_far_behind_has_a_signature_for_each_batch_that_it_sends(line, monkeypatch):
    monkeypatch.setattr(log_signatures, "MILESTONE_ENTRIES", 2)
    garden, street, district = line
    for number in range(8):
        garden.commit(garden.create(number, name="甲"))
        garden.send(street)
    seen = []
    after = 0
    while (batch := street.batch_up(after=after, bytes_max=1)).entries:
        after = district.take(batch, STREET).position
        seen.append(received_and_signed(district))
    assert seen == [(1, 1), (2, 1), (3, 3), (4, 3), (5, 5), (6, 5), (7, 7), (8, 8)]


def test_a_batch_received_twice_stores_its_signature_once(line):
    garden, street, _ = line
    garden.commit(garden.create(1, name="甲"))
    batch = garden.batch_up()
    street.take(batch, GARDEN)
    before = street.dump()
    assert street.take(batch, GARDEN).entries == 0
    assert street.dump() == before


def test_a_signature_that_arrives_after_its_entry_covers_it(line):
    garden, street, _ = line
    garden.commit(garden.create(1, name="a"))
    batch = garden.batch_up()
    street.take(replace(batch, signatures=()), GARDEN)
    assert received_and_signed(street) == (1, 0)
    street.take(batch, GARDEN)
    assert received_and_signed(street) == (1, 1)
