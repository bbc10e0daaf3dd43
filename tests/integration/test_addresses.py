"""An office with several addresses: its children take the next one that answers."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.cli.letters import read_letter
from hub.client.client import wall_ms
from hub.serve.process import Process
from hub.serve.server import Exposed
from node.bad_config import BadConfig
from node.config import OfficeConfig, load_config
from node.domain.catalogue import load_catalogue
from node.setup import init_office
from tests.support.edits import premises
from tests.support.enrolled import idle, served
from tests.support.silian import free_ports, silian
from tests.support.tier import CITY, DISTRICT, GARDEN, STREET, eventually

CATALOGUE = load_catalogue()


def needs_ipv6() -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return
    except OSError:
        pytest.skip("platform: no IPv6 here")


@contextmanager
def process_of(folder: Path, listen: str | None = None) -> Iterator[Process]:
    process = Process([folder], wall_ms=wall_ms, rng=random.Random(folder.name), listen=listen)
    try:
        process.start()
        yield process
    finally:
        process.stop()


def made(folder: Path, code: str, **settings: str) -> Path:
    config = OfficeConfig(unit=code, sync_interval_s=1, **settings)
    init_office(folder, config, CATALOGUE, rng=random.Random(code))
    return folder


def has(process: Process, name: str) -> bool:
    with served(process, STREET).office.store.read() as tx:
        return name in [row[0] for row in tx.exec_driver_sql("SELECT f_name FROM r_premises")]


def test_a_child_takes_the_next_address_that_answers_and_stays_with_it(tmp_path: Path) -> None:
    needs_ipv6()
    dead = f"127.0.0.1:{free_ports('127.0.0.1')}"
    street = made(tmp_path / "street", STREET)
    with process_of(street, "127.0.0.1:0, [::1]:0") as above:
        _, second = above.server.addresses
        assert second.startswith("[::1]:")
        garden = made(tmp_path / "garden", GARDEN, parent=f"{dead}, {second}")
        with process_of(garden) as below:
            premises(served(below, GARDEN).office, "one")
            eventually(lambda: has(above, "one"))
            assert list(below.lines.counts()) == [second]
            served(below, GARDEN).dialer.redial()  # type: ignore[union-attr]
            idle(below, GARDEN)
            assert list(below.lines.counts()) == [second]


def test_a_parent_that_comes_back_at_another_of_its_addresses_is_found(tmp_path: Path) -> None:
    street = made(tmp_path / "street", STREET)
    one, other = (f"127.0.0.{n}:{free_ports(f'127.0.0.{n}')}" for n in (2, 3))
    garden = made(tmp_path / "garden", GARDEN, parent=f"{one}, {other}")
    with process_of(garden) as below:
        office = served(below, GARDEN).office
        for listen, name in ((one, "first"), (other, "second"), (one, "third")):
            with process_of(street, listen) as above:
                premises(office, name)
                eventually(lambda a=above, n=name: has(a, n))
                assert list(below.lines.counts()) == [listen]


def test_a_letter_names_every_address_and_an_invited_office_enrols_where_it_is_answered(
    tmp_path: Path,
) -> None:
    needs_ipv6()
    dead, name, v6 = (free_ports("127.0.0.1") for _ in range(3))
    places = (f"127.0.0.1:{dead}", f"[::1]:{v6}", f"localhost:{name}")
    city = made(tmp_path / "city", CITY, listen=", ".join(places))
    assert silian("cert", "init", "--dir", city).exit == 0
    with process_of(city, ", ".join(places[1:])) as above:
        assert above.server.addresses == places[1:]
        invited = silian("invite", "--dir", city, "--unit", DISTRICT, "--out", tmp_path, "--json")
        assert invited.exit == 0, invited.err
        letter = read_letter(Path(invited.json["letters"][0]["file"]))
        assert letter.parent == ", ".join(places)
        assert letter.enrolment == f"127.0.0.1:{dead + 1}, [::1]:{v6 + 1}, localhost:{name + 1}"
        district = tmp_path / "district"
        joined = silian("join", invited.json["letters"][0]["file"], "--dir", district, "--json")
        assert joined.exit == 0, joined.err
        assert load_config(district).parent == letter.parent
        with process_of(district) as below:
            idle(below, DISTRICT)
            (at,) = below.lines.counts()
            assert at == places[1]
            checks = silian("doctor", "--dir", district, "--json").json["items"]
            parents = [(each["good"], each["en"]) for each in checks if each["check"] == "parent"]
            assert [good for good, _ in parents] == [False, True, True]
            assert places[0] in parents[0][1]


def test_hosts_given_at_an_invitation_take_the_place_of_those_of_listen(tmp_path: Path) -> None:
    port = free_ports("127.0.0.1")
    city = made(tmp_path / "city", CITY, listen=f"0.0.0.0:{port}")
    assert silian("cert", "init", "--dir", city).exit == 0
    refused = silian("invite", "--dir", city, "--unit", DISTRICT, "--out", tmp_path)
    assert refused.exit == 2
    invited = silian(
        "invite", "--dir", city, "--unit", DISTRICT, "--out", tmp_path, "--json",
        "--host", "city.example, fd00::1",
    )  # fmt: skip
    letter = read_letter(Path(invited.json["letters"][0]["file"]))
    assert letter.parent == f"city.example:{port}, [fd00::1]:{port}"
    assert letter.enrolment == f"city.example:{port + 1}, [fd00::1]:{port + 1}"


@pytest.mark.parametrize(
    ("listen", "why"),
    [
        ("127.0.0.1:7410,", "should be host:port"),
        ("127.0.0.1:7410; 127.0.0.2:7410", "should have IPv6"),
        (", ".join(f"127.0.0.1:{n}" for n in range(1, 10)), "no more than 8"),
    ],
)
def test_a_list_of_addresses_that_cannot_be_meant_is_refused(
    tmp_path: Path, listen: str, why: str
) -> None:
    city = made(tmp_path / "city", CITY)
    with pytest.raises(BadConfig, match=why):
        Process([city], wall_ms=wall_ms, rng=random.Random(1), listen=listen)


def test_no_address_of_several_may_be_open_to_other_machines_without_a_certificate(
    tmp_path: Path,
) -> None:
    city = made(tmp_path / "city", CITY)
    with pytest.raises(Exposed, match=r"10\.0\.0\.1"):
        Process([city], wall_ms=wall_ms, rng=random.Random(1), listen="127.0.0.1:0, 10.0.0.1:7410")
    below = made(tmp_path / "district", DISTRICT, parent="10.0.0.1:7410, 127.0.0.1:7410")
    with process_of(below) as process:
        dialer = served(process, DISTRICT).dialer
        assert dialer is not None
        eventually(lambda: dialer.attempt >= 2)
        assert "10.0.0.1:7410" not in process.lines.counts()


def test_an_office_without_a_certificate_never_calls_another_machine(tmp_path: Path) -> None:
    below = made(tmp_path / "district", DISTRICT, parent="10.0.0.1:7410")
    with process_of(below) as process:
        dialer = served(process, DISTRICT).dialer
        assert dialer is not None
        eventually(lambda: dialer.attempt >= 1)
        assert dialer.reason.startswith("10.0.0.1:7410 is another machine")
