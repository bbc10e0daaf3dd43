"""The certificate matrix over real TLS: a served district, each certificate that is not in order.

Each is tried twice: as the certificate of the host, in the TLS handshake and all calls after it,
and as that of the office, in its handshake from a host whose certificate is in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.client.client import wall_ms
from hub.link.servicer import TO_KEY
from hub.serve.process import Process
from node.identity import files
from node.identity.authority import Authority, found_authority, moment, new_key
from node.identity.place import Place
from node.services.enrolment import authority
from node.store.certificates import KeptList
from sync.rpc.channel import Secure, open_channel
from sync.rpc.status import read_refusal
from sync.wire.link.v1 import link_pb2 as pb
from sync.wire.link.v1.link_pb2_grpc import LinkServiceStub
from tests.support.certificates import names_of, wrong
from tests.support.enrolled import Enrolled, enrolled, idle, served, until
from tests.support.tier import CITY, DISTRICT, STREET

TLS_ENDS = "unavailable"  # the TLS handshake fails: no call reaches the office
Chain = list[x509.Certificate]


@dataclass
class Served:
    """A served district, what its street may show, and who could make something else."""

    process: Process
    offices: Enrolled
    place: Place
    root: Authority
    district: Authority
    key: bytes  # with which the street signs
    own: files.Credentials  # in order
    now: datetime

    def office(self, place: Place, now: datetime | None = None) -> tuple[Chain, bytes]:
        """Return a chain of the district's authority, and its key."""
        key = new_key()
        made = self.district.issue_office(
            place, key.public_key(), self.key, "单位", now or self.now
        )
        return [made, self.district.certificate], files.key_pem(key)

    def odd(self, names: list[x509.GeneralName], common_name: str = "单位") -> tuple[Chain, bytes]:
        """Return a chain with names that no authority of the city puts together."""
        key = new_key()
        made = wrong(
            self.district, names, key=self.key, subject_key=key, common_name=common_name,
            now=self.now,
        )  # fmt: skip
        return [made, self.district.certificate], files.key_pem(key)

    def foreign(self) -> tuple[Chain, bytes]:
        """Return the chain of a district's authority that another city has issued."""
        city, own, key = new_key(), new_key(), new_key()
        root = found_authority(city, Place(self.place.path[:1]), "他市", self.now)
        place = Place(self.place.path[:2])
        between = root.issue_authority(place, own.public_key(), "他区", self.now)
        issuer = Authority(own, between, place)
        made = issuer.issue_office(self.place, key.public_key(), self.key, "单位", self.now)
        return [made, between], files.key_pem(key)

    def revoked(self) -> tuple[Chain, bytes]:
        """Return a chain that the district has issued to its street and then revoked."""
        key, office = new_key(), served(self.process, DISTRICT).office
        grant = authority.issue(office, self.place.unit, key.public_key(), self.key)
        authority.revoke(office, authority.serial_text(grant.chain[0]), "设备遗失")
        return list(grant.chain), files.key_pem(key)

    def call(self, host: Chain, host_key: bytes, shown: Chain) -> str:
        """Return how a handshake of the street is answered, from a host with this certificate."""
        office = served(self.process, DISTRICT).office
        secure = Secure(
            self.own.roots_pem, office.certificates.place(office.identity.unit).dns, host_key,
            files.pem_of(host),
        )  # fmt: skip
        hello = pb.HelloRequest(
            unit=self.place.unit, level=int(self.place.level), incarnation=77, process=5,
            public_key=self.key, protocol_min=1, protocol_max=9, challenge=bytes(16),
            certificates=[each.public_bytes(Encoding.DER) for each in shown],
        )  # fmt: skip
        with open_channel(self.process.server.address, secure) as channel:
            to = ((TO_KEY, str(office.identity.unit)),)
            try:
                reply = LinkServiceStub(channel).Hello(hello, timeout=20, metadata=to)
            except grpc.RpcError as error:
                refusal = read_refusal(error)
                if refusal is None and error.code() is grpc.StatusCode.UNAVAILABLE:
                    return TLS_ENDS
                return refusal.code if refusal is not None else str(error)
        return pb.Verdict.Name(reply.verdict)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with enrolled(tmp_path_factory.mktemp("matrix")) as offices:
        offices.make(CITY)
        offices.make(DISTRICT, CITY)
        offices.make(STREET, DISTRICT)
        process = offices.serve(DISTRICT)
        with closing(offices.opened(STREET)) as street:
            place = street.certificates.place(street.identity.unit)
            key, own = street.replica.signer.public_key, street.certificates.credentials
        root = files.load_authority(offices.base / CITY)
        district = files.load_authority(offices.base / DISTRICT)
        assert own is not None
        assert root is not None
        assert district is not None
        yield Served(process, offices, place, root, district, key, own, moment(wall_ms()))


