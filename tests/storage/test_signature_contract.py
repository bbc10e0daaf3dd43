"""What a store promises about the signatures of streams, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest

import pytest

from sync.apply import applier
from sync.apply.receive import portions
from sync.codec import entry as codec
from sync.codec.signing import STREAM, Signer
from sync.log import signatures as log_signatures
from sync.log.append import signature_for
from sync.log.signatures import BadSignature, KeyChanged, OwnKeyRefused, SignatureMissing
from sync.model.change import Batch, Entry, Signature
from sync.model.limits import PORTION_CHANGES_MAX
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.recovery import republish
from sync.recovery.proof import own_keys
from sync.store import peers
from sync.store.sql import execute
from sync.wire.link.v1 import link_pb2 as pb
from tests.support.sites import DISTRICT, GARDEN, ORCHID, STREET, Site, signer_of

SIGNERS = {unit: signer_of(unit) for unit in (DISTRICT, STREET, GARDEN)}
KEY = StreamKey(1000 + GARDEN, "up:city", Lane.BULK)
Open = Callable[..., Site]


@pytest.fixture
def line(open_site: Open) -> tuple[Site, Site, Site]:
    """A community, its street and its district, each with a key."""
    return open_site(GARDEN), open_site(STREET), open_site(DISTRICT)


def received_and_signed(site: Site) -> tuple[int, int]:
    """Return how far the community's stream is stored, and how far it is signed."""
    with site.store.read() as tx:
        known = log_signatures.stream_known(tx, KEY)
    return known.head.seq, known.signed.seq


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
        head = log_signatures.stream_known(tx, KEY).head
    last = codec.entry_from_wire(site.batch_up().entries[-1])
    return codec.entry_to_wire(
        codec.unpack(last.payload), incarnation=KEY.incarnation, unit=GARDEN, level=3,
        audience=KEY.audience, lane=KEY.lane, seq=head.seq + 1, prev_hash=head.hash,
        hlc=last.hlc + 1,
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


def test_entries_without_a_signature_of_their_own_office_are_not_applied(line):
    garden, street, district = line
    garden.commit(garden.create(1, name="甲"))
    garden.send(street)
    before = district.dump()
    for batch in (street.batch_up(), tamper(street.batch_up(), 0)):
        with pytest.raises(SignatureMissing):
            district.take(replace(batch, signatures=()), STREET)
    assert district.dump() == before
    street.send(district)
    garden.commit(garden.create(2, name="乙"), garden.create(3, name="丙"))
    garden.send(street)
    received_up_to = district.received_up_to[STREET, Lane.BULK]
    older = street.batch_up(bytes_max=1).signatures
    with pytest.raises(SignatureMissing):
        district.take(replace(street.batch_up(after=received_up_to), signatures=older), STREET)
    assert received_and_signed(district) == (1, 1)


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


def test_an_incarnation_has_one_key_in_all_of_its_streams(line):
    garden, street, _ = line
    garden.commit(garden.create(1, name="甲")._replace(audiences=("up:city", "up:district")))
    batch = garden.batch_up()
    other = SIGNERS[STREET]
    forged = [
        each if each.audience == "up:city"
        else replace(
            each, signature=other.sign(STREAM, codec.hash_of(batch.entries[-1])),
            public_key=other.public_key,
        )
        for each in batch.signatures
    ]  # fmt: skip
    assert len({each.audience for each in forged}) == 2
    with pytest.raises(KeyChanged):
        street.take(replace(batch, signatures=tuple(forged)), GARDEN)


def test_own_entries_come_back_only_under_a_key_of_this_office(line):
    """A parent invents an incarnation of its child, with a key that it has made."""
    garden, street, _ = line
    garden.commit(garden.create(1, name="甲"))
    garden.send(street)
    before = garden.dump()
    last = codec.entry_from_wire(street.batch_up().entries[-1])
    lie = codec.entry_to_wire(
        codec.unpack(last.payload), incarnation=5_555, unit=GARDEN, level=3,
        audience=KEY.audience, lane=KEY.lane, seq=1, prev_hash=b"", hlc=last.hlc + 1,
    )  # fmt: skip

    def take_back(signer: Signer, own_keys: frozenset[bytes] | None) -> int:
        return garden.store.write(
            lambda tx: applier.replay(
                garden.replica,
                tx,
                [lie.wire],
                peer=STREET,
                own_keys=own_keys,
                signatures=[signature_for(lie, signer)],
            )
        ).entries

    with garden.store.read() as tx:
        assert own_keys(tx, garden.replica, STREET) is None  # it has met nobody
    garden.take(street.batch_down(GARDEN), STREET)
    with garden.store.read() as tx:
        mine = own_keys(tx, garden.replica, STREET)
    assert mine == {SIGNERS[GARDEN].public_key}
    with pytest.raises(OwnKeyRefused):
        take_back(SIGNERS[STREET], mine)
    after = garden.dump()
    assert {k: v for k, v in after.items() if k != "cursor"} == {
        k: v for k, v in before.items() if k != "cursor"
    }
    assert take_back(SIGNERS[GARDEN], mine) == 1
    lost = SIGNERS[STREET].public_key.hex()  # what a person here knows as a key of a lost store
    garden.store.write(lambda tx: peers.update(tx, GARDEN, key_pinned=lost))
    with garden.store.read() as tx:
        assert own_keys(tx, garden.replica, STREET) == {*mine, SIGNERS[STREET].public_key}


def test_a_new_store_takes_its_first_child_at_its_word_until_that_has_returned_all(line):
    """What the child sends up meanwhile does not make the city a stranger to its own old key."""
    garden, street, _ = line
    garden.commit(garden.create(1, name="甲"))
    garden.send(street)  # before it has returned what it has of the street
    with street.store.read() as tx:
        assert own_keys(tx, street.replica, None, from_child=True) is None
    incarnation = street.incarnation
    street.store.write(lambda tx: republish.record_republished(tx, GARDEN, incarnation))
    with street.store.read() as tx:
        known = own_keys(tx, street.replica, None, from_child=True)
    assert known == {SIGNERS[STREET].public_key}


def test_one_edit_is_signed_once_and_checked_once_at_each_office(line, monkeypatch):
    """However often it is sent: so a signature costs a single edit no more than its sending did."""
    garden, street, district = line
    made: list[bytes] = []
    checked: list[bytes] = []
    sign, is_signed = Signer.sign, log_signatures.is_signed
    monkeypatch.setattr(Signer, "sign", lambda *a: made.append(a[2]) or sign(*a))
    monkeypatch.setattr(
        log_signatures, "is_signed", lambda *a: checked.append(a[2]) or is_signed(*a)
    )
    garden.commit(garden.create(1, name="甲"))
    assert garden.batch_up() == garden.batch_up()
    garden.send(street)
    street.send(district)
    assert (len(made), len(checked), len({*made, *checked})) == (1, 2, 1)


def test_what_a_relay_sends_ends_where_each_stream_is_signed(line):
    """A relay has the signatures that came; it cuts there, however small the batch is to be."""
    garden, street, district = line
    for number in range(8):
        garden.commit(garden.create(number, name="甲"))
        if number % 3 == 2:
            garden.send(street)
    garden.send(street)
    seen = []
    after = 0
    while (batch := street.batch_up(after=after, bytes_max=1)).entries:
        after = district.take(batch, STREET).position
        seen.append(received_and_signed(district))
    assert seen == [(3, 3), (6, 6), (8, 8)]


def test_a_relay_goes_on_where_large_batches_of_two_children_met(open_site):
    """Each portion is signed where it ends, so a batch between two portions can be cut, too."""
    garden, orchid, street, district = map(open_site, (GARDEN, ORCHID, STREET, DISTRICT))
    parts = {}
    for site in (garden, orchid):
        for first in range(0, 4_500, 500):
            site.commit(*(site.create(number, name="甲") for number in range(first, first + 500)))
        batch = site.batch_up()
        entries = [codec.entry_from_wire(wire) for wire in batch.entries]
        parts[site.unit] = list(portions(batch, entries, PORTION_CHANGES_MAX))
    assert [sum(len(p.entries) for p in some) for some in parts.values()] == [9, 9]
    for both in zip_longest(parts[GARDEN], parts[ORCHID]):
        for part, child in zip(both, (GARDEN, ORCHID), strict=True):
            street.take(part, child)
    after = sent = 0
    while (batch := street.batch_up(after=after)).entries:
        assert sum(codec.entry_from_wire(wire).changes for wire in batch.entries) <= 8_000
        after = district.take(batch, STREET).position
        sent += len(batch.entries)
    assert sent == 18
    assert len(district.states()) == 9_000


def test_what_came_before_signatures_were_asked_for_waits_until_its_office_signs(line):
    """A store of an older program: the entry stays, goes nowhere, and is signed by the next one."""
    garden, street, district = line
    garden.commit(garden.create(1, name="甲"))
    garden.send(street)
    street.store.write(_forget_signatures)
    assert street.batch_up().entries == ()
    assert street.batch_up().upto == 0
    with street.store.read() as tx:
        assert log_signatures.unsigned_streams(tx, STREET) == 1
    garden.commit(garden.create(2, name="乙"))
    garden.send(street)
    with street.store.read() as tx:
        assert log_signatures.unsigned_streams(tx, STREET) == 0
    street.send(district)
    assert received_and_signed(district) == (2, 2)


def test_an_office_signs_what_an_older_program_of_it_wrote(line):
    garden, street, _ = line
    for number in range(3):
        garden.commit(garden.create(number, name="甲"))
    garden.store.write(_forget_signatures)
    assert garden.batch_up().entries == ()
    assert garden.store.write(lambda tx: log_signatures.sign_own_past(tx, garden.signer)) == 3
    assert garden.store.write(lambda tx: log_signatures.sign_own_past(tx, garden.signer)) == 0
    garden.send(street)
    assert received_and_signed(street) == (3, 3)


def _forget_signatures(tx):
    execute(tx, "UPDATE entry SET signature=NULL")
    execute(tx, "UPDATE stream SET signed_seq=0, signature=NULL")


def test_a_batch_received_twice_stores_its_signature_once(line):
    garden, street, _ = line
    garden.commit(garden.create(1, name="甲"))
    batch = garden.batch_up()
    street.take(batch, GARDEN)
    before = street.dump()
    assert street.take(batch, GARDEN).entries == 0
    assert street.dump() == before


def test_a_signature_that_arrives_after_its_entry_covers_it(line):
    garden, street, district = line
    garden.commit(garden.create(1, name="a"))
    batch = garden.batch_up()
    street.take(batch, GARDEN)
    street.store.write(_forget_signatures)
    street.take(batch, GARDEN)
    assert received_and_signed(street) == (1, 1)
    street.send(district)
    assert received_and_signed(district) == (1, 1)
