"""Parts of the demonstration on their own: a line that can be cut, and what counts as unsound."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hub.demo.enrolment import Enrolment, Joined
from hub.demo.line import Line
from hub.demo.measure import Records, Verified
from hub.demo.outcome import Outcome
from node.domain.conservation import FundLine
from sync.wire.office.v1 import certificates_pb2 as pb


@pytest.fixture
def upper() -> Iterator[str]:
    """Serve an echo on the loopback."""
    listener = socket.create_server(("127.0.0.1", 0))

    def mirror(end: socket.socket) -> None:
        with end:
            while data := end.recv(1024):
                end.sendall(data)

    def serve() -> None:
        while True:
            try:
                end, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=mirror, args=(end,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def line(upper: str) -> Iterator[Line]:
    line = Line()
    line.to = upper
    yield line
    line.close()


def dial(line: Line) -> socket.socket:
    host, _, port = line.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def reply_to(end: socket.socket, text: bytes) -> bytes:
    """Say something and return the answer; b"" when the line is dead."""
    try:
        end.sendall(text)
        return end.recv(1024)
    except OSError:
        return b""


def test_a_working_link_forwards_in_both_directions_and_counts(line: Line) -> None:
    with dial(line) as end:
        assert reply_to(end, b"hello") == b"hello"
    assert line.carried >= 5


def test_a_cut_link_closes_open_connections_and_refuses_new_ones(line: Line) -> None:
    with dial(line) as end:
        assert reply_to(end, b"before") == b"before"
        line.cut()
        assert reply_to(end, b"after") == b""
    with dial(line) as end:
        assert reply_to(end, b"again") == b""


def test_a_restored_link_forwards_again(line: Line) -> None:
    line.cut()
    line.restore()
    with dial(line) as end:
        assert reply_to(end, b"hello") == b"hello"


def test_a_link_without_a_parent_address_refuses_connections() -> None:
    line = Line()
    with dial(line) as end:
        assert reply_to(end, b"hello") == b""
    line.close()


RECORDS = Records(written=9, at_city_entitled=9, missing=0, different=0, personal_above=0)
FUND = FundLine(
    fund="F1", year=2026, appropriated_fen=5, held_fen=3, spent_fen=1, in_transit_fen=1,
    disputed_fen=0, difference_fen=0,
)  # fmt: skip
KEY = "ab12 cd34"
CERTIFICATE = pb.Certificate(unit={"code": "1"}, kind="office", office_key=KEY)
ENROLMENT = Enrolment(
    authority="ef56", joined=[Joined(code="1", name="甲", inviter="乙", key=KEY)],
    city_issued=[], district_issued=[CERTIFICATE],
)  # fmt: skip
VERIFIED = Verified(place=None, compared={"cells": 7}, different=0, differences=[])  # type: ignore[arg-type]


def outcome(**changed: Any) -> Outcome:
    parts: dict[str, Any] = {
        "enrolment": ENROLMENT, "hosts": "loopback", "hosts_why": ("", ""),
        "records": RECORDS, "assignments": None, "moved": None, "funds": [FUND],
        "conflicts": None, "rollups": {}, "reports": None, "verified": [VERIFIED],
        "trouble": None, "declined": {}, "carried_bytes": {},
    }  # fmt: skip
    return Outcome(**{**parts, **changed})


def test_a_report_without_missing_or_different_records_is_consistent() -> None:
    assert outcome().sound


@pytest.mark.parametrize(
    "changed",
    [
        {"enrolment": replace(ENROLMENT, district_issued=[])},
        {"enrolment": replace(ENROLMENT, joined=[replace(ENROLMENT.joined[0], key="0000")])},
        {
            "enrolment": replace(
                ENROLMENT,
                district_issued=[
                    pb.Certificate(unit={"code": "1"}, kind="office", office_key=KEY, revoked_ms=1)
                ],
            )
        },
        {"records": replace(RECORDS, missing=1)},
        {"records": replace(RECORDS, different=1)},
        {"records": replace(RECORDS, personal_above=1)},
        {"funds": [FUND, replace(FUND, fund="F2", difference_fen=-1)]},
        {"verified": [VERIFIED, replace(VERIFIED, different=1)]},
    ],
)
def test_a_report_with_one_problem_is_inconsistent(changed: dict[str, Any]) -> None:
    assert not outcome(**changed).sound
