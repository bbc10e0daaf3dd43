"""What a child returns to a restored parent: taken once, harmless twice, never invented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from node.office import Office
from node.services.health.status import status
from node.services.peers import clones
from node.services.records import edits
from sync.codec import entry as codec
from sync.codec.signing import Signer, fingerprint
from sync.log import entries as log
from sync.log.append import signature_for
from sync.log.outcome import Received
from sync.log.signatures import OwnKeyRefused
from sync.model.access import Unauthorised
from sync.recovery import child as recovery_child
from sync.recovery import heads
from sync.recovery import parent as recovery_parent
from sync.recovery.heads import ReplayPage
from sync.recovery.proof import own_keys
from tests.unit.node.offices import COMMUNITY, STREET, Clock, exchange, new_office

HALL = {"name": "办公楼", "use": "办公", "area_m2": "660"}
LOST = Signer(b"l" * 32)


class Pair(NamedTuple):
    street: Office
    community: Office

    def returned(self) -> ReplayPage:
        """Return the street's entries as the community has them."""
        with self.community.store.read() as tx:
            return heads.own_entries_of(tx, self.street.identity.unit, 0)

    def give_back(self, page: ReplayPage) -> Received:
        return self.street.store.write(
            lambda tx: recovery_parent.restore_own(
                tx, self.street, page.entries, page.signatures,
                child=self.community.identity.unit, last=True,
            )
        )  # fmt: skip


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Yield a street that takes back what it wrote, and the community that has it."""
    clock = Clock()
    street = new_office(tmp_path / "street", STREET, clock)
    community = new_office(tmp_path / "community", COMMUNITY, clock, seed=2)
    made = edits.create(community, "premises", HALL)
    exchange(community, street)
    edits.change(street, "premises", made.unit, made.id, {"tenure": "租用"})
    exchange(community, street)
    street.store.write(lambda tx: recovery_child.rotate_incarnation(tx, street))
    yield Pair(street, community)
    street.close()
    community.close()


def with_one_more(page: ReplayPage, signer: Signer) -> ReplayPage:
    """Return a page with an entry behind the last that the street never wrote."""
    last = codec.entry_from_wire(page.entries[-1])
    lie = codec.entry_to_wire(
        codec.unpack(last.payload), incarnation=last.incarnation, unit=last.unit,
        level=last.level, audience=last.audience, lane=last.lane, seq=last.seq + 1,
        prev_hash=last.hash, hlc=last.hlc + 1,
    )  # fmt: skip
    signatures = (*page.signatures, signature_for(lie, signer))
    return replace(page, entries=(*page.entries, lie.wire), signatures=signatures)


def test_what_a_child_returns_a_second_time_changes_nothing_and_is_not_refused(pair: Pair) -> None:
    """A child that was restored itself does not know that it has returned all before."""
    page = pair.returned()
    assert page.entries
    pair.give_back(page)
    with pair.street.store.read() as tx:
        position = log.position(tx)
    assert pair.give_back(page).entries == 0
    with pair.street.store.read() as tx:
        assert log.position(tx) == position


def test_a_child_that_was_not_asked_returns_nothing_that_is_new_here(pair: Pair) -> None:
    page = pair.returned()
    pair.give_back(page)
    signer = pair.street.replica.signer
    assert signer is not None
    with pytest.raises(Unauthorised):
        pair.give_back(with_one_more(page, signer))


def test_a_former_key_of_this_office_counts_once_a_person_here_has_accepted_it(pair: Pair) -> None:
    street, child = pair.street, pair.community.identity.unit
    known = street.replica.signer.public_key.hex()  # type: ignore[union-attr]
    refused = OwnKeyRefused("this office", "本单位", known, LOST.public_key)
    street.signature_refused(child, refused)
    problems = {p.code: p for p in status(street).problems}
    assert problems["own_key_refused"].unit == street.identity.unit
    assert fingerprint(LOST.public_key) in problems["own_key_refused"].en
    assert "key_refused" not in problems
    with street.store.read() as tx:
        assert LOST.public_key not in own_keys(tx, street.replica, child)  # type: ignore[operator]
    clones.reset_clone(street, street.identity.unit, actor="李", reason="与留存的密钥记录一致")
    with street.store.read() as tx:
        assert LOST.public_key in own_keys(tx, street.replica, child)  # type: ignore[operator]
    assert "own_key_refused" not in {p.code for p in status(street).problems}


def test_every_former_key_that_a_person_has_accepted_counts_and_not_the_newest_only(
    pair: Pair,
) -> None:
    """Two stores of the office were lost, each with its key: entries under both come back."""
    street, child = pair.street, pair.community.identity.unit
    lost = [LOST, Signer(b"m" * 32)]
    for signer in lost:
        street.signature_refused(child, OwnKeyRefused("street", "街道", "", signer.public_key))
        clones.reset_clone(street, street.identity.unit, actor="李", reason="与密钥记录一致")
    with street.store.read() as tx:
        known = own_keys(tx, street.replica, child)
    assert {signer.public_key for signer in lost} <= known  # type: ignore[operator]
