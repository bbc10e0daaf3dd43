"""What is durable above is what each office there has signed that it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.office import Office
from node.peers.receipts import Receipts
from node.services.health.status import status
from node.services.records.durability import Durable, durability
from node.services.upkeep.log_retention import truncate_log
from sync.apply import receipts
from sync.codec import receipt as wire
from sync.codec.receipt import Receipt
from sync.codec.signing import Signer
from sync.log import entries as log
from sync.model.change import StreamHead
from sync.model.report import DurableAt
from sync.model.schema import Lane
from tests.support.hostile import OtherHand
from tests.support.network import CITY, EAST, NORTH, A, Network

PREMISES = {"name": "后楼", "use": "office", "area_m2": 100, "tenure": "owned"}
DAY_MS = 86_400_000


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Network]:
    network = Network(tmp_path / "offices", (A, NORTH, EAST, CITY), templates=tmp_path)
    yield network
    network.close()


def durable_in(net: Network, code: str) -> dict[int, int]:
    """Return level -> how far the bulk log is durable there by receipts."""
    found = net[code].peer_status.receipts.positions()
    return {s.level: s.position for s in found if s.lane is Lane.BULK}


def at(office: Office, record: bytes) -> list[Durable]:
    me = office.identity.unit
    return [place.found for place in durability(office, "premises", me, record).places]


def receipt_of(net: Network, holder: str, signer: Signer | None = None) -> Receipt:
    """Return an office's receipt for what the community has written."""
    office, unit = net[A], net.unit(A)
    with office.store.read() as tx:
        heads = {key: head for _, key, head in log.heads_by_unit(tx, "up:", unit)}
    me = net[holder].identity
    return wire.sign(
        me.unit, me.incarnation, unit, net.ms, heads, signer or net[holder].replica.signer
    )


def take(net: Network, *given: Receipt) -> None:
    """Let the community take receipts from its parent."""
    office = net[A]
    found = receipts.take(office, net.unit(NORTH), given)  # type: ignore[arg-type]
    office.peer_status.receipts.take(found)


def test_an_entry_is_durable_where_its_office_has_signed_that_it_holds_it(net):
    record = net.create(A, "premises", **PREMISES)
    assert at(net[A], record) == [Durable.SAFE, *[Durable.WAITING] * 3]
    for codes, safe in (((A,), 1), ((NORTH, A), 2), ((EAST, NORTH, A), 3)):
        net.up(*reversed(codes))
        for code in codes:
            net.send_status(code)
        states = at(net[A], record)
        assert states.count(Durable.SAFE) == safe + 1, codes


def test_what_a_hub_says_of_the_offices_above_it_does_not_count(net):
    """It says that all is safe at the city, and no city has it."""
    record = net.create(A, "premises", **PREMISES)
    net.create(A, "premises", **PREMISES)  # the newest entry of a stream stays in any case
    net.up(A)
    office = net[A]
    with office.store.read() as tx:
        end = log.position(tx)
    lies = [DurableAt(level, lane, end) for level in (0, 1) for lane in Lane]
    office.peer_status.on_parent_contact(net.unit(NORTH), lies)
    assert at(office, record) == [
        Durable.SAFE, Durable.SAFE, Durable.WAITING, Durable.WAITING
    ]  # fmt: skip
    assert entries_after_retention(net) == 2


def test_the_log_is_truncated_once_all_above_have_signed_that_they_hold_it(net):
    for _ in range(2):
        net.create(A, "premises", **PREMISES)
    for _ in range(4):
        net.settle()
    assert entries_after_retention(net) == 1


def entries_after_retention(net: Network) -> int:
    """Return how many entries the community still has after half a year of retention."""
    office = net[A]
    office.config = office.config.model_copy(update={"log_days": 30, "lease_days": 60})
    for day in range(0, 200, 2):
        truncate_log(office, net.ms + day * DAY_MS)
    with office.store.read() as tx:
        rows = "SELECT count(*) FROM entry WHERE via=0 AND lane=2"
        return int(tx.exec_driver_sql(rows).scalar_one())


def test_a_receipt_that_its_office_has_not_signed_is_not_used_and_its_bringer_named(net):
    net.create(A, "premises", **PREMISES)
    for _ in range(3):
        net.settle()  # each hands the receipts one level further down
    net.create(A, "premises", **PREMISES)
    before = durable_in(net, A)
    assert before.keys() == {0, 1, 2}
    net.forward()
    other_hand = OtherHand(net[CITY].replica.signer.public_key)
    for signer in (net[NORTH].replica.signer, Signer(b"o" * 32), other_hand):
        take(net, receipt_of(net, CITY, signer))
        assert durable_in(net, A) == before
        named = {(p.code, p.unit) for p in status(net[A]).problems}
        assert ("signature_refused", net.unit(NORTH)) in named
    take(net, receipt_of(net, CITY))
    assert durable_in(net, A)[0] > before[0]


def test_a_receipt_for_another_entry_under_our_number_does_not_count(net):
    net.create(A, "premises", **PREMISES)
    true = receipt_of(net, CITY)
    other = {key: StreamHead(head.seq, b"x" * 32) for key, head in true.heads.items()}
    me = net[CITY].identity
    take(net, wire.sign(me.unit, me.incarnation, net.unit(A), net.ms, other,
                        net[CITY].replica.signer))  # fmt: skip
    assert durable_in(net, A).get(0, 0) == 0
    net.forward()
    take(net, receipt_of(net, CITY))
    assert durable_in(net, A)[0] > 0


def test_a_receipt_of_an_office_that_is_not_above_counts_for_nothing(net):
    net.create(A, "premises", **PREMISES)
    true = receipt_of(net, CITY)
    lies = [replace(true, holder=net.unit(A)), replace(true, unit=net.unit(CITY))]
    found = receipts.take(net[A], net.unit(NORTH), lies)  # type: ignore[arg-type]
    assert found == []


def test_receipts_are_there_again_after_a_restart(net):
    net.create(A, "premises", **PREMISES)
    net.settle()
    net.settle()
    before = durable_in(net, A)
    assert before
    net[A].peer_status.save()
    again = Receipts(net[A]).positions()
    assert {s.level: s.position for s in again if s.lane is Lane.BULK} == before
