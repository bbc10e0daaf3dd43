"""Certificates on live connections: real gRPC with mutual TLS, in processes of this one."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from sqlalchemy import Connection, text

from hub.client.client import wall_ms
from hub.link.servicer import TO_KEY
from hub.serve.process import Process
from node.china import DAY_MS
from node.host import LinkedOffice
from node.identity import files
from node.identity.refusals import CertificateRefused
from node.services.enrolment import authority
from sync.link.session import State
from sync.log import certified
from sync.rpc.channel import Secure, open_channel
from sync.rpc.status import read_refusal
from sync.wire.link.v1 import link_pb2 as pb
from sync.wire.link.v1.link_pb2_grpc import LinkServiceStub
from tests.support.edits import premises
from tests.support.enrolled import Enrolled, enrolled, idle, served, until
from tests.support.tier import CITY, DISTRICT, GARDEN, ORCHID, STREET


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[Enrolled]:
    with enrolled(tmp_path) as made:
        yield made


@dataclass
class Host:
    """Calls with the certificate of one office's host, whatever unit they name."""

    offices: Enrolled
    code: str

    def call(self, process: Process, called: str, method: str, request: Any) -> str:
        """Return the code with which a call is refused; "" if it is answered."""
        own = files.load(self.offices.base / self.code)
        assert own is not None
        office = served(process, called).office
        secure = Secure(
            own.roots_pem, office.certificates.place(office.identity.unit).dns, own.key_pem,
            own.chain_pem,
        )  # fmt: skip
        with open_channel(process.server.address, secure) as channel:
            to = ((TO_KEY, str(office.identity.unit)),)
            try:
                getattr(LinkServiceStub(channel), method)(request, timeout=20, metadata=to)
            except grpc.RpcError as error:
                refusal = read_refusal(error)
                return refusal.code if refusal is not None else str(error)
        return ""


def test_offices_of_one_process_have_one_connection_and_each_its_own_certificate(
    offices: Enrolled,
) -> None:
    offices.make(CITY)
    offices.make(DISTRICT, CITY)
    offices.make(STREET, DISTRICT, host=DISTRICT)
    offices.make(GARDEN, STREET, host=DISTRICT)
    city = offices.serve(CITY)
    below = offices.serve(DISTRICT, STREET, GARDEN)
    for code in (DISTRICT, STREET, GARDEN):
        idle(below, code)
    assert sorted(below.lines.counts().values()) == [1, 2]
    premises(served(below, GARDEN).office, "文体中心")
    until(lambda: "文体中心" in names(city))


def names(process: Process) -> list[str]:
    """Return the premises that the city has."""
    return names_at(process, CITY)


def names_at(process: Process, code: str) -> list[str]:
    with served(process, code).office.store.read() as tx:
        return [row[0] for row in tx.exec_driver_sql("SELECT f_name FROM r_premises")]


def test_a_host_acts_for_no_office_but_its_own(offices: Enrolled) -> None:
    offices.make(CITY)
    offices.make(DISTRICT, CITY)
    offices.make(STREET, DISTRICT)
    offices.make(GARDEN, STREET)
    offices.make(ORCHID, STREET)
    street = offices.serve(STREET)
    garden = offices.serve(GARDEN)
    idle(garden, GARDEN)
    unit = served(garden, GARDEN).office.identity.unit
    child = served(street, STREET).parent.sessions.session_of(unit)
    assert child is not None
    thief = Host(offices, ORCHID)
    chain = served(garden, GARDEN).office.certificates.own()
    key = served(garden, GARDEN).office.replica.signer.public_key
    own = files.load(offices.base / ORCHID)
    assert own is not None
    pull = pb.PullRequest(unit=unit, session=child.session)
    assert thief.call(street, STREET, "Pull", pull) == "session_unknown"
    for shown, code in (((), "certificate_missing"), (own.ders, "certificate_branch")):
        hello = pb.HelloRequest(unit=unit, level=3, public_key=key, certificates=shown)
        assert thief.call(street, STREET, "Hello", hello) == code
    # With the public chain of the other it gets no session: it cannot sign.
    hello = pb.HelloRequest(
        unit=unit, level=3, incarnation=child.incarnation, public_key=key, certificates=chain,
        protocol_min=1, protocol_max=9, process=5, challenge=bytes(16),
    )  # fmt: skip
    assert thief.call(street, STREET, "Hello", hello) == ""
    after = served(street, STREET).parent.sessions.session_of(unit)
    assert after is not None
    assert after.session == child.session
    assert thief.call(street, STREET, "Pull", pull) == "session_unknown"


