"""The certificate matrix: what is accepted, and the code of each refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from node.identity import authority, refusals
from node.identity.authority import Authority
from node.identity.chain import Trust, read_chain, verify, verify_authority
from node.identity.place import Place, read_place
from node.identity.refusals import CertificateRefused, RevocationsForged, RevocationsOlder
from node.identity.revocations import newer, read_list
from tests.support.certificates import (
    CITY,
    CITY_PLACE,
    EAST,
    EAST_PLACE,
    FAR_PLACE,
    HOME_PLACE,
    NOW,
    OFFICE_KEY,
    STREET,
    STREET_PLACE,
    WEST,
    City,
    names_of,
    wrong,
)

CITY_CA = City()
OTHER_CITY = City()
TRUST = Trust((CITY_CA.root.certificate,))
Chain = Sequence[x509.Certificate]


def test_an_office_of_each_level_is_accepted_under_its_name() -> None:
    for place, by in (
        (CITY_PLACE, CITY_CA.root), (EAST_PLACE, CITY_CA.root),
        (STREET_PLACE, CITY_CA.district()), (HOME_PLACE, CITY_CA.district()),
    ):  # fmt: skip
        found = verify(CITY_CA.office(place, by=by), TRUST, NOW, place)
        assert (found.place, found.office_key) == (place, OFFICE_KEY)
        assert found.until <= NOW + timedelta(days=90)


def revoked() -> tuple[Chain, Trust]:
    chain, district = CITY_CA.office(), CITY_CA.district()
    made = district.revocation_list(4, [chain[0].serial_number], NOW)
    known = read_list(made.public_bytes(authority.DER), district.certificate)
    return chain, replace(TRUST, lists={known.issuer: known})


def revoked_district() -> tuple[Chain, Trust]:
    root, district = CITY_CA.root, CITY_CA.district()
    made = root.revocation_list(1, [district.certificate.serial_number], NOW)
    known = read_list(made.public_bytes(authority.DER), root.certificate)
    return CITY_CA.office(), replace(TRUST, lists={known.issuer: known})


def unlimited_district() -> Chain:
    """A district's authority without a limit, as only a tampered city could make it."""
    key = authority.new_key()
    usage = authority.key_usage(signs_certificates=True)
    made = wrong(
        CITY_CA.root, names_of(EAST_PLACE), days=700, ca=True, path_length=0, subject_key=key,
        common_name="区", extra=[(usage, True)],
    )  # fmt: skip
    return CITY_CA.office(by=Authority(key, made, EAST_PLACE))


def authority_below_a_district() -> Chain:
    """A street that issues, under its district's authority."""
    key, district = authority.new_key(), CITY_CA.district()
    made = wrong(
        district, names_of(STREET_PLACE), ca=True, path_length=0, subject_key=key,
        common_name="街道",
    )  # fmt: skip
    office = CITY_CA.office(by=Authority(key, made, STREET_PLACE))
    return [*office, district.certificate]


def office_as_authority() -> Chain:
    """A district that issues with its office's certificate in place of its authority's."""
    key = authority.new_key()
    made = CITY_CA.root.issue_office(EAST_PLACE, key.public_key(), OFFICE_KEY, "区", NOW)
    return CITY_CA.office(by=Authority(key, made, EAST_PLACE))


def signed_by_another() -> Chain:
    """Names its district's authority as issuer, and is signed with another key."""
    district = CITY_CA.district()
    forged = Authority(authority.new_key(), district.certificate, EAST_PLACE)
    return CITY_CA.office(by=forged)


def only(*names: x509.GeneralName, key: bytes = OFFICE_KEY, days: int = 90) -> Chain:
    district = CITY_CA.district()
    return [wrong(district, list(names), key=key, days=days), district.certificate]


