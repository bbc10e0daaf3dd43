"""What an office says of itself counts under its own key only, and what contradicts it is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from node.office import Office
from node.services.health.status import status
from sync.apply import statements
from sync.codec import statement
from sync.codec.signing import STREAM, Signer
from sync.codec.statement import ReceivedHead
from sync.log import entries as log
from sync.model.change import StreamHead
from sync.model.report import NodeStatus
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from tests.support.hostile import OtherHand
from tests.support.network import CITY, EAST, NORTH, A, B, Network

PREMISES = {"name": "后楼", "use": "office", "area_m2": 100, "tenure": "owned"}
OTHER = Signer(b"o" * 32)


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Network]:
    network = Network(tmp_path / "offices", (A, B, NORTH, EAST, CITY), templates=tmp_path)
    yield network
    network.close()


def own_status(net: Network, code: str) -> NodeStatus:
    """Return what an office says of itself now."""
    net.forward(1_000)
    return net[code].peer_status.own_status()


def forward(net: Network, sender: str, *items: NodeStatus) -> None:
    """Let an office hand its parent these statuses."""
    parent: Any = net[{NORTH: EAST, A: NORTH, B: NORTH}[sender]]
    unit = net.unit(sender)
    sent = map(statement.status_to_wire, items)
    taken = statements.take(parent, map(statement.status_from_wire, sent), child=unit)
    parent.peer_status.receive_status(taken, child=unit)


def signed_as(item: NodeStatus, signer: Signer, **claims: int) -> NodeStatus:
    """Return a status with other claims, signed by somebody."""
    shown = statement.read(item.signed)
    changed = replace(item, **claims)  # type: ignore[arg-type]
    return statement.signed(changed, shown.bulk_hash, shown.from_parent, signer)


def exact(office: Office, unit: int) -> int:
    with office.store.read() as tx:
        mark = office.peer_status.watermarks(tx).get(unit)
    return mark.at_ms if mark is not None else 0


def named(office: Office, code: str) -> set[int]:
    return {p.unit for p in status(office).problems if p.code == code}


def test_what_a_hub_changes_or_invents_of_an_office_below_is_not_used_and_the_hub_is_named(net):
    net.create(A, "premises", **PREMISES)
    net.create(A, "premises", **PREMISES)
    net.up(A, NORTH)
    east, unit, key = net[EAST], net.unit(A), net[NORTH].replica.signer
    before, known = exact(east, unit), east.peer_status.known()[unit]
    true = own_status(net, A)
    for lie in (
        signed_as(true, key, bulk_seq=true.bulk_seq - 1, at_ms=net.ms),
        signed_as(true, OTHER, at_ms=net.ms),
        signed_as(true, OtherHand(net[A].replica.signer.public_key), at_ms=net.ms),
        replace(true, signed=signed_as(own_status(net, B), key).signed, unit=net.unit(B)),
    ):
        forward(net, NORTH, lie)
        assert exact(east, unit) == before
        assert east.peer_status.known()[unit].signed == known.signed
        assert named(east, "signature_refused") == {net.unit(NORTH)}
    forward(net, NORTH, true)
    assert exact(east, unit) > before


def test_a_status_without_a_signature_moves_no_completeness(net):
    net.create(A, "premises", **PREMISES)
    net.up(A, NORTH)
    east, unit = net[EAST], net.unit(A)
    before, known = exact(east, unit), east.peer_status.known()[unit]
    forward(net, NORTH, replace(own_status(net, A), signed=b"", connected=False))
    assert exact(east, unit) == before
    after = east.peer_status.known()[unit]
    assert (after.at_ms, after.signed) == (known.at_ms, known.signed)
    assert not after.connected  # that is what its parent says of its line


def test_an_office_from_which_nothing_has_come_is_not_made_to_have_connected(net):
    unit = net.unit(B)
    forward(net, NORTH, NodeStatus(unit=unit, at_ms=net.ms, connected=True, last_contact_ms=net.ms))
    assert unit not in net[EAST].peer_status.known()


def test_what_an_office_has_signed_ages_while_a_hub_withholds_it(net):
    """Nobody can tell that from a cut line; so the figure's age is that of the last signature."""
    net.create(A, "premises", **PREMISES)
    net.up(A, NORTH)
    east, unit = net[EAST], net.unit(A)
    before = exact(east, unit)
    for _ in range(3):
        net.forward()
        net.up(A)  # the hub has it,
        forward(net, NORTH, net[NORTH].peer_status.own_status())  # and says nothing of it
    assert exact(east, unit) == before < net.ms - 180_000


