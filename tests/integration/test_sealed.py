"""Sealed backups over real connections: whose they are, who gets them, what status says."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest

from hub.link import sealer
from hub.serve.maintenance import sealing_job
from hub.serve.process import Process
from node.china import DAY_MS, china_time
from node.host import LinkedOffice
from node.identity import files
from node.sealed import recovery_key
from node.sealed.sealed_file import read_header
from node.services.enrolment import authority
from node.services.enrolment.errors import NotEnrolled
from node.services.health.status import status
from node.services.records.edits import create
from node.services.upkeep import sealed
from node.store import meta
from sync.model.errors import Malformed, SilianError
from sync.rpc.channel import OPTIONS, Secure, open_channel
from sync.rpc.status import read_refusal
from sync.wire.link.v1 import sealed_pb2 as pb
from sync.wire.link.v1.sealed_pb2_grpc import SealedServiceStub
from tests.support.edits import premises
from tests.support.enrolled import Enrolled, enrolled, idle, served
from tests.support.tier import CITY, DISTRICT, GARDEN, ORCHID, STREET


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[Enrolled]:
    with enrolled(tmp_path) as made:
        for code, parent in ((CITY, ""), (DISTRICT, CITY), (STREET, DISTRICT), (GARDEN, STREET),
                             (ORCHID, STREET)):  # fmt: skip
            made.make(code, parent)
        yield made


def asked(offices: Enrolled, code: str, process: Process, method: str, request: Any) -> str:
    """Call the street with an office's certificate; return the code of the refusal, or ""."""
    own = files.load(offices.base / code)
    street = served(process, STREET).office
    assert own is not None
    request.parent = request.parent or street.identity.unit
    name = street.certificates.place(street.identity.unit).dns
    secure = Secure(own.roots_pem, name, own.key_pem, own.chain_pem)
    with open_channel(process.server.address, secure) as channel:
        try:
            getattr(SealedServiceStub(channel), method)(request, timeout=20)
        except grpc.RpcError as error:
            refusal = read_refusal(error)
            return refusal.code if refusal is not None else str(error)
    return ""


def with_key(office: LinkedOffice) -> LinkedOffice:
    recovery_key.make(office.folder, random.Random(5))
    return office


def kept_numbers(process: Process, office: LinkedOffice) -> list[int]:
    street = served(process, STREET).office
    return [each.number for each in sealed.kept(street).of(office.identity.unit)]


def test_a_sealed_backup_goes_to_its_office_and_to_nobody_else(offices: Enrolled) -> None:
    street = offices.serve(STREET)
    with closing(offices.opened(GARDEN)) as garden:
        unit = with_key(garden).identity.unit
        file = sealed.make(garden)
        content = file.read_bytes()
        assert sealer.send(garden) == len(content)
        assert sealer.send(garden) == 0  # nothing waits any more
        back = io.BytesIO()
        assert sealer.fetch(garden, back) == 1
        assert back.getvalue() == content
    requests: dict[str, Any] = {
        "ListSealed": pb.ListSealedRequest(unit=unit),
        "GetSealed": pb.GetSealedRequest(unit=unit, number=1),
        "PutSealed": pb.PutSealedRequest(unit=unit, number=2, size=len(content), digest=bytes(32)),
    }
    for method, request in requests.items():
        for thief in (ORCHID, STREET, DISTRICT, CITY):
            wrong = "certificate_branch" if thief == ORCHID else "certificate_level"
            assert asked(offices, thief, street, method, request) == wrong
        assert asked(offices, GARDEN, street, method, request) == ""
    # Its own certificate, for a unit that is not directly below the office called.
    above = served(street, STREET).office.tree.find(DISTRICT).unit_id
    for unit_ in (above, 1 << 60):
        request = pb.ListSealedRequest(unit=unit_)
        assert asked(offices, DISTRICT, street, "ListSealed", request) == "certificate_branch"


def test_a_revoked_office_gets_no_sealed_backup(offices: Enrolled) -> None:
    street = offices.serve(STREET)
    with closing(offices.opened(GARDEN)) as garden:
        request = pb.ListSealedRequest(unit=garden.identity.unit)
    assert asked(offices, GARDEN, street, "ListSealed", request) == ""
    with closing(offices.opened(DISTRICT)) as district:
        authority.revoke(district, GARDEN, "stolen")
        lists = district.certificates.lists()
    served(street, STREET).office.certificates.take_lists(lists)
    assert asked(offices, GARDEN, street, "ListSealed", request) == "certificate_revoked"


def test_sealed_backups_answer_at_the_port_of_the_link_only(offices: Enrolled) -> None:
    street = offices.serve(STREET)
    with grpc.insecure_channel(street.server.local, options=OPTIONS) as plain:
        with pytest.raises(grpc.RpcError) as refused:
            SealedServiceStub(plain).ListSealed(pb.ListSealedRequest(), timeout=10)
        refusal = read_refusal(refused.value)
    assert refusal is not None
    assert refusal.code == "wrong_port"