URI, DNS = names_of(HOME_PLACE)
MATRIX: dict[str, tuple[str, Callable[[], Chain]]] = {
    "nothing": ("certificate_missing", list),
    "expired": ("certificate_expired", lambda: CITY_CA.office(now=NOW - timedelta(days=91))),
    "not yet valid": ("certificate_early", lambda: CITY_CA.office(now=NOW + timedelta(days=2))),
    "wrong level": ("certificate_level", lambda: CITY_CA.office(STREET_PLACE)),
    "wrong branch": (
        "certificate_branch", lambda: CITY_CA.office(Place((CITY, EAST, STREET, 42)))
    ),
    "another parent": (
        "certificate_branch", lambda: CITY_CA.office(Place((CITY, EAST, 33, HOME_PLACE.unit)))
    ),
    "two offices": ("certificate_names", lambda: only(*names_of(HOME_PLACE, STREET_PLACE))),
    "the same office twice": ("certificate_names", lambda: only(URI, URI, DNS)),
    "no name": ("certificate_names", only),
    "a common name only": (
        "certificate_names",
        lambda: [
            wrong(CITY_CA.district(), [], common_name=EAST_PLACE.dns),
            CITY_CA.district().certificate,
        ],
    ),
    "a host only": ("certificate_names", lambda: only(DNS)),
    "no host": ("certificate_names", lambda: only(URI)),
    "another office's host": (
        "certificate_names", lambda: only(URI, x509.DNSName(STREET_PLACE.dns))
    ),
    "a name of another kind": (
        "certificate_names", lambda: only(URI, DNS, x509.RFC822Name("a@b.cn"))
    ),
    "an URI of another form": (
        "certificate_names",
        lambda: only(x509.UniformResourceIdentifier(HOME_PLACE.uri + "0"), DNS),
    ),
    "another city": ("certificate_foreign", OTHER_CITY.office),
    "a foreign authority of this district": (
        "certificate_foreign",
        lambda: [CITY_CA.office()[0], OTHER_CITY.district().certificate],
    ),
    "signed by another key": ("certificate_foreign", signed_by_another),
    "no authority with it": ("certificate_foreign", lambda: CITY_CA.office()[:1]),
    "a district's authority for another district": (
        "certificate_outside", lambda: CITY_CA.office(FAR_PLACE)
    ),
    "a district's authority for the city": (
        "certificate_outside", lambda: CITY_CA.office(CITY_PLACE)
    ),
    "a district's authority without a limit": ("certificate_outside", unlimited_district),
    "an authority below a district's": ("certificate_depth", authority_below_a_district),
    "an office that issues": ("certificate_depth", office_as_authority),
    "its authority again and again": (
        "certificate_depth",
        lambda: [*CITY_CA.office(), *[CITY_CA.district().certificate] * 9],
    ),
    "an authority as an office": ("certificate_depth", lambda: [CITY_CA.district().certificate]),
    "valid for a year": ("certificate_too_long", lambda: only(URI, DNS, days=365)),
    "no signing key": ("certificate_key", lambda: only(URI, DNS, key=b"")),
    "a signing key of small order": ("certificate_key", lambda: only(URI, DNS, key=bytes(32))),
}  # fmt: skip


@pytest.mark.parametrize("case", MATRIX)
def test_a_certificate_that_is_not_in_order_is_refused_with_its_code(case: str) -> None:
    code, chain = MATRIX[case]
    with pytest.raises(CertificateRefused) as refused:
        verify(chain(), TRUST, NOW, HOME_PLACE)
    assert refused.value.code == code
    assert refused.value.remedy_en
    assert refused.value.remedy_zh


@pytest.mark.parametrize("made", [revoked, revoked_district])
def test_a_revoked_certificate_is_refused(made: Callable[[], tuple[Chain, Trust]]) -> None:
    chain, trust = made()
    verify(chain, TRUST, NOW, HOME_PLACE)
    with pytest.raises(refusals.CertificateRevoked):
        verify(chain, trust, NOW, HOME_PLACE)


def test_what_is_no_certificate_is_refused() -> None:
    for shown in (b"", b"\x30\x00", b"x" * 400):
        with pytest.raises(refusals.CertificateUnreadable):
            read_chain([shown])


def test_an_older_revocation_list_never_takes_the_place_of_a_newer_one() -> None:
    district = CITY_CA.district()
    lists = [
        read_list(
            district.revocation_list(number, [9], NOW).public_bytes(authority.DER),
            district.certificate,
        )
        for number in (5, 6)
    ]
    assert newer(None, lists[0])
    assert newer(lists[0], lists[1])
    assert not newer(lists[1], lists[1])
    with pytest.raises(RevocationsOlder):
        newer(lists[1], lists[0])


def test_a_revocation_list_counts_only_under_its_authoritys_key() -> None:
    east, west = CITY_CA.district(), CITY_CA.district(WEST)
    made = east.revocation_list(1, [9], NOW).public_bytes(authority.DER)
    forged = Authority(authority.new_key(), east.certificate, EAST_PLACE)
    misnamed = Authority(east.key, CITY_CA.root.certificate, EAST_PLACE)
    for der, issuer in (
        (made, west.certificate),
        (made[:-1], east.certificate),
        (b"", east.certificate),
        (misnamed.revocation_list(2, [9], NOW).public_bytes(authority.DER), east.certificate),
        (forged.revocation_list(2, [9], NOW).public_bytes(authority.DER), east.certificate),
    ):
        with pytest.raises(RevocationsForged):
            read_list(der, issuer)


