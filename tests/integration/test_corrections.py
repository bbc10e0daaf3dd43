"""Correction requests over real gRPC: asked at the district, answered at the community."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.client.client import RemoteRefusal
from sync.wire.office.v1 import registers_pb2 as register_pb
from tests.support.silian import silian
from tests.support.tier import DISTRICT, STREET, Tier, eventually, tier_of
from tests.support.tier import GARDEN as COMMUNITY

HALL = {"name": "一号楼", "use": "office", "area_m2": "660", "address": "一弄"}


def state(tier: Tier, code: str, correction: str) -> str:
    """Return the state of a request at an office; "unknown" where it was not received."""
    with tier.at(code) as office:
        try:
            return office.get_correction(id=correction).correction.state
        except RemoteRefusal as refused:
            if refused.code != "unknown_correction":
                raise
            return "unknown"


def area(tier: Tier, code: str, hall: register_pb.Record) -> int:
    with tier.at(code) as office:
        record = office.get_record(register="premises", id=hall.id, unit=COMMUNITY).record
        return record.values["area_m2"].integer


@pytest.fixture(scope="module")
def tier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tier]:
    path = ((DISTRICT, None), (STREET, DISTRICT), (COMMUNITY, STREET))
    with tier_of(tmp_path_factory.mktemp("tier"), path) as tier:
        yield tier


@pytest.fixture
def hall(tier: Tier, request: pytest.FixtureRequest) -> register_pb.Record:
    """A record of the community that the district holds."""
    with tier.at(COMMUNITY) as office:
        made = office.create_record(
            register="premises", values={**HALL, "name": request.node.name[:90]}
        ).record

    def known() -> bool:
        with tier.at(DISTRICT) as office:
            page = office.list_records(register="premises", unit=COMMUNITY)
            return any(r.id == made.id for r in page.records)

    eventually(known)
    return made


def ask(tier: Tier, hall: register_pb.Record, **values: str) -> str:
    with tier.at(DISTRICT) as office:
        made = office.create_correction(
            register="premises", id=hall.id, values=values or {"area_m2": "650"},
            unit=COMMUNITY, reason="实地核对", actor="区",
        ).correction  # fmt: skip
        assert (made.state, made.owner.code) == ("open", COMMUNITY)
        return made.id


def test_a_request_made_while_the_link_is_down_is_accepted_later_and_both_reach_the_asker(
    tier: Tier, hall: register_pb.Record
) -> None:
    tier.stop(STREET)
    asked = ask(tier, hall)
    assert state(tier, COMMUNITY, asked) == "unknown"
    tier.start(STREET)
    eventually(lambda: state(tier, COMMUNITY, asked) == "open")
    with tier.at(COMMUNITY) as office:
        (waits,) = [
            c for c in office.list_corrections(box="to-answer").corrections if c.id == asked
        ]
        (proposal,) = waits.proposed
        assert (proposal.now.integer, proposal.proposed_value.integer) == (66_000, 65_000)
        assert (
            office.answer_correction(
                id=asked, actor="王", version_token=waits.version_token, answer="accept"
            ).correction.state
            == "accepted"
        )
    eventually(
        lambda: state(tier, DISTRICT, asked) == "accepted" and area(tier, DISTRICT, hall) == 65_000
    )
    assert state(tier, STREET, asked) == "accepted"


def test_a_refused_request_shows_its_reason(tier: Tier, hall: register_pb.Record) -> None:
    asked = ask(tier, hall)
    with pytest.raises(RemoteRefusal) as twice:
        ask(tier, hall)
    assert twice.value.code == "correction_asked"
    eventually(lambda: state(tier, COMMUNITY, asked) == "open")
    with tier.at(STREET) as between, pytest.raises(RemoteRefusal) as caught:
        between.answer_correction(id=asked, actor="街道", answer="accept")
    assert caught.value.code == "correction_not_ours"
    with tier.at(COMMUNITY) as office:
        office.answer_correction(id=asked, reason="房产证为660", actor="王", answer="refuse")
    eventually(lambda: state(tier, DISTRICT, asked) == "refused")
    with tier.at(DISTRICT) as office:
        assert office.get_correction(id=asked).correction.answer == "房产证为660"
    assert area(tier, DISTRICT, hall) == 66_000


def test_a_request_for_a_record_deleted_meanwhile_is_superseded(
    tier: Tier, hall: register_pb.Record
) -> None:
    tier.stop(STREET)
    asked = ask(tier, hall)
    with tier.at(COMMUNITY) as office:
        office.end_record(register="premises", id=hall.id)
    tier.start(STREET)
    eventually(lambda: state(tier, COMMUNITY, asked) == "open")
    with tier.at(COMMUNITY) as office:
        assert office.get_correction(id=asked).correction.record_state == "ended"
        assert (
            office.answer_correction(id=asked, actor="王", answer="accept").correction.state
            == "superseded"
        )
    eventually(lambda: state(tier, DISTRICT, asked) == "superseded")


def test_a_withdrawal_that_crosses_an_acceptance_ends_as_accepted_everywhere(
    tier: Tier, hall: register_pb.Record
) -> None:
    asked = ask(tier, hall)
    eventually(lambda: state(tier, COMMUNITY, asked) == "open")
    tier.stop(STREET)
    with tier.at(DISTRICT) as office:
        assert office.withdraw_correction(id=asked, actor="区").correction.state == "withdrawn"
    with tier.at(COMMUNITY) as office:
        assert (
            office.answer_correction(id=asked, actor="王", answer="accept").correction.state
            == "accepted"
        )
    tier.start(STREET)
    eventually(lambda: area(tier, DISTRICT, hall) == 65_000)
    eventually(lambda: state(tier, DISTRICT, asked) == "accepted")
    assert [state(tier, code, asked) for code in (STREET, COMMUNITY)] == ["accepted"] * 2


def test_the_commands_show_in_both_languages_what_is_requested_and_what_to_do(
    tier: Tier, hall: register_pb.Record
) -> None:
    district, community = (("--dir", tier.base / code) for code in (DISTRICT, COMMUNITY))
    record = hall.id
    refused = silian(
        "record", "change", "premises", record, "area_m2=650", "--unit", COMMUNITY, *district
    )
    assert (refused.exit, "silian correction ask" in refused.err) == (4, True)
    made = silian(
        "correction", "ask", "premises", record, "area_m2=650", "--unit", COMMUNITY,
        "--reason", "实地核对", "--as", "区", "--due", "2030-01-31", "--json", *district,
    )  # fmt: skip
    assert made.exit == 0, made.err
    request = made.json["id"]
    listed = silian("correction", "ls", "--box", "asked", "--open", *district, lang="zh")
    assert request in listed.out
    assert "待答复" in listed.out
    eventually(lambda: state(tier, COMMUNITY, request) == "open")
    shown = silian("correction", "show", request, *community)
    assert "660" in shown.out
    assert "650" in shown.out
    assert "2030-01-31" in shown.out
    assert "--version-token" in shown.err + shown.out
    status = silian("status", "--json", *community)
    assert "corrections" in {problem["code"] for problem in status.json["problems"]}
    no = silian("correction", "refuse", request, "--reason", " ", "--json", *community)
    assert (no.exit, no.error["code"]) == (2, "usage")
    done = silian("correction", "accept", request, "--as", "王", "--json", *community)
    assert done.json["state"] == "accepted"
    again = silian("correction", "accept", request, "--as", "王", "--json", *community)
    assert (again.exit, again.error["code"]) == (7, "correction_closed")
    own = silian(
        "correction", "ask", "premises", record, "verified_area_m2=651", "--reason", "请核定",
        "--json", *community,
    )  # fmt: skip
    assert own.json["owner"]["code"] == STREET
    back = silian("correction", "withdraw", own.json["id"], *community, lang="zh")
    assert "已撤回" in back.out
    foreign = silian("correction", "ls", "--box", "nowhere", "--json", *community)
    assert (foreign.exit, foreign.error["code"]) == (2, "bad_request")