def test_an_office_that_signs_fewer_entries_than_before_is_named_at_each_office_above(net):
    net.create(A, "premises", **PREMISES)
    net.create(A, "premises", **PREMISES)
    net.up(A, NORTH, EAST)
    unit, key = net.unit(A), net[A].replica.signer
    before = exact(net[EAST], unit)
    now = own_status(net, A)
    older = signed_as(now, key, bulk_seq=now.bulk_seq - 1)
    forward(net, A, older)
    net.send_status(NORTH)
    net.send_status(EAST)
    for code in (NORTH, EAST, CITY):
        assert named(net[code], "contradiction") == {unit}
    assert exact(net[EAST], unit) == before  # figures go by what has come, not by what it says


def test_an_office_that_signs_two_entries_under_one_number_is_named_until_it_is_another_store(net):
    net.create(A, "premises", **PREMISES)
    net.up(A)
    north, unit, key = net[NORTH], net.unit(A), net[A].replica.signer
    now = own_status(net, A)
    shown = statement.read(now.signed)
    other = statement.signed(replace(now, at_ms=net.ms), b"x" * 32, shown.from_parent, key)
    forward(net, A, other)
    assert named(north, "contradiction") == {unit}
    forward(net, A, own_status(net, A))
    assert named(north, "contradiction") == {unit}  # it does not go by itself
    anew = replace(own_status(net, A), incarnation=4_711, bulk_seq=0)
    forward(net, A, statement.signed(anew, b"", (), key))
    assert named(north, "contradiction") == set()


def test_entries_that_differ_from_what_their_office_says_are_seen(net):
    """A hub cannot make them; an office whose store is run twice can."""
    net.create(A, "premises", **PREMISES)
    for batch in net.batches(A):
        net.deliver(A, batch)
    now = own_status(net, A)
    other = statement.signed(now, b"x" * 32, (), net[A].replica.signer)
    forward(net, A, other)
    assert named(net[NORTH], "contradiction") == {net.unit(A)}


def from_north(net: Network, code: str, hash_: bytes, signer: Signer) -> NodeStatus:
    """Return what a child says that has received an entry of the hub under number 5."""
    hub = net[NORTH]
    key = StreamKey(hub.identity.incarnation, "down:all", Lane.CONTROL)
    head = ReceivedHead(key, StreamHead(5, hash_), signer.sign(STREAM, hash_))
    now = own_status(net, code)
    own = net[code].replica.signer
    return statement.signed(now, statement.read(now.signed).bulk_hash, (head,), own)


@pytest.mark.parametrize("child_lies", [False, True])
def test_a_hub_that_tells_two_children_different_things_under_one_number_is_named_above_it(
    net, child_lies
):
    net.up(A, B, NORTH)
    key = net[NORTH].replica.signer
    first = from_north(net, A, b"a" * 32, key)
    second = from_north(net, B, b"b" * 32, OTHER if child_lies else key)
    forward(net, NORTH, first, second)
    assert named(net[EAST], "contradiction") == (set() if child_lies else {net.unit(NORTH)})


def test_a_status_shows_the_newest_entry_that_the_parent_wrote_for_all_as_it_came(net):
    hub, key = net[NORTH], net[NORTH].replica.signer
    me = hub.identity
    stream = StreamKey(me.incarnation, "down:all", Lane.CONTROL)
    signature = key.sign(STREAM, b"a" * 32)

    def write(tx: Connection) -> None:
        log.register_incarnations(tx, [(me.incarnation, me.unit, me.level)])
        log.adopt(tx, stream, 5, b"a" * 32, 1, signature)

    net[A].store.write(write)
    shown = statement.read(own_status(net, A).signed)
    assert shown.from_parent == (ReceivedHead(stream, StreamHead(5, b"a" * 32), signature),)
