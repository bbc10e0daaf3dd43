"""Enrolment at one office: its authority, invitations, revocations, what it accepts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from node.china import DAY_MS
from node.identity import files
from node.identity.authority import new_key
from node.identity.refusals import (
    CertificateExpired,
    CertificateForeign,
    CertificateKey,
    CertificateMissing,
    CertificateRevoked,
    RevocationsOlder,
)
from node.office import Office
from node.services.enrolment import authority, invitations
from node.services.enrolment.errors import (
    AlreadyEnrolled,
    InvitationRefused,
    NoAuthority,
    NotEnrolled,
    NotOurChild,
    RecoveredBefore,
    RequestForged,
    UnknownCertificate,
)
from node.services.enrolment.requests import REQUEST, Request, request_of
from node.services.health.status import status
from node.store import certificates as table
from sync.codec.signing import Signer
from sync.store import peers
from sync.store.sql import execute
from tests.unit.node.offices import DISTRICT, START_MS, STREET, TREE, Clock, new_office

CITY, FAR = "330100000000", "330105000000"
KEY = Signer(bytes(range(32)))
OTHER = Signer(bytes(range(1, 33)))
TLS = new_key()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def city(tmp_path: Path, clock: Clock) -> Iterator[Office]:
    office = new_office(tmp_path / "city", CITY, clock)
    authority.found_city(office)
    yield office
    office.close()


def unit_of(office: Office, code: str) -> int:
    return office.tree.find(code).unit_id


def request(office: Office, signer: Signer = KEY, code: str = DISTRICT) -> Request:
    return request_of(signer, unit_of(office, code), TLS)


def invited(office: Office, *, replaces: bool = False, hours: int = 24) -> bytes:
    made = invitations.invite(office, [unit_of(office, DISTRICT)], hours=hours, replaces=replaces)
    return made[0].secret


def issued(office: Office, signer: Signer = KEY) -> tuple[bytes, ...]:
    """Issue a certificate to the district; return its chain."""
    made = authority.issue(
        office, unit_of(office, DISTRICT), TLS.public_key(), signer.public_key
    )  # fmt: skip
    return tuple(each.public_bytes(authority.DER) for each in made.chain)


def enrol(office: Office, secret: bytes, asked: Request) -> None:
    invitations.use(office, invitations.check(office, secret, asked), asked)


def test_only_a_city_makes_an_authority_and_makes_it_once(
    city: Office, tmp_path: Path, clock: Clock
) -> None:
    before = {name: (city.folder / name).read_bytes() for name in ("ca.pem", "tls.pem")}
    authority.found_city(city)
    assert {name: (city.folder / name).read_bytes() for name in before} == before
    street = new_office(tmp_path / "street", STREET, clock)
    with pytest.raises(NoAuthority):
        authority.found_city(street)
    with pytest.raises(NoAuthority):
        authority.revoke(street, STREET, "挂失")
    with pytest.raises(NotEnrolled):
        invitations.invite(street, street.tree.children(street.identity.unit))
    street.close()


def test_the_files_of_an_enrolled_office_are_private(city: Office) -> None:
    for name in (files.TLS_FILE, files.ROOTS_FILE, files.CA_FILE):
        assert (city.folder / name).stat().st_mode & 0o777 == 0o600


def test_the_store_has_no_secret_of_an_invitation(city: Office) -> None:
    secret = invited(city)
    city.store.checkpoint()
    assert secret not in b"".join(path.read_bytes() for path in city.folder.glob("office.db*"))


def test_an_invitation_is_for_the_units_directly_below(city: Office) -> None:
    with pytest.raises(NotOurChild):
        invitations.invite(city, [unit_of(city, STREET)])


def test_an_invitation_is_used_once_and_again_only_by_the_same_keys(city: Office) -> None:
    secret = invited(city)
    enrol(city, secret, request(city))
    enrol(city, secret, request(city))  # a request is signed anew, with the same keys
    for other in (request(city, OTHER), request_of(KEY, unit_of(city, DISTRICT), new_key())):
        with pytest.raises(InvitationRefused):
            enrol(city, secret, other)


def test_an_invitation_ends_and_a_newer_one_ends_it(city: Office, clock: Clock) -> None:
    first = invited(city, hours=5)
    second = invited(city, hours=5)
    with pytest.raises(InvitationRefused):
        enrol(city, first, request(city))
    clock.forward(5 * 3_600_000)
    with pytest.raises(InvitationRefused):
        enrol(city, second, request(city))


def test_an_invitation_for_one_unit_is_of_no_use_to_another(city: Office) -> None:
    secret = invited(city)
    for asked in (request(city, code=STREET), replace(request(city), unit=city.identity.unit)):
        with pytest.raises((InvitationRefused, RequestForged)):
            enrol(city, secret, asked)
    enrol(city, secret, request(city))


def test_a_letter_for_one_district_is_of_no_use_to_another(tmp_path: Path, clock: Clock) -> None:
    tree = f"{TREE}{FAR},远区,district,{CITY}\n"
    with closing(new_office(tmp_path / "two", CITY, clock, tree=tree)) as city:
        authority.found_city(city)
        secret = invited(city)
        with pytest.raises(InvitationRefused):
            enrol(city, secret, request(city, OTHER, FAR))
        enrol(city, secret, request(city))


def test_no_invitation_lasts_longer_than_a_day(city: Office, clock: Clock) -> None:
    secret = invited(city, hours=1_000)
    clock.forward(DAY_MS)
    with pytest.raises(InvitationRefused):
        enrol(city, secret, request(city))


def test_of_two_that_were_checked_at_once_only_the_first_uses_an_invitation(city: Office) -> None:
    secret = invited(city)
    first, second = request(city), request(city, OTHER)
    checked = [invitations.check(city, secret, each) for each in (first, second)]
    invitations.use(city, checked[0], first)
    with pytest.raises(InvitationRefused):
        invitations.use(city, checked[1], second)


def test_a_request_counts_only_with_the_signatures_of_its_keys(city: Office) -> None:
    good, other = request(city), request(city, OTHER)
    for forged in (
        replace(good, office_key=other.office_key),
        replace(good, csr=other.csr[:-1]),
        replace(good, csr=b""),
        replace(good, authority_csr=good.csr),
        replace(good, office_key=bytes(32)),
        replace(good, unit=good.unit + 1),
    ):
        with pytest.raises(RequestForged):
            forged.keys()


def test_a_request_counts_only_with_the_signature_of_its_key_of_tls(city: Office) -> None:
    good = request(city)
    forged = replace(good, csr=good.csr[:-1] + bytes([good.csr[-1] ^ 1]))
    forged = replace(forged, signature=KEY.sign(REQUEST, forged.digest()))
    with pytest.raises(RequestForged):
        forged.keys()


def test_a_known_unit_gets_another_key_only_if_the_invitation_replaces(city: Office) -> None:
    enrol(city, invited(city), request(city))
    with city.store.read() as tx:
        assert peers.load(tx, unit_of(city, DISTRICT)).key_pinned == KEY.public_key.hex()
    with pytest.raises(AlreadyEnrolled):
        enrol(city, invited(city), request(city, OTHER))
    enrol(city, invited(city, replaces=True), request(city, OTHER))


def test_an_enrolled_office_takes_a_key_only_with_its_certificate(city: Office) -> None:
    unit = unit_of(city, DISTRICT)
    chain = issued(city)
    assert city.certificates.check(unit, KEY.public_key, chain)
    with pytest.raises(CertificateKey):
        city.certificates.check(unit, OTHER.public_key, chain)
    with pytest.raises(CertificateMissing):
        city.certificates.check(unit, KEY.public_key, ())


def test_a_revoked_office_is_refused_at_once_and_after_a_restart(
    city: Office, clock: Clock
) -> None:
    unit, chain = unit_of(city, DISTRICT), issued(city)
    city.certificates.check(unit, KEY.public_key, chain)
    (revoked,) = authority.revoke(city, DISTRICT, "设备遗失")
    assert authority.revoke(city, revoked.serial, "再次") == []
    with pytest.raises(UnknownCertificate):
        authority.revoke(city, STREET, "没有证书")
    with pytest.raises(CertificateRevoked):
        city.certificates.check(unit, KEY.public_key, chain)
    city.certificates.reload()
    with pytest.raises(CertificateRevoked):
        city.certificates.check(unit, KEY.public_key, chain)
    assert city.certificates.check(unit, KEY.public_key, issued(city))


def test_a_replaced_key_revokes_what_the_unit_had_under_the_former(city: Office) -> None:
    unit, former = unit_of(city, DISTRICT), issued(city)
    newer = issued(city, OTHER)
    authority.supersede(city, unit, OTHER.public_key)
    with pytest.raises(CertificateRevoked):
        city.certificates.check(unit, KEY.public_key, former)
    assert city.certificates.check(unit, OTHER.public_key, newer)


def test_the_number_of_a_revocation_list_only_rises(city: Office) -> None:
    issued(city)
    authority.revoke(city, DISTRICT, "一")
    with city.store.read() as tx:
        (first,) = table.lists(tx)
    issued(city)
    authority.revoke(city, DISTRICT, "二")
    with city.store.read() as tx:
        (second,) = table.lists(tx)
    assert second.number == first.number + 1
    with pytest.raises(RevocationsOlder):
        city.certificates.take_lists([(first.der, first.authority)])
    assert not city.store.write(lambda tx: table.keep_list(tx, first))
    assert not city.certificates.take_lists([(second.der, second.authority)])
    assert city.certificates.lists_after({second.issuer: first.number}) == [second]
    assert city.certificates.lists_after({second.issuer: second.number}) == []


def test_a_restored_authority_revokes_under_a_higher_number_than_before(
    city: Office, clock: Clock
) -> None:
    for _ in range(3):
        issued(city)
        authority.revoke(city, DISTRICT, "备份之后")
    with city.store.read() as tx:
        (before,) = table.lists(tx)
    city.store.write(lambda tx: execute(tx, "DELETE FROM revocation_list"))
    clock.forward(DAY_MS)
    issued(city)
    authority.revoke(city, DISTRICT, "恢复之后")
    with city.store.read() as tx:
        (after,) = table.lists(tx)
    assert after.number > before.number
    assert city.certificates.lists_after({before.issuer: before.number}) == [after]


def test_a_list_of_another_citys_authority_is_refused(
    city: Office, tmp_path: Path, clock: Clock
) -> None:
    other = new_office(tmp_path / "other", CITY, clock, seed=2)
    authority.found_city(other)
    issued(other)
    authority.revoke(other, DISTRICT, "一")
    (foreign,) = other.certificates.lists_after({})
    with pytest.raises(CertificateForeign):
        city.certificates.take_lists([(foreign.der, foreign.authority)])
    other.close()


def test_a_certificate_ends_on_an_open_connection_too(city: Office, clock: Clock) -> None:
    unit, chain = unit_of(city, DISTRICT), issued(city)
    city.certificates.check(unit, KEY.public_key, chain)
    clock.forward(90 * DAY_MS)
    with pytest.raises(CertificateExpired):
        city.certificates.check(unit, KEY.public_key, chain)


def test_a_certificate_that_nobody_could_renew_is_shown_in_time(city: Office, clock: Clock) -> None:
    assert "certificate_ending" not in {each.code for each in status(city).problems}
    clock.forward(66 * DAY_MS)
    assert "certificate_ending" in {each.code for each in status(city).problems}


def test_an_issued_certificate_is_in_the_list_with_its_end(city: Office) -> None:
    issued(city)
    with city.store.read() as tx:
        ends = [
            datetime.fromtimestamp(each.not_after_ms / 1_000, UTC)
            for each in table.issued_by_end(tx, START_MS, START_MS + 90 * DAY_MS)
        ]
    assert len(ends) == 2  # the city's own and the district's


def test_a_second_recovery_of_a_key_is_for_the_parent_to_allow(city: Office) -> None:
    unit, third = unit_of(city, DISTRICT), Signer(bytes(range(2, 34)))
    enrol(city, invited(city), request(city))
    enrol(city, invited(city, replaces=True), request(city, OTHER))
    with pytest.raises(RecoveredBefore, match=r"\(1, last on 2026-"):
        invitations.invite(city, [unit], replaces=True)
    invitations.invite(city, [unit])  # an ordinary one replaces no key
    made = invitations.invite(city, [unit], replaces=True, again=True)
    for _ in range(2):  # an answer that was lost is asked for again
        enrol(city, made[0].secret, request(city, third))
    with city.store.read() as tx:
        assert len(table.recoveries(tx, unit)) == 2


def test_an_office_that_keeps_its_key_recovers_nothing_though_its_letter_would_allow_it(
    city: Office,
) -> None:
    enrol(city, invited(city), request(city))
    enrol(city, invited(city, replaces=True), request(city))
    with city.store.read() as tx:
        assert table.recoveries(tx, unit_of(city, DISTRICT)) == []
