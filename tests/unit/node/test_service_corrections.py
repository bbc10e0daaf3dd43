"""Correction requests: asked of the owner, answered with the edit or a reason, well addressed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text

from node.domain.correction import REGISTER, Kind, State
from node.office import Office
from node.services.common.pages import BadToken
from node.services.common.reason import ReasonMissing
from node.services.corrections import requests
from node.services.corrections import views as correction_views
from node.services.corrections.errors import (
    BadCorrection,
    CorrectionAsked,
    CorrectionClosed,
    CorrectionNotOurs,
    CorrectionStale,
    NobodyToAsk,
    UnknownCorrection,
)
from node.services.corrections.views import CorrectionView
from node.services.health.status import status
from node.services.records import edits
from node.services.records.edits import RecordEnded, RecordView
from node.services.records.rules import FieldNotOwned, InvalidRecord, SystemRegister
from node.services.records.views import BadVersionToken
from node.store.corrections import request_id, step_id
from sync.apply.compose import NotWritable
from sync.model import audience
from sync.model.change import Edit, Operation, RecordKey
from sync.model.errors import RecordMissing
from tests.unit.node.offices import (
    COMMUNITY,
    DISTRICT,
    OTHER,
    STREET,
    Clock,
    exchange,
    new_office,
    send_down,
    send_up,
)

HALL = {"name": "办公楼", "use": "办公", "area_m2": "660", "address": "一弄"}
DAY_MS = 86_400_000
WHY = {"reason": "实地核对", "actor": "区核查员"}


class Offices(NamedTuple):
    """A community, another one, their street and the district."""

    community: Office
    other: Office
    street: Office
    district: Office
    clock: Clock

    def meet(self) -> None:
        """Exchange until everybody has received everything."""
        for _ in range(2):
            exchange(self.community, self.street)
            exchange(self.other, self.street)
            exchange(self.street, self.district)
        exchange(self.community, self.street)
        exchange(self.other, self.street)


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[Offices]:
    clock = Clock()
    opened = [
        new_office(tmp_path / code, code, clock, seed=n)
        for n, code in enumerate((COMMUNITY, OTHER, STREET, DISTRICT))
    ]
    yield Offices(*opened, clock)
    for office in opened:
        office.close()


@pytest.fixture
def hall(offices: Offices) -> RecordView:
    made = edits.create(offices.community, "premises", HALL)
    offices.meet()
    return made


def ask(office: Office, record: RecordView, **values: object) -> CorrectionView:
    proposed = values or {"area_m2": "650"}
    return requests.ask(office, "premises", record.unit, record.id, proposed, **WHY)


def area_at(office: Office, record: RecordView) -> object:
    return edits.get(office, "premises", record.unit, record.id).values["area_m2"]


def states(offices: Offices, asked: CorrectionView) -> list[State]:
    who = (offices.community, offices.street, offices.district)
    return [correction_views.show(office, asked.id).state for office in who]


def quarantine_reasons(office: Office) -> list[str]:
    with office.store.read() as tx:
        return sorted(tx.execute(text("SELECT reason FROM quarantine")).scalars())


# -- the way there and back -----------------------------------------------------------------------


def test_an_edit_of_another_offices_field_is_refused_and_its_remedy_names_the_command(
    offices: Offices, hall: RecordView
) -> None:
    with pytest.raises(FieldNotOwned) as caught:
        edits.change(offices.district, "premises", hall.unit, hall.id, {"area_m2": "650"})
    assert "silian correction ask" in caught.value.remedy_en
    assert "silian correction ask" in caught.value.remedy_zh


def test_the_owner_accepts_and_value_and_answer_arrive_together(
    offices: Offices, hall: RecordView
) -> None:
    asked = ask(offices.district, hall)
    assert (asked.owner, asked.state) == (offices.community.identity.unit, State.OPEN)
    offices.meet()
    (waits,) = correction_views.list_corrections(offices.community, "to-answer").corrections
    (proposal,) = waits.proposed
    assert (proposal.field, proposal.now, proposal.asked_when, proposal.proposed_value) == (
        "area_m2", 66_000, 66_000, 65_000
    )  # fmt: skip
    done = requests.accept(offices.community, asked.id, actor="社区王")
    assert (done.state, done.closed_by) == (State.ACCEPTED, "社区王")
    offices.meet()
    assert states(offices, asked) == [State.ACCEPTED] * 3
    assert [area_at(o, hall) for o in (offices.community, offices.street, offices.district)] == (
        [65_000] * 3
    )
    history = edits.past(offices.district, "premises", hall.unit, hall.id).events
    assert history[-1].unit == offices.community.identity.unit  # the edit is the owner's own


def test_a_lower_office_asks_an_upper_one(offices: Offices, hall: RecordView) -> None:
    asked = ask(offices.community, hall, verified_area_m2="655", checked_on="2026-05-01")
    assert asked.owner == offices.street.identity.unit
    send_up(offices.community, offices.street)
    requests.accept(offices.street, asked.id, actor="街道李")
    send_down(offices.street, offices.community)
    now = edits.get(offices.community, "premises", hall.unit, hall.id)
    assert (now.values["verified_area_m2"], now.values["checked_on"]) == (65_500, "2026-05-01")
    assert correction_views.show(offices.community, asked.id).state is State.ACCEPTED


def test_a_refusal_arrives_with_its_reason_and_the_value_is_kept(
    offices: Offices, hall: RecordView
) -> None:
    asked = ask(offices.district, hall)
    offices.meet()
    with pytest.raises(ReasonMissing):
        requests.refuse(offices.community, asked.id, reason=" ", actor="社区王")
    requests.refuse(offices.community, asked.id, reason="房产证为660", actor="社区王")
    offices.meet()
    there = correction_views.show(offices.district, asked.id)
    assert (there.state, there.answer) == (State.REFUSED, "房产证为660")
    assert area_at(offices.district, hall) == 66_000
    assert ask(offices.district, hall).state is State.OPEN  # and may be asked again


def test_several_fields_are_answered_together(offices: Offices, hall: RecordView) -> None:
    asked = ask(offices.district, hall, area_m2="650", use="活动")
    offices.meet()
    requests.accept(offices.community, asked.id, actor="社区王")
    now = edits.get(offices.community, "premises", hall.unit, hall.id).values
    assert (now["area_m2"], now["use"]) == (65_000, "activity")


def test_of_two_owners_the_nearer_is_asked(offices: Offices, hall: RecordView) -> None:
    assert ask(offices.district, hall, address="二弄").owner == offices.street.identity.unit


# -- late, stale, ended, crossed ------------------------------------------------------------------


def test_a_field_that_changed_since_it_was_asked_about_is_shown_before_it_is_overwritten(
    offices: Offices, hall: RecordView
) -> None:
    asked = ask(offices.district, hall)
    offices.clock.forward()
    edits.change(offices.community, "premises", hall.unit, hall.id, {"area_m2": "640"})
    offices.meet()
    with pytest.raises(CorrectionStale) as caught:
        requests.accept(offices.community, asked.id, actor="社区王")
    assert caught.value.fields == ("area_m2",)
    assert area_at(offices.community, hall) == 64_000
    version_token = correction_views.show(offices.community, asked.id)
    assert (version_token.proposed[0].now, version_token.proposed[0].moved) == (64_000, True)
    done = requests.accept(
        offices.community, asked.id, actor="社区王", version_token=version_token.version_token
    )
    assert done.state is State.ACCEPTED
    offices.meet()
    assert area_at(offices.district, hall) == 65_000
    views = [edits.get(o, "premises", hall.unit, hall.id) for o in offices[:1] + offices[2:4]]
    assert [view.conflicts for view in views] == [{}, {}, {}]


def test_the_version_that_the_owner_saw_counts_when_the_field_changed_again(
    offices: Offices, hall: RecordView
) -> None:
    asked = ask(offices.district, hall)
    offices.meet()
    version_token = correction_views.show(offices.community, asked.id).version_token
    edits.change(offices.community, "premises", hall.unit, hall.id, {"area_m2": "640"})
    with pytest.raises(CorrectionStale):
        requests.accept(offices.community, asked.id, actor="社区王", version_token=version_token)
    with pytest.raises(BadVersionToken):
        requests.accept(offices.community, asked.id, actor="社区王", version_token="?")
    assert requests.accept(offices.community, asked.id, actor="社区王", force=True).state is (
        State.ACCEPTED
    )


def test_a_change_of_another_field_does_not_make_it_stale(
    offices: Offices, hall: RecordView
) -> None:
    asked = ask(offices.district, hall)
    edits.change(offices.community, "premises", hall.unit, hall.id, {"use": "服务"})
    offices.meet()
    requests.accept(offices.community, asked.id, actor="社区王")
    now = edits.get(offices.community, "premises", hall.unit, hall.id).values
    assert (now["area_m2"], now["use"]) == (65_000, "service")


def test_a_request_for_the_present_value_is_superseded_and_nothing_is_written(
    offices: Offices, hall: RecordView
) -> None:
    asked = ask(offices.district, hall)
    edits.change(offices.community, "premises", hall.unit, hall.id, {"area_m2": "650"})
    offices.meet()
    before = edits.get(offices.community, "premises", hall.unit, hall.id)
    done = requests.accept(offices.community, asked.id, actor="社区王")
    assert done.state is State.SUPERSEDED
    assert edits.get(offices.community, "premises", hall.unit, hall.id) == before


def test_a_request_for_a_record_deleted_meanwhile_is_superseded(
    offices: Offices, hall: RecordView
) -> None:
    asked = ask(offices.district, hall)
    edits.end(offices.community, "premises", hall.id)
    offices.meet()
    assert correction_views.show(offices.community, asked.id).record_state == "ended"
    assert requests.accept(offices.community, asked.id, actor="社区王").state is State.SUPERSEDED
    offices.meet()
    assert states(offices, asked) == [State.SUPERSEDED] * 3
    assert not edits.get(offices.district, "premises", hall.unit, hall.id).alive
    with pytest.raises(RecordEnded):
        ask(offices.district, hall)


def test_a_withdrawal_before_the_answer_closes_it_for_the_owner(
    offices: Offices, hall: RecordView
) -> None:
    asked = ask(offices.district, hall)
    assert requests.withdraw(offices.district, asked.id, actor="区").state is State.WITHDRAWN
    offices.meet()
    assert correction_views.list_corrections(offices.community, "to-answer").total == 0
    for answer in (
        lambda: requests.accept(offices.community, asked.id, actor="社区王"),
        lambda: requests.refuse(offices.community, asked.id, reason="x", actor="社区王"),
        lambda: requests.withdraw(offices.district, asked.id, actor="区"),
    ):
        with pytest.raises(CorrectionClosed):
            answer()
    assert area_at(offices.community, hall) == 66_000


@pytest.mark.parametrize("kind", ["accept", "refuse"])
def test_an_answer_that_crosses_a_withdrawal_counts_at_every_office(
    offices: Offices, hall: RecordView, kind: str
) -> None:
    asked = ask(offices.district, hall)
    offices.meet()
    requests.withdraw(offices.district, asked.id, actor="区")
    if kind == "accept":
        requests.accept(offices.community, asked.id, actor="社区王")
    else:
        requests.refuse(offices.community, asked.id, reason="无误", actor="社区王")
    offices.meet()
    expected = State.ACCEPTED if kind == "accept" else State.REFUSED
    assert states(offices, asked) == [expected] * 3
    assert area_at(offices.district, hall) == (65_000 if kind == "accept" else 66_000)


def test_the_same_correction_is_not_requested_twice_while_open_but_one_of_another_field_may_be(
    offices: Offices, hall: RecordView
) -> None:
    asked = ask(offices.district, hall)
    with pytest.raises(CorrectionAsked) as caught:
        ask(offices.district, hall, area_m2="651")
    assert asked.id.hex() in caught.value.en
    assert ask(offices.district, hall, use="活动").id != asked.id


def test_two_offices_may_ask_the_same_and_the_second_is_superseded(
    offices: Offices, hall: RecordView
) -> None:
    first, second = ask(offices.district, hall), ask(offices.street, hall)
    offices.meet()
    assert requests.accept(offices.community, first.id, actor="王").state is State.ACCEPTED
    assert requests.accept(offices.community, second.id, actor="王").state is State.SUPERSEDED


def test_a_late_request_is_a_problem_at_both_ends(offices: Offices, hall: RecordView) -> None:
    asked = ask(offices.district, hall)
    assert asked.due_on - offices.district.today() == timedelta(days=14)
    offices.meet()

    def problems(office: Office) -> set[str]:
        return {p.code for p in status(office).problems if p.code.startswith("corrections")}

    assert problems(offices.community) == {"corrections"}
    assert problems(offices.district) == set()
    offices.clock.forward(14 * DAY_MS)
    assert not correction_views.show(offices.district, asked.id).late  # its last day
    offices.clock.forward(DAY_MS)
    assert correction_views.show(offices.district, asked.id).late
    assert problems(offices.community) == {"corrections", "corrections_late"}
    assert problems(offices.district) == {"corrections_unanswered"}
    assert problems(offices.street) == set()
    requests.refuse(offices.community, asked.id, reason="无误", actor="王")
    offices.meet()
    assert problems(offices.community) == problems(offices.district) == set()


# -- what may be asked ----------------------------------------------------------------------------


def test_an_invalid_request_is_refused_with_its_reason(offices: Offices, hall: RecordView) -> None:
    with pytest.raises(BadCorrection, match="nothing would change"):
        ask(offices.district, hall, area_m2="660")
    with pytest.raises(BadCorrection, match="fills these in itself"):
        ask(offices.community, hall, area_m2="650")
    with pytest.raises(InvalidRecord):
        ask(offices.district, hall, area_m2="很大")
    with pytest.raises(InvalidRecord):
        ask(offices.district, hall, area_m2="")  # its owner must fill it in
    with pytest.raises(InvalidRecord):
        ask(offices.district, hall, colour="红")
    with pytest.raises(NobodyToAsk):  # community's and street's: no one office answers for both
        ask(offices.district, hall, area_m2="650", verified_area_m2="655")
    with pytest.raises(ReasonMissing):
        requests.ask(
            offices.district, "premises", hall.unit, hall.id, {"area_m2": "650"},
            reason="", actor="区",
        )  # fmt: skip
    with pytest.raises(BadCorrection, match="500"):
        requests.ask(
            offices.district, "premises", hall.unit, hall.id, {"area_m2": "650"},
            reason="长" * 501, actor="区",
        )  # fmt: skip
    with pytest.raises(RecordMissing):
        requests.ask(offices.district, "premises", hall.unit, bytes(16), {"area_m2": "650"}, **WHY)
    with pytest.raises(SystemRegister):
        requests.ask(offices.district, "cell", hall.unit, hall.id, {"amount": "1"}, **WHY)
    with pytest.raises(UnknownCorrection):
        correction_views.show(offices.district, bytes(16))


# -- who receives, who answers ---------------------------------------------------------------------


def test_a_request_reaches_the_owner_and_the_offices_between_and_nobody_else(
    offices: Offices, hall: RecordView
) -> None:
    asked = ask(offices.street, hall)
    offices.meet()
    for office in (offices.district, offices.other):
        with pytest.raises(UnknownCorrection):
            correction_views.show(office, asked.id)
    requests.accept(offices.community, asked.id, actor="王")
    offices.meet()
    with offices.district.store.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM r_correction")).scalar_one() == 0
    assert correction_views.show(offices.street, asked.id).state is State.ACCEPTED


def test_a_register_that_stays_in_its_office_allows_no_requests(offices: Offices) -> None:
    made = edits.create(offices.community, "household", {"hh_no": "7", "kind": "常住"})
    offices.meet()
    with pytest.raises(RecordMissing):
        requests.ask(offices.district, "household", made.unit, made.id, {"address": "秘密"}, **WHY)
    with offices.street.store.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM r_correction")).scalar_one() == 0


def test_nobody_but_the_owner_answers_and_nobody_but_the_asker_withdraws(
    offices: Offices, hall: RecordView
) -> None:
    asked = ask(offices.district, hall)
    offices.meet()
    for office in (offices.street, offices.district):
        with pytest.raises(CorrectionNotOurs):
            requests.accept(office, asked.id, actor="甲")
        with pytest.raises(CorrectionNotOurs):
            requests.refuse(office, asked.id, reason="甲", actor="甲")
    for office in (offices.street, offices.community):
        with pytest.raises(CorrectionNotOurs):
            requests.withdraw(office, asked.id, actor="甲")
    assert states(offices, asked) == [State.OPEN] * 3


def forged(office: Office, asked: CorrectionView, unit: int, nonce: str) -> Edit:
    """Return an answer as an office between might write it in the owner's name, or in its own."""
    return Edit(
        key=RecordKey(REGISTER, unit, step_id(asked.id, Kind.REFUSE)),
        operation=Operation.CREATE,
        values={
            "correction": asked.id.hex(), "kind": "refuse", "asker": asked.applicant,
            "owner": asked.owner, "nonce": nonce, "reason": "forged", "at_ms": 1, "actor": "x",
        },
        audiences=(audience.down(asked.owner), audience.up(1)),
    )  # fmt: skip


