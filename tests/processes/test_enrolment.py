"""Two hosts and more, set up by invitation and joined over TLS: real processes, real addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from hub.cli.letters import read_letter
from node.identity.files import ROOTS_FILE
from sync.rpc.channel import OPTIONS, Secure, open_channel
from sync.rpc.status import read_refusal
from sync.wire.link.v1.link_pb2 import HelloRequest
from sync.wire.link.v1.link_pb2_grpc import LinkServiceStub
from sync.wire.office.v1.office_pb2 import GetStatusRequest
from sync.wire.office.v1.office_pb2_grpc import OfficeServiceStub
from tests.integration.test_cli_chinese import english
from tests.support.silian import Ran, free_ports, serving, silian

CITY, DISTRICT, WEST, STREET = "杭州市", "上城区", "西湖区", "闸弄口街道"
HOME = "330102013009"  # 万家花园社区
HOSTS = {CITY: "127.0.0.2", DISTRICT: "127.0.0.3", STREET: "127.0.0.4", HOME: "127.0.0.5",
         WEST: "127.0.0.6"}  # fmt: skip


def done(ran: Ran) -> Ran:
    assert ran.exit == 0, ran.err
    return ran


class Hosts:
    """One folder a host; all that crosses between them are letters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.listen = {unit: f"{host}:{free_ports(host)}" for unit, host in HOSTS.items()}
        self._served: dict[str, ExitStack] = {}

    def at(self, unit: str) -> Path:
        return self.folder / unit

    def found_city(self) -> None:
        done(silian("init", "--dir", self.at(CITY), "--unit", CITY, "--listen", self.listen[CITY]))
        done(silian("cert", "init", "--dir", self.at(CITY)))

    def invite(self, parent: str, unit: str, *more: object) -> Path:
        letters = self.folder / "letters"
        letters.mkdir(exist_ok=True)
        made = done(
            silian("invite", "--dir", self.at(parent), "--unit", unit, "--out", letters,
                   "--json", *more)
        )  # fmt: skip
        return Path(made.json["letters"][0]["file"])

    def join(self, unit: str, letter: Path) -> Ran:
        return silian(
            "join", letter, "--dir", self.at(unit), "--listen", self.listen[unit], "--json"
        )

    def serve(self, unit: str) -> None:
        self._served[unit] = ExitStack()
        self._served[unit].enter_context(serving(self.at(unit)))

    def stop(self, unit: str) -> None:
        self._served.pop(unit).close()

    def stop_all(self) -> None:
        for unit in list(self._served):
            self.stop(unit)

    def set_up(self, *units: str) -> None:
        """Set up a city down to these units, each by its parent's letter, and serve them all."""
        self.found_city()
        self.serve(CITY)
        above = CITY
        for unit in units:
            done(self.join(unit, self.invite(above, unit)))
            self.serve(unit)
            above = unit

    def synced(self, unit: str) -> None:
        done(silian("sync", "now", "--dir", self.at(unit), "--wait", "30", "--json"))


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    made = Hosts(tmp_path)
    try:
        yield made
    finally:
        made.stop_all()


def test_hosts_joined_by_invitation_send_records_up_and_work_down(hosts: Hosts) -> None:
    hosts.set_up(DISTRICT, STREET, HOME)
    record(hosts, HOME, "文体中心")
    for unit in (HOME, STREET, DISTRICT):
        hosts.synced(unit)
    listed = done(silian("record", "ls", "premises", "--unit", HOME, "--dir", hosts.at(CITY),
                         "--json"))  # fmt: skip
    assert "文体中心" in listed.out
    done(silian("work", "issue", "核对用房", "--to", HOME, "--duty", "undertakes",
                "--dir", hosts.at(STREET)))  # fmt: skip
    hosts.synced(HOME)
    assert "核对用房" in done(silian("work", "ls", "--dir", hosts.at(HOME), "--json")).out
    asked = json.loads(silian("doctor", "--dir", hosts.at(HOME), "--json").out)["items"]
    assert next(each["good"] for each in asked if each["check"] == "parent")
    for verb in (("cert", "show"), ("cert", "ls"), ("cert", "ls", "--within", "30d")):
        assert not english(done(silian(*verb, "--dir", hosts.at(STREET), lang="zh")).out)
    shown = done(silian("cert", "show", "--dir", hosts.at(HOME), "--json")).json
    assert shown["uri"].endswith("?level=3")