def test_a_restored_store_never_takes_the_place_of_a_newer_backup(offices: Enrolled) -> None:
    """Its numbers begin again where the backup had them; the parent's are higher."""
    street = offices.serve(STREET)
    with closing(offices.opened(GARDEN)) as garden:
        with_key(garden)
        for _ in range(3):
            sealed.make(garden)
            sealer.send(garden)
        assert kept_numbers(street, garden) == [3, 2]
        garden.store.write(lambda tx: meta.put(tx, meta.SEALED, 1))  # as an old backup has it
        sealed.make(garden)
        sealer.send(garden)
        assert kept_numbers(street, garden) == [4, 3]
        garden.store.write(lambda tx: meta.put(tx, meta.SEALED, 3))  # number 4 once more
        sealed.make(garden)
        sealer.send(garden)
        assert kept_numbers(street, garden) == [5, 4]
        with pytest.raises(Malformed):  # a parent that says so makes no number run out
            sealed.make(garden, after=sealed.AHEAD_MAX + 9)


def test_what_was_sealed_while_the_parent_was_away_is_sent_later(offices: Enrolled) -> None:
    with closing(offices.opened(GARDEN)) as garden:
        with_key(garden)
        sealed.make(garden)
        with pytest.raises(sealer.SealedUnreachable):
            sealer.send(garden)
        assert sealed.waiting(garden) is not None
        assert sealed.state(garden).sent_number == 0
        file = sealed.waiting(garden)
        assert file is not None
        unit, content = garden.identity.unit, file.read_bytes()
        street = offices.serve(STREET)
        half = pb.PutSealedRequest(unit=unit, number=1, size=len(content), offset=0, data=b"x")
        assert asked(offices, GARDEN, street, "PutSealed", half) == "malformed"
        sealer.send(garden)
        assert kept_numbers(street, garden) == [1]
        assert sealed.state(garden).sent_number == 1
        assert sealed.waiting(garden) is None


def test_a_parent_without_room_is_not_asked_again_at_once(offices: Enrolled) -> None:
    street = offices.serve(STREET)
    garden = offices.serve(GARDEN)
    idle(garden, GARDEN)
    below, above = served(garden, GARDEN), served(street, STREET).office
    with_key(below.office)
    sealed.make(below.office)
    config = above.config
    above.config = config.model_copy(update={"sealed_mib": 0})
    with pytest.raises(SilianError) as refused:
        below.send_sealed()
    assert refused.value.code == "sealed_too_large"
    above.config = config
    below.send_sealed()
    assert kept_numbers(street, below.office) == []
    sealer.send(below.office)  # a person does not wait
    assert kept_numbers(street, below.office) == [1]


def codes(office: LinkedOffice) -> set[str]:
    wanted = {"recovery_key_missing", "sealed_never", "sealed_late"}
    return {each.code for each in status(office).problems} & wanted


def test_an_office_says_when_its_residents_would_be_lost_with_its_disk(offices: Enrolled) -> None:
    offices.serve(STREET)
    with closing(offices.opened(GARDEN)) as garden:
        premises(garden, "文体中心")
        job = sealing_job(garden)
        assert (codes(garden), job.work(garden, "")) == (set(), "")  # all that it has goes up
        household(garden)
        assert (codes(garden), job.work(garden, "")) == ({"recovery_key_missing"}, "")
        with_key(garden)
        assert codes(garden) == {"sealed_never"}
        assert job.work(garden, "").endswith("1.sealed")
        assert codes(garden) == {"sealed_never"}  # it lies on the same disk
        sealer.send(garden)
        assert codes(garden) == set()
        with garden.store.read() as tx:
            number, made_ms = meta.get(tx, meta.SEALED_SENT)
        garden.store.write(
            lambda tx: meta.put(tx, meta.SEALED_SENT, (number, made_ms - sealed.LATE_MS - DAY_MS))
        )
        assert codes(garden) == {"sealed_late"}


def household(office: LinkedOffice) -> None:
    create(office, "household", {"hh_no": "3-101", "kind": "resident"})


def test_an_office_that_is_not_enrolled_sends_none(tmp_path: Path) -> None:
    made = Enrolled(tmp_path)
    made.make(CITY)
    with closing(made.opened(CITY)) as city:
        with_key(city)
        file = sealed.make(city)
        with file.open("rb") as opened:
            assert read_header(opened).unit == city.identity.unit
        with pytest.raises(NotEnrolled):  # the city has no parent
            sealer.send(city)


def test_the_sealing_job_begins_at_night_and_once_a_day(offices: Enrolled) -> None:
    with closing(offices.opened(GARDEN)) as garden:
        period = sealing_job(garden).period
    night = china_time(20_000 * DAY_MS).replace(hour=0, minute=30)
    days = {period(night.replace(hour=hour)) for hour in range(6, 24)}
    assert len(days) == 1
    assert period(night) not in days


def test_refusals_are_in_both_languages(offices: Enrolled) -> None:
    with closing(offices.opened(GARDEN)) as garden, pytest.raises(SilianError) as missing:
        sealed.make(garden)
    assert missing.value.code == "recovery_key_missing"
    assert missing.value.text("zh")