def nonce_of(office: Office) -> str:
    with office.store.read() as tx:
        return str(tx.execute(text("SELECT f_nonce FROM r_correction")).scalar_one())


def test_an_answer_forged_in_the_owners_name_is_refused_locally_and_quarantined_at_every_receiver(
    offices: Offices, hall: RecordView, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(offices.district, hall)
    offices.meet()
    edit = forged(offices.street, asked, asked.owner, nonce_of(offices.street))
    with pytest.raises(NotWritable):
        offices.street.commit(lambda tx: [edit])
    monkeypatch.setattr(
        "sync.apply.compose.denial_reason", lambda *_, **__: None
    )  # a street that lies
    offices.street.commit(lambda tx: [edit])
    monkeypatch.undo()
    offices.meet()
    for office in (offices.community, offices.district):
        assert quarantine_reasons(office) == ["foreign_unit"]
        assert correction_views.show(office, asked.id).state is State.OPEN
    done = requests.accept(offices.community, asked.id, actor="王")
    assert done.state is State.ACCEPTED
    offices.meet()
    assert correction_views.show(offices.district, asked.id).state is State.ACCEPTED


def test_an_answer_that_another_office_writes_in_its_own_name_does_not_count(
    offices: Offices, hall: RecordView
) -> None:
    asked = ask(offices.district, hall)
    offices.meet()
    me = offices.street.identity.unit
    edit = forged(offices.street, asked, me, nonce_of(offices.street))
    offices.street.commit(lambda tx: [edit])
    offices.meet()
    assert states(offices, asked) == [State.OPEN] * 3
    assert correction_views.list_corrections(offices.community, "to-answer").total == 1


def test_a_malformed_request_is_left_out_and_breaks_no_list(
    offices: Offices, hall: RecordView
) -> None:
    applicant, owner = offices.district.identity.unit, offices.community.identity.unit
    nonce = "00" * 16
    number = request_id(applicant, owner, nonce)
    broken = Edit(
        key=RecordKey(REGISTER, applicant, number),
        operation=Operation.CREATE,
        values={
            "correction": number.hex(), "kind": "ask", "asker": applicant, "owner": owner,
            "nonce": nonce, "register": "premises", "record_unit": owner, "record": hall.id.hex(),
            "wishes": "{no json", "asked_when": "{}", "reason": "x", "due_on": "2026-12-01",
            "at_ms": 1, "actor": "x",
        },
        audiences=(audience.down(owner),),
    )  # fmt: skip
    offices.district.commit(lambda tx: [broken])
    offices.meet()
    assert correction_views.list_corrections(offices.community).total == 0
    assert status(offices.community).problems is not None


def test_lists_are_by_box_newest_first_page_by_page(offices: Offices, hall: RecordView) -> None:
    made = []
    for name, value in (("area_m2", "650"), ("use", "活动"), ("name", "新楼")):
        made.append(ask(offices.district, hall, **{name: value}))
        offices.clock.forward()
    offices.meet()
    first = correction_views.list_corrections(offices.community, "to-answer", limit=2)
    rest = correction_views.list_corrections(
        offices.community, "to-answer", limit=2, after=first.next
    )
    assert [c.id for c in (*first.corrections, *rest.corrections)] == [m.id for m in made[::-1]]
    assert (first.total, rest.next) == (3, "")
    assert correction_views.list_corrections(offices.community, "asked").total == 0
    assert correction_views.list_corrections(offices.district, "asked").total == 3
    assert correction_views.list_corrections(offices.street, "all").total == 3
    with pytest.raises(BadToken):
        correction_views.list_corrections(offices.community, after="?")
