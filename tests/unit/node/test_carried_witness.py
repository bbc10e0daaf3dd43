"""Bundles carry heads of audit logs up and cosignatures down: no line is needed for a witness."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.office import Office
from node.open import open_office
from node.services.audit import proofs, views
from node.services.health.status import status
from node.services.upkeep import bundles
from sync.store.sql import execute
from tests.support.edits import outlet
from tests.unit.node.offices import CATALOGUE, DISTRICT, STREET, Clock, new_office
from tests.unit.node.test_carried_certificates import carry, written
from tests.unit.node.test_witness import CITY, VERIFIER, cut, grow, key_of, refused_at, remember_key

Line = tuple[Office, Office, Office]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A city, its district and its street, which have never met."""
    clock = Clock()
    offices = [new_office(tmp_path / code, code, clock) for code in (CITY, DISTRICT, STREET)]
    for office in offices:
        grow(office)
    yield offices[0], offices[1], offices[2]
    for office in offices:
        office.close()


def exchanged(child: Office, parent: Office) -> None:
    carry(child, parent)
    carry(parent, child)


def test_the_log_of_an_office_without_a_line_is_cosigned_and_its_proof_shows_it(
    line: Line,
) -> None:
    _, district, street = line
    exchanged(street, district)
    grow(street, 5)
    exchanged(street, district)
    proof = proofs.prove_entry(street, 3)
    key = VERIFIER.Key(street.audit.key.text)
    assert VERIFIER.verify_proof(proof.file, key, [key_of(district)], 1)[0] == 3
    (seen,) = views.verify(street).witnesses
    assert (seen.witness, seen.refused) == (district.identity.unit, "")


def test_the_city_cosigns_what_a_district_carries_on_of_a_street(line: Line) -> None:
    city, district, street = line
    outlet(street, "甲")  # the city learns the street's key from its entries
    remember_key(street, city)
    for _ in range(3):
        carry(street, district)
        exchanged(district, city)
        carry(district, street)
        grow(street)
    witnesses = {each.witness for each in views.verify(street).witnesses}
    assert witnesses == {city.identity.unit, district.identity.unit}


def test_a_log_that_was_written_again_is_named_on_both_sides_by_the_next_bundle(
    line: Line,
) -> None:
    _, district, street = line
    grow(street, 6)
    exchanged(street, district)
    with street.store.read() as tx:
        size = street.audit.checkpoint(tx).size
    cut(street, 3)
    grow(street, size)
    exchanged(street, district)
    assert refused_at(district) == {street.identity.unit: "rewritten"}
    assert "audit_rewritten" in {problem.code for problem in status(street).problems}


def test_an_old_bundle_read_late_names_no_log_as_cut_and_takes_no_cosignature_back(
    line: Line,
) -> None:
    _, district, street = line
    old_up = written(street, district)
    exchanged(street, district)
    old_down = written(district, street)
    grow(street, 4)
    exchanged(street, district)
    before = views.verify(street).witnesses
    bundles.read_bundles(district, old_up)
    bundles.read_bundles(street, old_down)
    assert refused_at(district) == {}
    assert views.verify(street).witnesses == before


def test_a_cosignature_whose_bundle_was_lost_comes_with_the_next_after_a_restart(
    line: Line,
) -> None:
    _, district, street = line
    carry(street, district)
    written(district, street)  # nobody ever reads it
    with district.store.read() as tx:
        assert execute(tx, "SELECT count(*) FROM audit_entry").fetchone()
    district.close()
    again = open_office(
        district.folder, wall_ms=district.clock.now_ms, rng=random.Random(3),
        catalogue=CATALOGUE, synchronous="OFF",
    )  # fmt: skip
    carry(again, street)
    again.close()
    (seen,) = views.verify(street).witnesses
    assert seen.refused == ""


def test_a_head_in_a_bundle_that_another_key_has_signed_is_not_cosigned(line: Line) -> None:
    city, district, street = line
    parts = written(street, district)
    bundles.read_bundles(district, [io.BytesIO(part.getvalue()) for part in parts])
    assert len(district.witness.answers_to_carry(street.identity.unit)) == 1
    given = list(street.witness.submissions())
    city.witness.judge(district.identity.unit, district.audit.key.public_key, given, carried=True)
    assert city.witness.answers_to_carry(district.identity.unit) == []
