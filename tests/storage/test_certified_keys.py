"""Certified keys on both stores: an enrolled office takes no first key on a neighbour's word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sync.codec.entry import batch_from_wire, batch_to_wire
from sync.log import certified, signatures
from sync.log.signatures import KeyUncertified
from sync.model.errors import Malformed
from sync.model.schema import Lane
from tests.storage.conftest import OpenSite
from tests.support.sites import CITY, DISTRICT, GARDEN, ORCHID, STREET, Site, signer_of


def chain_for(unit: int, key: bytes = b"") -> tuple[bytes, ...]:
    """Return what stands for a certificate: who it names, and its key."""
    return (b"%d " % unit + (key or signer_of(unit).public_key), b"authority")


def enrol(site: Site) -> Site:
    """Give a site a certificate of its own, and the judge of others'."""

    def certify(unit: int, key: bytes, chain: Sequence[bytes]) -> None:
        if tuple(chain) != chain_for(unit, key):
            raise Malformed("a certificate of another")

    site.replica.certifier = certify
    keep(site, site.unit)
    return site


def keep(site: Site, unit: int) -> None:
    key = signer_of(unit).public_key
    site.store.write(lambda tx: certified.keep(tx, unit, key, chain_for(unit)))


def chain_at(site: Site, unit: int) -> tuple[bytes, ...]:
    with site.store.read() as tx:
        return certified.chain_of(tx, unit, signer_of(unit).public_key)


def test_the_first_entries_of_an_office_need_a_certificate_that_goes_on_with_them(
    open_site: OpenSite,
) -> None:
    garden, street = open_site(GARDEN), enrol(open_site(STREET))
    district, city = enrol(open_site(DISTRICT)), enrol(open_site(CITY))
    garden.commit(garden.create(1, name="甲"))
    keep(street, GARDEN)  # as the handshake keeps it
    for lower, upper in ((garden, street), (street, district), (district, city)):
        lower.send(upper)
    assert city.value(1, "name", GARDEN) == "甲"
    assert chain_at(city, GARDEN) == chain_for(GARDEN)
    garden.commit(garden.update(1, name="乙"))
    garden.send(street)
    (signature,) = street.batch_up(after=district.received_up_to[STREET, Lane.BULK]).signatures
    assert signature.certificates == (), "a stream that goes on brings none"


@pytest.mark.parametrize("shown", [(), chain_for(STREET), chain_for(GARDEN, bytes(32))])
def test_a_hub_cannot_make_up_an_office_that_nobody_has_certified(
    open_site: OpenSite, shown: tuple[bytes, ...]
) -> None:
    garden, street, district = open_site(GARDEN), open_site(STREET), enrol(open_site(DISTRICT))
    garden.commit(garden.create(1, name="甲"))
    garden.send(street)
    batch = street.batch_up()
    lie = replace(batch, signatures=tuple(replace(s, certificates=shown) for s in batch.signatures))
    before = district.dump("entry", "incarnation", "certified_key")
    with pytest.raises(KeyUncertified):
        district.take(lie, STREET)
    assert district.dump("entry", "incarnation", "certified_key") == before


def test_an_office_without_a_certificate_trusts_the_first_key_as_before(
    open_site: OpenSite,
) -> None:
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="甲"))
    garden.send(street)
    assert street.value(1, "name", GARDEN) == "甲"
    assert chain_at(street, GARDEN) == ()


def test_a_key_from_before_the_certificate_is_asked_for_and_stays(open_site: OpenSite) -> None:
    garden, street = open_site(GARDEN), open_site(STREET)
    garden.commit(garden.create(1, name="甲"))
    garden.send(street)
    enrol(street)
    with street.store.read() as tx:
        key = signer_of(GARDEN).public_key
        assert certified.wanted(tx, lambda _: True) == [(GARDEN, key)]
        assert certified.wanted(tx, lambda unit: unit == ORCHID) == []
    garden.commit(garden.update(1, name="乙"))
    garden.send(street)
    assert street.value(1, "name", GARDEN) == "乙"
    street.store.write(
        lambda tx: signatures.take_chains(
            tx, street.replica.certifier, [(GARDEN, key, chain_for(GARDEN))]
        )
    )
    with street.store.read() as tx:
        assert certified.wanted(tx, lambda _: True) == []


def test_a_batch_carries_at_most_the_certificates_of_one_chain(open_site: OpenSite) -> None:
    garden = open_site(GARDEN)
    garden.commit(garden.create(1, name="甲"))
    batch = garden.batch_up()
    for chain in ((b"a", b"b", b"c"), (b"x" * 5_000,)):
        shown = tuple(replace(s, certificates=chain) for s in batch.signatures)
        with pytest.raises(Malformed):
            batch_from_wire(batch_to_wire(replace(batch, signatures=shown)))
