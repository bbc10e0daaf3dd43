"""Certificates on both stores: invitations used once, issued certificates, numbered lists."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.config import OfficeConfig
from node.identity.authority import new_key
from node.identity.refusals import CertificateRevoked
from node.office import Office
from node.open import open_office
from node.services.enrolment import authority, invitations
from node.services.enrolment.errors import InvitationRefused
from node.services.enrolment.requests import request_of
from node.setup import init_office
from node.store import certificates as table
from sync.codec.signing import Signer
from tests.unit.node.offices import CATALOGUE, DISTRICT, TREE, Clock

KEY, OTHER = Signer(bytes(range(32))), Signer(bytes(range(1, 33)))
TLS = new_key()


@pytest.fixture(params=["sqlite", "postgresql"])
def city(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """An enrolled city on the store of the contract."""
    rng = random.Random(5)
    url = "" if request.param == "sqlite" else request.getfixturevalue("fresh_postgres_url")
    config = OfficeConfig(unit="330100000000", store=url)
    init_office(tmp_path / "c", config, CATALOGUE, rng=rng, tree_csv=TREE.encode())
    office = open_office(tmp_path / "c", wall_ms=Clock(), rng=rng, catalogue=CATALOGUE)
    authority.found_city(office)
    yield office
    office.close()


def test_an_invitation_is_one_units_and_used_by_the_keys_that_came_first(city: Office) -> None:
    unit = city.tree.find(DISTRICT).unit_id
    (invited,) = invitations.invite(city, [unit])
    first, late = request_of(KEY, unit, TLS), request_of(OTHER, unit, TLS)
    open_both = [invitations.check(city, invited.secret, each) for each in (first, late)]
    invitations.use(city, open_both[0], first)
    invitations.use(city, open_both[0], request_of(KEY, unit, TLS))
    with pytest.raises(InvitationRefused):
        invitations.use(city, open_both[1], late)
    with pytest.raises(InvitationRefused):
        invitations.check(city, invited.secret, late)


def test_what_was_issued_is_found_revoked_and_listed_under_rising_numbers(city: Office) -> None:
    unit = city.tree.find(DISTRICT).unit_id
    chains = []
    for _ in range(2):
        made = authority.issue(city, unit, TLS.public_key(), KEY.public_key)
        chains.append(tuple(each.public_bytes(authority.DER) for each in made.chain))
        assert city.certificates.check(unit, KEY.public_key, chains[-1])
    with city.store.read() as tx:
        kept = table.of_unit(tx, unit)
    assert {each.der for each in kept} == {chain[0] for chain in chains}
    assert all(each.office_key == KEY.public_key for each in kept)
    lists = []
    for each in kept:
        authority.revoke(city, each.serial, "误发")
        with city.store.read() as tx:
            lists += table.lists(tx)
    first, second = (each.number for each in lists)
    assert first < second
    assert not city.store.write(lambda tx: table.keep_list(tx, lists[0]))
    city.certificates.reload()
    for chain in chains:
        with pytest.raises(CertificateRevoked):
            city.certificates.check(unit, KEY.public_key, chain)
