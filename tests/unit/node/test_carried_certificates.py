"""Bundles between enrolled offices: what they show, and the revocation lists that they carry."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.china import DAY_MS
from node.identity import files
from node.identity.authority import new_key
from node.identity.refusals import CertificateMissing, CertificateRevoked
from node.office import Office
from node.open import open_office
from node.services.enrolment import authority
from node.services.upkeep import bundles
from tests.unit.node.offices import CATALOGUE, DISTRICT, Clock, new_office

CITY = "330100000000"


class Pair:
    """A city and a district on one clock; the city is enrolled."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.city = new_office(folder / "city", CITY, self.clock)
        self.district = new_office(folder / "district", DISTRICT, self.clock)
        authority.found_city(self.city)

    def enrol(self) -> str:
        """Issue a certificate to the district, and put it to use; return its serial number."""
        key, signer = new_key(), self.district.replica.signer
        unit = self.district.identity.unit
        made = authority.issue(self.city, unit, key.public_key(), signer.public_key)
        own = self.city.certificates.credentials
        assert own is not None
        files.save(self.district.folder, key, made.chain, own.roots)
        self.district.certificates.reload()
        return authority.serial_text(made.chain[0])


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.city.close()
    made.district.close()


def written(frm: Office, to: Office) -> list[io.BytesIO]:
    parts: list[io.BytesIO] = []

    def new_file(_number: int) -> io.BytesIO:
        parts.append(io.BytesIO())
        return parts[-1]

    bundles.write_bundle(frm, to.identity.unit, new_file)
    return parts


def carry(frm: Office, to: Office) -> None:
    bundles.read_bundles(to, written(frm, to))


def test_an_enrolled_office_reads_no_bundle_of_one_without_a_certificate(pair: Pair) -> None:
    with pytest.raises(CertificateMissing):
        carry(pair.district, pair.city)
    pair.enrol()
    carry(pair.district, pair.city)
    carry(pair.city, pair.district)


def test_a_bundle_counts_although_its_certificate_has_ended_but_not_if_it_was_revoked(
    pair: Pair,
) -> None:
    serial = pair.enrol()
    pair.clock.forward(120 * DAY_MS)  # who has no line cannot renew
    carry(pair.district, pair.city)
    authority.revoke(pair.city, serial, "设备遗失")
    with pytest.raises(CertificateRevoked):
        carry(pair.district, pair.city)


def test_a_bundle_carries_revocation_lists_down_and_a_late_one_takes_none_back(
    pair: Pair, tmp_path: Path
) -> None:
    former = pair.enrol()
    pair.enrol()
    authority.revoke(pair.city, former, "已更换")
    early = written(pair.city, pair.district)
    other = authority.issue(
        pair.city, pair.district.identity.unit, new_key().public_key(), bytes(range(7, 39))
    )
    authority.revoke(pair.city, authority.serial_text(other.chain[0]), "误发")
    carry(pair.city, pair.district)
    numbers = pair.city.certificates.numbers()
    assert pair.district.certificates.numbers() == numbers
    bundles.read_bundles(pair.district, early)
    assert pair.district.certificates.numbers() == numbers
    pair.district.close()
    pair.district = open_office(
        pair.district.folder, wall_ms=pair.clock, rng=random.Random(3), catalogue=CATALOGUE,
        synchronous="OFF",
    )  # fmt: skip
    assert pair.district.certificates.numbers() == numbers