def test_a_revocation_ends_open_calls_and_every_later_one(offices: Enrolled) -> None:
    offices.make(CITY)
    offices.make(DISTRICT, CITY)
    city, district = offices.serve(CITY), offices.serve(DISTRICT)
    idle(district, DISTRICT)
    unit = served(district, DISTRICT).office.identity.unit
    sessions = served(city, CITY).parent.sessions
    until(lambda: (child := sessions.session_of(unit)) is not None and bool(child.watch_reply))
    child = sessions.session_of(unit)
    assert child is not None
    authority.revoke(served(city, CITY).office, DISTRICT, "设备遗失")
    pull = pb.PullRequest(unit=unit, session=child.session)
    own = Host(offices, DISTRICT)
    assert own.call(city, CITY, "Pull", pull) in ("certificate_revoked", "session_unknown")
    served(city, CITY).see_to_certificates()  # the job runs it every 20 s
    assert child.watch_reply is None
    assert sessions.session_of(unit) is None
    dialer = served(district, DISTRICT).dialer
    assert dialer is not None
    until(lambda: "revoked" in dialer.reason)
    assert dialer.state is not State.IDLE


def test_a_list_goes_down_the_tree_and_the_revoked_parent_is_left(offices: Enrolled) -> None:
    offices.make(CITY)
    offices.make(DISTRICT, CITY)
    offices.make(STREET, DISTRICT)
    offices.make(GARDEN, STREET)
    street, garden = offices.serve(STREET), offices.serve(GARDEN)
    idle(garden, GARDEN)
    district = offices.serve(DISTRICT)
    idle(street, STREET)
    authority.revoke(served(district, DISTRICT).office, STREET, "程序被改动")
    (kept,) = served(district, DISTRICT).office.certificates.lists_after({})
    home = served(garden, GARDEN)
    home.office.certificates.take_lists([(kept.der, kept.authority)])  # as a bundle would bring it
    assert home.office.certificates.is_parent_refused()
    home.see_to_certificates()
    assert home.dialer is not None
    until(lambda: "revoked" in home.dialer.reason)  # type: ignore[union-attr]


def test_a_certificate_is_renewed_without_a_restart_and_the_line_goes_over_to_it(
    tmp_path: Path,
) -> None:
    """Issued 61 days ago: two thirds of its life are over."""
    with enrolled(tmp_path, lambda: wall_ms() - 61 * DAY_MS) as offices:
        for code, parent in ((CITY, ""), (DISTRICT, CITY), (STREET, DISTRICT), (GARDEN, STREET)):
            offices.make(code, parent)
        codes = (CITY, DISTRICT, STREET, GARDEN)
        processes = {code: offices.serve(code) for code in codes}
        for code in codes[1:]:
            idle(processes[code], code)
        former = {code: certificate(processes[code], code) for code in codes}
        for code in codes:  # a community's request goes up to its district
            served(processes[code], code).see_to_certificates()
            assert certificate(processes[code], code).serial_number != former[code].serial_number
            at = offices.ports[code] + 1
            shown = x509.load_pem_x509_certificate(
                ssl.get_server_certificate(("127.0.0.1", at)).encode()
            )
            assert shown == certificate(processes[code], code)
        # The line of the street goes over to the newest: the former no longer counts.
        office = served(processes[DISTRICT], DISTRICT).office
        authority.revoke(office, f"{former[STREET].serial_number:040x}", "已更新")
        for code in (DISTRICT, STREET):
            served(processes[code], code).see_to_certificates()
        idle(processes[STREET], STREET)
        premises(served(processes[GARDEN], GARDEN).office, "文体中心")
        until(lambda: "文体中心" in names(processes[CITY]))


def test_an_office_whose_certificate_has_ended_works_and_connects_again_when_it_is_renewed(
    tmp_path: Path,
) -> None:
    """Issued 100 days ago: it has ended, and may be renewed for some days more."""
    with enrolled(tmp_path, lambda: wall_ms() - 100 * DAY_MS) as offices:
        for code, parent in ((CITY, ""), (DISTRICT, CITY), (STREET, DISTRICT), (GARDEN, STREET)):
            offices.make(code, parent)
        codes = (CITY, DISTRICT, STREET, GARDEN)
        processes = {code: offices.serve(code) for code in codes}
        garden = served(processes[GARDEN], GARDEN)
        assert garden.dialer is not None
        until(lambda: bool(garden.dialer and garden.dialer.reason))
        premises(garden.office, "文体中心")  # its own clerks go on
        assert not names(processes[CITY])
        for code in codes:
            served(processes[code], code).see_to_certificates()
        until(lambda: "文体中心" in names(processes[CITY]))