def below(place: Place) -> Place:
    return Place((*place.path, 4_711))


def another(place: Place) -> Place:
    """Return a sibling of the same level in the same district."""
    return Place((*place.path[:-1], 4_712))


def far(place: Place) -> Place:
    """Return an office of the same level in another district."""
    return Place((place.path[0], 4_713, place.unit))


Made = Callable[[Served], tuple[Chain, bytes]]
LET_IN = "VERDICT_CHALLENGE"  # the office shows next that it has its key
# How calls from a host with such a certificate are answered; how a handshake of the office that
# shows it is; what it is. A sibling may be the host: a process may serve several offices.
MATRIX: dict[str, tuple[str, str, Made]] = {
    "expired": (
        TLS_ENDS, "certificate_expired", lambda hub: hub.office(hub.place, hub.now - timedelta(95))
    ),
    "not yet valid": (
        TLS_ENDS, "certificate_early", lambda hub: hub.office(hub.place, hub.now + timedelta(3))
    ),
    "wrong level": (LET_IN, "certificate_level", lambda hub: hub.office(below(hub.place))),
    "wrong branch": (LET_IN, "certificate_branch", lambda hub: hub.office(another(hub.place))),
    "another district": (TLS_ENDS, "certificate_outside", lambda hub: hub.office(far(hub.place))),
    "two names": (
        "certificate_names", "certificate_names",
        lambda hub: hub.odd(names_of(hub.place, another(hub.place))),
    ),
    "no name": ("certificate_names", "certificate_names", lambda hub: hub.odd([])),
    "a common name only": (
        TLS_ENDS, "certificate_names", lambda hub: hub.odd([], common_name=hub.place.dns)
    ),
    "revoked": ("certificate_revoked", "certificate_revoked", Served.revoked),
    "a foreign authority between": (TLS_ENDS, "certificate_foreign", Served.foreign),
}  # fmt: skip


def test_a_certificate_in_order_is_let_in(hub: Served) -> None:
    own = list(hub.own.chain)
    assert hub.call(own, hub.own.key_pem, own) == LET_IN


@pytest.mark.parametrize("case", MATRIX)
def test_a_wrong_certificate_opens_no_session_over_tls(hub: Served, case: str) -> None:
    as_host, as_office, made = MATRIX[case]
    (chain, key), own = made(hub), list(hub.own.chain)
    assert hub.call(chain, key, own) == as_host
    assert hub.call(own, hub.own.key_pem, chain) == as_office
    assert hub.call(chain, key, chain) in (TLS_ENDS, as_office)
    assert served(hub.process, DISTRICT).parent.sessions.session_of(hub.place.unit) is None


def test_a_host_or_an_office_without_a_certificate_opens_no_session(hub: Served) -> None:
    assert hub.call(list(hub.own.chain), hub.own.key_pem, []) == "certificate_missing"
    assert hub.call([], b"", list(hub.own.chain)) == TLS_ENDS


def test_an_older_revocation_list_of_the_parent_takes_nothing_back(tmp_path: Path) -> None:
    """A restored parent, or a lying one, hands its child a list from before the revocation."""
    with enrolled(tmp_path) as offices:
        offices.make(CITY)
        offices.make(DISTRICT, CITY)
        city, district = offices.serve(CITY), offices.serve(DISTRICT)
        idle(district, DISTRICT)
        office, below = served(city, CITY).office, served(district, DISTRICT)
        revocations: list[KeptList] = []
        for _ in range(2):
            other = authority.issue(
                office, below.office.identity.unit, new_key().public_key(), bytes(range(7, 39))
            )
            authority.revoke(office, authority.serial_text(other.chain[0]), "误发")
            revocations += office.certificates.lists_after({})
        dialer = below.dialer
        assert dialer is not None
        dialer.redial()
        early, late = (each.number for each in revocations)
        until(lambda: list(below.office.certificates.numbers().values()) == [late])
        office.certificates.lists_after = lambda _: revocations[:1]  # type: ignore[method-assign]
        dialer.redial()
        until(lambda: f"revocation list {early} is older" in dialer.reason)
        assert list(below.office.certificates.numbers().values()) == [late]