def test_an_invitation_is_good_for_one_office_and_one_time(hosts: Hosts) -> None:
    hosts.set_up(DISTRICT)
    letter = hosts.invite(CITY, WEST)
    hosts.stop(DISTRICT)
    another = hosts.join(DISTRICT, letter)
    assert (another.exit, another.error["code"]) == (2, "usage")
    done(hosts.join(WEST, letter))
    for folder in ("thief", WEST):
        again = silian("join", letter, "--dir", hosts.at(folder), "--json")
        assert (again.exit, again.error["code"]) == (4, "invitation_refused")
    newer = hosts.invite(CITY, WEST)
    assert newer == letter  # a letter that is void makes room for the next
    done(hosts.join(WEST, newer))


def test_nothing_is_answered_to_another_machine_without_a_certificate(hosts: Hosts) -> None:
    hosts.set_up(DISTRICT)
    address = hosts.listen[CITY]
    with grpc.insecure_channel(address, options=OPTIONS) as plain, pytest.raises(grpc.RpcError):
        LinkServiceStub(plain).Hello(HelloRequest(), timeout=10)
    roots = (hosts.at(DISTRICT) / ROOTS_FILE).read_bytes()
    letter = read_letter(hosts.invite(CITY, WEST))
    with (
        open_channel(address, Secure(roots, letter.tls_name)) as nameless,
        pytest.raises(grpc.RpcError) as refused,
    ):
        LinkServiceStub(nameless).Hello(HelloRequest(), timeout=10)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE  # TLS ends it
    with open_channel(letter.enrolment, Secure(roots, letter.tls_name)) as channel:
        for stub, call in (
            (LinkServiceStub, lambda stub: stub.Hello(HelloRequest(), timeout=10)),
            (OfficeServiceStub, lambda stub: stub.GetStatus(GetStatusRequest(), timeout=10)),
        ):
            with pytest.raises(grpc.RpcError) as elsewhere:
                call(stub(channel))
            refusal = read_refusal(elsewhere.value)
            assert refusal is not None
            assert refusal.code == "wrong_port"


def test_an_office_that_was_there_before_keeps_what_it_has_when_it_is_enrolled(
    hosts: Hosts,
) -> None:
    """Two offices as they were before there were certificates, then enrolled from above."""
    for unit in (CITY, DISTRICT):
        parent = ("--parent", hosts.listen[CITY]) if unit == DISTRICT else ()
        done(silian("init", "--dir", hosts.at(unit), "--unit", unit, "--listen",
                    hosts.listen[unit], *parent))  # fmt: skip
    hosts.serve(CITY)
    hosts.serve(DISTRICT)
    done(silian("work", "issue", "核对用房", "--to", DISTRICT, "--duty", "undertakes",
                "--dir", hosts.at(CITY)))  # fmt: skip
    hosts.synced(DISTRICT)
    hosts.stop_all()
    key = shown_key(hosts.at(DISTRICT))
    done(silian("work", "accept", "核对用房", "--dir", hosts.at(DISTRICT)))  # not sent yet
    done(silian("cert", "init", "--dir", hosts.at(CITY)))
    hosts.serve(CITY)
    done(hosts.join(DISTRICT, hosts.invite(CITY, DISTRICT)))
    assert shown_key(hosts.at(DISTRICT)) == key
    hosts.serve(DISTRICT)
    hosts.synced(DISTRICT)
    for unit in (CITY, DISTRICT):
        (work,) = done(silian("work", "ls", "--dir", hosts.at(unit), "--json")).json["items"]
        assert (work["title"], work["state"]) == ("核对用房", "accepted")


def test_a_lost_key_is_replaced_only_by_an_invitation_that_says_so(hosts: Hosts) -> None:
    hosts.set_up(DISTRICT)
    hosts.synced(DISTRICT)
    hosts.stop(DISTRICT)
    hosts.at(DISTRICT).rename(hosts.at("lost"))
    refused = hosts.join(DISTRICT, hosts.invite(CITY, DISTRICT))
    assert (refused.exit, refused.error["code"]) == (7, "already_enrolled")
    done(hosts.join(DISTRICT, hosts.invite(CITY, DISTRICT, "--replace")))
    hosts.serve(DISTRICT)
    hosts.synced(DISTRICT)
    hosts.stop(DISTRICT)
    hosts.serve("lost")  # the former store, with the former certificate
    former = silian("sync", "now", "--dir", hosts.at("lost"), "--wait", "5", "--json")
    assert former.exit == 5
    assert "revoked" in former.out


def record(hosts: Hosts, unit: str, name: str) -> None:
    done(silian("record", "create", "premises", f"用房名称={name}", "用途=活动", "建筑面积=320.5",
                "--dir", hosts.at(unit)))  # fmt: skip


def shown_key(folder: Path) -> str:
    found = json.loads(silian("doctor", "--dir", folder, "--json").out)["items"]
    return str(next(each["en"] for each in found if each["check"] == "key"))
