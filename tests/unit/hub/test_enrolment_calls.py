"""Calls of enrolment by anybody who reaches the port: refused with a code, never a fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.link.enroller import must_be_ours, to_wire
from hub.link.enrolment import EnrolmentServicer
from hub.serve.renewal import renew_if_due
from node.china import DAY_MS
from node.identity import files
from node.identity.authority import DER, Authority, moment, new_key
from node.identity.chain import read_chain
from node.identity.place import Place
from node.identity.refusals import (
    CertificateBranch,
    CertificateEarly,
    CertificateExpired,
    CertificateKey,
    CertificateMissing,
    CertificateRevoked,
)
from node.office import Office
from node.services.enrolment import authority, invitations
from node.services.enrolment.errors import InvitationRefused, NoAuthority, RequestForged
from node.services.enrolment.requests import passed_on, request_of
from sync.codec.signing import Signer
from sync.model.errors import SilianError
from sync.wire.link.v1 import enrolment_pb2 as pb
from tests.unit.node.offices import COMMUNITY, DISTRICT, STREET, Clock, new_office

CITY = "330100000000"
KEY, OTHER = Signer(bytes(range(32))), Signer(bytes(range(1, 33)))
TLS = new_key()
ANYBODY: Any = None  # no call looks at who calls: what it shows counts


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Office]:
    office = new_office(tmp_path_factory.mktemp("city") / "city", CITY, clock)
    authority.found_city(office)
    yield office
    office.close()


@pytest.fixture
def servicer(city: Office) -> EnrolmentServicer:
    return EnrolmentServicer(lambda _unit: city)


@pytest.fixture
def district(tmp_path: Path, city: Office, clock: Clock) -> Iterator[Office]:
    """A district that is enrolled, with an authority of its own."""
    with closing(new_office(tmp_path / "district", DISTRICT, clock)) as office:
        own, above = new_key(), city.certificates.credentials
        grant = authority.issue(
            city, office.identity.unit, TLS.public_key(), office.replica.signer.public_key,
            own.public_key(),
        )  # fmt: skip
        assert grant.authority is not None
        assert above is not None
        files.save_authority(office.folder, own, grant.authority)
        files.save(office.folder, TLS, grant.chain, above.roots)
        office.certificates.reload()
        yield office


def unit_of(office: Office, code: str) -> int:
    return office.tree.find(code).unit_id


def asked(office: Office, code: str = DISTRICT, signer: Signer = KEY) -> pb.CertificateRequest:
    return to_wire(request_of(signer, unit_of(office, code), TLS))


def issued(office: Office, code: str = DISTRICT, signer: Signer = KEY) -> list[bytes]:
    made = authority.issue(office, unit_of(office, code), TLS.public_key(), signer.public_key)
    return [each.public_bytes(DER) for each in made.chain]


def certify(
    office: Office, chain: list[bytes], code: str = DISTRICT, *, by: Signer = KEY,
    signer: Signer = KEY,
) -> pb.CertifyRequest:  # fmt: skip
    request = request_of(signer, unit_of(office, code), TLS)
    return pb.CertifyRequest(
        chain=chain, request=to_wire(request), signature=passed_on(by, request)
    )  # fmt: skip


def test_an_invited_district_gets_its_certificate_and_its_authority(
    city: Office, servicer: EnrolmentServicer
) -> None:
    (invited,) = invitations.invite(city, [unit_of(city, DISTRICT)])
    request = request_of(KEY, invited.unit, TLS, new_key())
    reply = servicer.Enrol(
        pb.EnrolRequest(secret=invited.secret, request=to_wire(request)), ANYBODY
    )
    found = city.certificates.certified(tuple(reply.chain), city.certificates.place(invited.unit))
    assert found.office_key == KEY.public_key
    (own,) = read_chain([reply.authority])
    assert own.issuer == read_chain(reply.chain)[0].issuer


def test_an_office_renews_with_the_certificate_that_it_has(
    city: Office, servicer: EnrolmentServicer
) -> None:
    reply = servicer.Certify(certify(city, issued(city)), ANYBODY)
    assert city.certificates.check(unit_of(city, DISTRICT), KEY.public_key, reply.chain)


def test_an_office_that_was_away_renews_for_thirty_days_and_no_longer(
    city: Office, servicer: EnrolmentServicer, clock: Clock
) -> None:
    chain, began = issued(city), clock.ms
    try:
        clock.ms = began + 100 * DAY_MS
        with pytest.raises(CertificateExpired):
            city.certificates.check(unit_of(city, DISTRICT), KEY.public_key, chain)
        reply = servicer.Certify(certify(city, chain), ANYBODY)
        end = read_chain(reply.chain)[0].not_valid_after_utc
        assert end > datetime.fromtimestamp(clock.ms / 1_000, UTC) + timedelta(days=80)
        clock.ms = began + 125 * DAY_MS
        with pytest.raises(CertificateExpired):
            servicer.Certify(certify(city, chain), ANYBODY)
    finally:
        clock.ms = began


def test_a_city_that_renewed_while_its_clock_was_far_ahead_renews_again_at_the_right_time(
    tmp_path: Path,
) -> None:
    clock = Clock()
    with closing(new_office(tmp_path / "city", CITY, clock)) as city:
        authority.found_city(city)
        began = clock.ms
        clock.ms = began + 400 * DAY_MS
        assert renew_if_due(city)
        clock.ms = began
        with pytest.raises(CertificateEarly):
            city.certificates.certified(city.certificates.own())
        assert renew_if_due(city)
        assert city.certificates.certified(city.certificates.own())
        assert not renew_if_due(city)


def test_a_revoked_office_renews_nothing(city: Office, servicer: EnrolmentServicer) -> None:
    chain = issued(city)
    authority.revoke(city, f"{read_chain(chain)[0].serial_number:040x}", "挂失")
    with pytest.raises(CertificateRevoked):
        servicer.Certify(certify(city, chain), ANYBODY)


def test_an_office_gets_no_certificate_for_another_key_or_another_unit(
    city: Office, servicer: EnrolmentServicer
) -> None:
    chain = issued(city)
    with pytest.raises(CertificateKey):
        servicer.Certify(certify(city, chain, signer=OTHER), ANYBODY)
    with pytest.raises(RequestForged):  # the chain is public: its key must sign
        servicer.Certify(certify(city, chain, by=OTHER), ANYBODY)
    for code in (CITY, COMMUNITY):
        with pytest.raises(CertificateBranch):
            servicer.Certify(certify(city, chain, code), ANYBODY)
    with pytest.raises(CertificateBranch):  # it is no child of this office
        servicer.Certify(certify(city, issued(city, STREET), STREET), ANYBODY)


def test_an_office_that_moved_does_not_renew_the_certificate_of_its_former_place(
    city: Office, district: Office
) -> None:
    root, street = authority.authority_of(city), unit_of(city, STREET)
    former, key = Place((city.identity.unit, 77)), new_key()
    now = moment(city.clock.now_ms())
    above = root.issue_authority(former, key.public_key(), "原区", now)
    there = Authority(key, above, former)
    made = there.issue_office(
        Place((*former.path, street)), TLS.public_key(), KEY.public_key, "街道", now
    )
    chain = [each.public_bytes(DER) for each in (made, above)]
    assert district.certificates.certified(tuple(chain))
    with pytest.raises(CertificateBranch):
        EnrolmentServicer(lambda _unit: district).Certify(certify(city, chain, STREET), ANYBODY)


def test_a_district_issues_no_certificate_outside_of_its_subtree(district: Office) -> None:
    inside, outside = unit_of(district, STREET), unit_of(district, CITY)
    assert authority.issue(district, inside, TLS.public_key(), KEY.public_key).chain
    with pytest.raises(NoAuthority):
        authority.issue(district, outside, TLS.public_key(), KEY.public_key)


def test_an_office_whose_key_was_replaced_by_invitation_loses_its_former_certificate(
    city: Office, servicer: EnrolmentServicer
) -> None:
    unit, chain = unit_of(city, DISTRICT), issued(city)
    assert city.certificates.check(unit, KEY.public_key, chain)
    (invited,) = invitations.invite(city, [unit], replaces=True, again=True)
    request = to_wire(request_of(OTHER, unit, TLS))
    servicer.Enrol(pb.EnrolRequest(secret=invited.secret, request=request), ANYBODY)
    with pytest.raises(CertificateRevoked):
        city.certificates.check(unit, KEY.public_key, chain)


def test_a_certificate_for_another_key_is_not_taken_into_use(city: Office) -> None:
    own = city.certificates.credentials
    assert own is not None
    grant = authority.issue(city, city.identity.unit, TLS.public_key(), OTHER.public_key)
    with pytest.raises(CertificateKey):
        must_be_ours(city, grant, own.roots)


def test_a_parent_gets_a_certificate_for_the_office_that_enrols_with_it(
    city: Office, servicer: EnrolmentServicer
) -> None:
    reply = servicer.Certify(certify(city, issued(city), STREET, signer=OTHER), ANYBODY)
    place = city.certificates.place(unit_of(city, STREET))
    assert city.certificates.certified(tuple(reply.chain), place).office_key == OTHER.public_key


def test_an_office_without_certificates_gives_out_none(tmp_path: Path, clock: Clock) -> None:
    street = new_office(tmp_path / "street", STREET, clock)
    servicer = EnrolmentServicer(lambda _unit: street)
    with pytest.raises(InvitationRefused):
        servicer.Enrol(pb.EnrolRequest(secret=bytes(32), request=asked(street, COMMUNITY)), ANYBODY)
    with pytest.raises(CertificateMissing):
        servicer.Certify(certify(street, [], COMMUNITY), ANYBODY)
    street.close()


SOME = st.binary(max_size=200)


@settings(
    max_examples=150, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    st.data(), st.sampled_from([0, 1, (1 << 64) - 1]),
    st.lists(SOME, max_size=4), SOME, SOME, SOME, SOME, SOME,
)  # fmt: skip
def test_any_message_of_a_caller_without_keys_is_refused_with_a_code(
    city: Office, servicer: EnrolmentServicer, data: st.DataObject, odd: int, chain: list[bytes],
    secret: bytes, csr: bytes, key: bytes, signature: bytes, own: bytes,
) -> None:  # fmt: skip
    good, real = asked(city), issued(city)
    unit = data.draw(st.sampled_from([odd, good.unit]))
    request = pb.CertificateRequest(
        unit=unit,
        csr=data.draw(st.sampled_from([csr, good.csr])),
        public_key=data.draw(st.sampled_from([key, good.public_key])),
        signature=data.draw(st.sampled_from([signature, good.signature])),
        authority_csr=own,
    )
    with pytest.raises(SilianError):
        servicer.Enrol(pb.EnrolRequest(secret=secret, request=request), ANYBODY)
    shown = data.draw(st.sampled_from([chain, real, [*real, *chain]]))
    with pytest.raises(SilianError):
        servicer.Certify(
            pb.CertifyRequest(chain=shown, request=request, signature=signature), ANYBODY
        )