def certificate(process: Process, code: str) -> x509.Certificate:
    credentials = served(process, code).office.certificates.credentials
    assert credentials is not None
    return credentials.office


def test_a_chain_says_whose_key_it_is_after_its_end_and_its_revocation(offices: Enrolled) -> None:
    line = ((CITY, ""), (DISTRICT, CITY), (STREET, DISTRICT), (GARDEN, STREET))
    for code, parent in line:
        offices.make(code, parent)
    with (
        closing(offices.opened(CITY)) as city, closing(offices.opened(DISTRICT)) as district,
        closing(offices.opened(GARDEN)) as garden, closing(offices.opened(STREET)) as street,
    ):  # fmt: skip
        unit, key, chain = (
            street.identity.unit,
            street.replica.signer.public_key,
            street.certificates.own(),
        )
        judge = garden.certificates
        judge.certify(unit, key, chain)
        for other in (
            (garden.identity.unit, key, chain), (unit, bytes(range(32)), chain), (unit, key, ()),
            (unit, key, chain[1:]), (unit, key, chain[:1]),
        ):  # fmt: skip
            with pytest.raises(CertificateRefused):
                judge.certify(*other)

        def learn(of: LinkedOffice) -> None:
            (kept,) = of.certificates.lists_after({})
            judge.take_lists([(kept.der, kept.authority)])

        authority.revoke(district, STREET, "设备遗失")
        learn(district)
        judge.certify(unit, key, chain)  # what its parent had accepted before goes on
        authority.revoke(city, DISTRICT, "密钥泄露")
        learn(city)
        with pytest.raises(CertificateRefused):
            judge.certify(unit, key, chain)


def test_every_office_above_knows_by_certificate_whose_entries_came_up(offices: Enrolled) -> None:
    line = ((CITY, ""), (DISTRICT, CITY), (STREET, DISTRICT), (GARDEN, STREET))
    for code, parent in line:
        offices.make(code, parent)
    processes = {code: offices.serve(code) for code, _ in line}
    garden = served(processes[GARDEN], GARDEN).office
    premises(garden, "文体中心")
    until(lambda: "文体中心" in names(processes[CITY]))
    unit, key = garden.identity.unit, garden.replica.signer.public_key
    for code in (STREET, DISTRICT, CITY):
        with served(processes[code], code).office.store.read() as tx:
            assert certified.chain_of(tx, unit, key) == tuple(garden.certificates.own())
    city = served(processes[CITY], CITY).office

    def known_below() -> bool:  # by the entries that come down, or by what the handshake asked for
        with garden.store.read() as tx:
            chain = certified.chain_of(tx, city.identity.unit, city.replica.signer.public_key)
        return chain == tuple(city.certificates.own())

    until(known_below)


def test_an_office_that_writes_before_it_is_enrolled_is_certified_at_all_offices_afterwards(
    offices: Enrolled,
) -> None:
    """The street has its entries when the district, which is away, has never met its key."""
    line = ((CITY, ""), (DISTRICT, CITY), (STREET, DISTRICT), (GARDEN, STREET))
    for code, parent in line:
        offices.make(code, parent)
    garden, street = offices.serve(GARDEN), offices.serve(STREET)
    premises(served(garden, GARDEN).office, "文体中心")
    idle(garden, GARDEN)
    office = served(garden, GARDEN).office
    unit, key = office.identity.unit, office.replica.signer.public_key

    def forget(tx: Connection) -> None:  # as if it had come before the street was enrolled
        tx.execute(text("DELETE FROM certified_key WHERE unit=:u"), {"u": unit})

    served(street, STREET).office.store.write(forget)
    district = offices.serve(DISTRICT)
    until(lambda: bool(served(street, STREET).dialer and served(street, STREET).dialer.reason))  # type: ignore[union-attr]
    assert "文体中心" not in names_at(district, DISTRICT)
    until(lambda: "文体中心" in names_at(district, DISTRICT))
    with served(district, DISTRICT).office.store.read() as tx:
        assert certified.chain_of(tx, unit, key) == tuple(office.certificates.own())
