"""Enrolment (scene 1): each office gets its certificate by an invitation, as a clerk does it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.demo.network import CITY, COMMUNITIES, Network, Place
from hub.demo.processes import run_verbs
from sync.wire.office.v1 import certificates_pb2 as pb

SYNC_WAIT_S = "30"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """One office that was invited. `key`: the fingerprint that `silian join` printed there."""

    code: str
    name: str
    inviter: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Who invited whom, and the certificates as `silian cert ls` shows them where they are issued.

    `authority`: the fingerprint of the city's, which every letter carries.
    """

    authority: str
    joined: list[Joined]
    city_issued: list[pb.Certificate]
    district_issued: list[pb.Certificate]

    @property
    def uncertified(self) -> list[str]:
        """Codes of offices that joined and have no valid certificate for the key they showed."""
        good = {
            (each.unit.code, each.office_key)
            for each in (*self.city_issued, *self.district_issued)
            if each.kind == "office" and not each.revoked_ms
        }
        return [each.code for each in self.joined if (each.code, each.key) not in good]


def enrol(network: Network, letters: Path, report: Callable[[str], None]) -> Enrolment:
    """Found the city's authority; start each level, and have it invite the next one."""
    letters.mkdir()
    city, district, street = network.city, network.district, network.street
    authority = _found(network)
    network.start(CITY)
    joined: list[Joined] = []
    for inviter, place in ((city, district), (district, street)):
        _invite(network, inviter, letters, "--unit", place.code)
        joined += _join(network, inviter, [place], letters)
        network.start(place.server)
        _run(network, place, ["sync", "now", "--wait", SYNC_WAIT_S])
        report(place.name)
    # One command invites all of them, as a street does that prints its letters.
    _invite(network, street, letters, "--all-below")
    servers = [server for server in COMMUNITIES if network.served_by(server)]
    with ThreadPoolExecutor(len(servers)) as pool:
        for each in pool.map(
            lambda server: _join(network, street, network.served_by(server), letters), servers
        ):
            joined += each
    for server in servers:
        network.start(server)
    return Enrolment(
        authority=authority,
        joined=joined,
        city_issued=list(city.office.list_certificates().certificates),
        district_issued=list(district.office.list_certificates().certificates),
    )


def _found(network: Network) -> str:
    """Make the city's authority; return the fingerprint that its letters will show."""
    network.listen_at(network.city)
    return str(_run(network, network.city, ["cert", "init"], ["cert", "show"])[1]["authority"])


def _invite(network: Network, inviter: Place, letters: Path, *whom: str) -> None:
    _run(network, inviter, ["invite", *whom, "--out", str(letters)])


def _join(network: Network, inviter: Place, places: list[Place], letters: Path) -> list[Joined]:
    """Have all offices of one host join, each by its letter."""
    listen = network.hosts.listen(places[0].server)
    commands = [
        ["join", str(letters / f"{place.code}.invite"), "--dir", str(place.folder),
         *(("--listen", listen) if listen else ())]
        for place in places
    ]  # fmt: skip
    host = places[0].server
    made = run_verbs(places[0].name, commands, network.hosts.inside(host))
    for place in places:
        network.dial_parent(place)
    return [
        Joined(code=place.code, name=place.name, inviter=inviter.name, key=str(each["key"]))
        for place, each in zip(places, made, strict=True)
    ]


def _run(network: Network, place: Place, *commands: list[str]) -> list[dict[str, Any]]:
    """Run commands of `silian` on an office's host, as its clerk would. Raises: DemoFailed."""
    folder = ["--dir", str(place.folder)]
    inside = network.hosts.inside(place.server)
    return run_verbs(place.name, [[*words, *folder] for words in commands], inside)
