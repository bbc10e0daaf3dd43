"""The table of ports on a served office: which service answers where, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from hub.serve.ports import ANSWERS
from node.identity import files
from node.identity.chain import place_in
from sync.rpc.channel import OPTIONS, Secure, open_channel
from sync.rpc.status import read_refusal
from tests.support.enrolled import enrolled
from tests.support.tier import CITY

# A method of each service, and the ports where it answers. Whatever else is called is refused.
METHODS = {
    "/silian.link.v1.LinkService/Push": {"local", "link"},
    "/silian.link.v1.SealedService/ListSealed": {"link"},
    "/silian.link.v1.EnrolmentService/Enrol": {"enrolment"},
    "/silian.office.v1.OfficeService/GetStatus": {"local"},
    "/grpc.health.v1.Health/Check": {"local", "link"},
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return where each method of an enrolled city answers, or refuses for another reason."""
    with enrolled(tmp_path_factory.mktemp("ports")) as offices:
        offices.make(CITY)
        server = offices.serve(CITY).server
        channels = {
            "local": grpc.insecure_channel(server.local, options=OPTIONS),
            "link": open_channel(server.address, _secure(offices.base / CITY, shown=True)),
            "enrolment": open_channel(
                server.enrolments[0], _secure(offices.base / CITY, shown=False)
            ),
        }
        found = {
            method: {port for port, channel in channels.items() if _answers(channel, method)}
            for method in METHODS
        }
        for channel in channels.values():
            channel.close()
        return found


def _secure(folder: Path, *, shown: bool) -> Secure:
    own = files.load(folder)
    assert own is not None
    name = place_in(own.office).dns
    return (
        Secure(own.roots_pem, name, own.key_pem, own.chain_pem)
        if shown
        else Secure(own.roots_pem, name)
    )


def _answers(channel: grpc.Channel, method: str) -> bool:
    try:
        channel.unary_unary(method)(b"", timeout=20)
    except grpc.RpcError as error:
        refusal = read_refusal(error)
        return refusal is None or refusal.code != "wrong_port"
    return True


@pytest.mark.parametrize("method", METHODS)
def test_a_service_answers_at_its_own_ports_only(answers: dict[str, set[str]], method: str) -> None:
    assert answers[method] == METHODS[method]


def test_every_service_of_the_table_is_asked() -> None:
    asked = {method.strip("/").partition("/")[0] for method in METHODS}
    assert {name for name in ANSWERS if "reflection" not in name} == asked