def test_the_authority_of_a_list_must_be_this_citys() -> None:
    verify_authority([CITY_CA.root.certificate], TRUST, NOW)
    verify_authority([CITY_CA.district().certificate], TRUST, NOW)
    for chain, code in (
        ([], "certificate_missing"),
        ([OTHER_CITY.root.certificate], "certificate_foreign"),
        ([OTHER_CITY.district().certificate], "certificate_foreign"),
        ([CITY_CA.office(EAST_PLACE, by=CITY_CA.root)[0]], "certificate_depth"),
    ):
        with pytest.raises(CertificateRefused) as refused:
            verify_authority(chain, TRUST, NOW)
        assert refused.value.code == code


UNITS = st.integers(1, (1 << 63) - 1)
PATHS = st.lists(UNITS, min_size=1, max_size=4, unique=True).map(tuple)


@given(PATHS)
def test_a_place_is_read_back_from_its_uri(path: tuple[int, ...]) -> None:
    place = Place(path)
    assert read_place(place.uri) == place
    assert read_place(place.uri.replace("level=", "level=0")) is None
    assert read_place(place.uri.upper()) is None


KEY = authority.new_key().public_key()
UNITS_AROUND = st.tuples(
    st.sampled_from([CITY, 5]), st.sampled_from([EAST, WEST, 31, 41]),
    st.sampled_from([EAST, 31, 32]), st.sampled_from([41, 42]),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(UNITS_AROUND, st.integers(1, 4))
def test_no_authority_issues_outside_its_subtree(units: tuple[int, ...], length: int) -> None:
    """Whatever a district's authority signs: it is accepted if and only if it is of its subtree."""
    place = Place(units[:length])
    made = CITY_CA.district().issue_office(place, KEY, OFFICE_KEY, "单位", NOW)
    chain = [made, CITY_CA.district().certificate]
    if place.path[:2] == (CITY, EAST):
        assert verify(chain, TRUST, NOW, place).place == place
    else:
        with pytest.raises(refusals.CertificateOutside):
            verify(chain, TRUST, NOW, place)


WHOLE = CITY_CA.office()
DERS = [each.public_bytes(authority.DER) for each in WHOLE]
LIST = CITY_CA.district().revocation_list(3, [7], NOW).public_bytes(authority.DER)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 1), st.integers(0, 2_000), st.integers(1, 255))
def test_one_changed_byte_anywhere_in_a_chain_is_refused(which: int, at: int, flip: int) -> None:
    changed = [bytearray(der) for der in DERS]
    changed[which][at % len(changed[which])] ^= flip
    with pytest.raises(CertificateRefused):
        verify(read_chain(map(bytes, changed)), TRUST, NOW, HOME_PLACE)


def test_a_signature_written_in_another_way_is_refused() -> None:
    """The last bits of one signature in eight are zero: a bit string may leave them out."""
    district = CITY_CA.district()
    made = (district.issue_office(HOME_PLACE, KEY, OFFICE_KEY, "单位", NOW) for _ in range(1_000))
    found = next(each for each in made if each.signature[-1] % 8 == 0)
    der = bytearray(found.public_bytes(authority.DER))
    verify(read_chain([bytes(der), DERS[1]]), TRUST, NOW, HOME_PLACE)
    der[-len(found.signature) - 1] = 3  # unused bits
    with pytest.raises(CertificateRefused):
        verify(read_chain([bytes(der), DERS[1]]), TRUST, NOW, HOME_PLACE)
    lists = (district.revocation_list(3, [7], NOW) for _ in range(1_000))
    chosen = next(each for each in lists if each.signature[-1] % 8 == 0)
    der = bytearray(chosen.public_bytes(authority.DER))
    der[-len(chosen.signature) - 1] = 3
    with pytest.raises(RevocationsForged):
        read_list(bytes(der), district.certificate)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2_000), st.integers(1, 255))
def test_one_changed_byte_anywhere_in_a_revocation_list_is_refused(at: int, flip: int) -> None:
    changed = bytearray(LIST)
    changed[at % len(changed)] ^= flip
    with pytest.raises(RevocationsForged):
        read_list(bytes(changed), CITY_CA.district().certificate)
