"""What offices may rely on when one asks work of another over lines that are late or broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection

from node.china import end_of_day_ms
from node.domain.assignment import Duty, EventKind, IllegalEvent
from node.domain.catalogue import Catalogue, load_catalogue
from node.domain.norms import Nature
from node.folds import targets as final
from node.folds.event_writer import EventWriter
from node.services.health.status import status
from node.services.money import postings
from node.services.work import actions as work
from node.services.work import deadlines, orders, views
from node.services.work.checks import RULINGS, Order
from node.services.work.errors import BadOrder, NotYours, UnknownAssignment
from node.store.assignments import Assignment, Hop, Work, load
from sync.model.report import NodeStatus
from tests.support import work_steps
from tests.support.assignment_network import (
    CITY,
    COMMUNITIES,
    DISTRICT,
    STREET,
    Network,
    assert_agreed,
    build,
    needed,
    to_communities,
)

FIRST, SECOND, THIRD = COMMUNITIES
DAY_MS = 86_400_000


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return needed(load_catalogue())


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Path:
    return build(tmp_path_factory.mktemp("template"), catalogue)


@pytest.fixture
def net(template: Path, catalogue: Catalogue, tmp_path: Path) -> Iterator[Network]:
    network = Network(template, tmp_path / "net", catalogue)
    yield network
    network.close()


def issued(net: Network, duty: Duty = Duty.UNDERTAKES, **terms: object) -> work.Issued:
    """Issue an order from the city to all three communities and let it arrive."""
    done = work.issue(net[CITY], to_communities(net, duty, **terms), actor="mayor")
    net.settle()
    return done


def do(net: Network, code: str, percent: int = 40) -> None:
    """Have a community accept, work and claim, without sending anything."""
    number = net.row(code, at=code).id
    work_steps.accept(net[code], number, actor=f"{code} clerk")
    work_steps.progress(net[code], number, actor=f"{code} clerk", percent=percent)
    work_steps.claim(net[code], number, actor=f"{code} clerk", evidence="12 visits")


def finish(net: Network, assignee: str, issuer: str) -> None:
    """Have the issuer verify and close, and let everybody know."""
    number = net.row(assignee, at=issuer).id
    work_steps.verify(net[issuer], number, actor=f"{issuer} head")
    net.settle()
    work_steps.close(net[issuer], number, actor=f"{issuer} head")
    net.settle()


def test_one_order_reaches_every_community_and_is_closed_at_the_city(net):
    order = issued(net).order
    assert {row.state for row in net.rows(CITY) if row.level == 3} == {"delivered"}
    assert [net.state(code) for code in (DISTRICT, STREET)] == ["relayed", "relayed"]
    for code in COMMUNITIES:
        do(net, code)
    net.settle()
    for code in COMMUNITIES:
        finish(net, code, STREET)
    assert net.state(STREET) == "claimed"
    finish(net, STREET, DISTRICT)
    finish(net, DISTRICT, CITY)
    assert {row.state for row in net.rows(CITY)} == {"closed"}
    assert orders.show_order(net[CITY], order).closed
    assert_agreed(net)


def test_a_receipt_is_written_in_the_transaction_that_receives_the_dispatch(net):
    work.issue(net[CITY], to_communities(net), actor="mayor")
    assert net.state(DISTRICT) == "dispatched"
    net.send(CITY, DISTRICT)
    assert net.state(DISTRICT, at=DISTRICT) == "relayed"
    assert net.state(STREET, at=DISTRICT) == "dispatched"
    assert net.state(DISTRICT) == "dispatched"  # the city has not received it yet
    net.send(DISTRICT, CITY)
    assert net.state(DISTRICT) == "relayed"


def test_an_office_killed_after_the_commit_still_sends_what_it_wrote(net):
    work.issue(net[CITY], to_communities(net), actor="mayor")
    for code in (CITY, DISTRICT, STREET):
        net.reopen(code)
        net.settle()
    do(net, FIRST)
    net.reopen(FIRST)
    net.settle()
    assert net.state(FIRST) == "claimed"
    assert_agreed(net)


def test_a_repeated_issue_under_one_number_issues_once(net):
    number = bytes(range(16))
    order = to_communities(net)
    once = work.issue(net[CITY], order, actor="mayor", number=number)
    again = work.issue(net[CITY], order, actor="mayor", number=number)
    assert once == again
    assert len(net.rows(CITY)) == 1
    other = Order(title="别的", targets=order.targets, duty=Duty.UNDERTAKES)
    with pytest.raises(BadOrder) as refused:
        work.issue(net[CITY], other, actor="mayor", number=number)
    assert refused.value.reason == "order_exists"


def test_a_middle_office_that_decides_itself_is_asked_first(net):
    work_steps.set_relay(net[STREET], auto=False)
    issued(net)
    assert net.state(STREET) == "delivered"
    number = net.row(STREET).id
    work_steps.accept(net[STREET], number, actor="street head")
    parts = work.relay(net[STREET], number, actor="street head", targets=net.units(FIRST))
    net.settle()
    assert len(parts) == 1
    assert net.state(FIRST) == "delivered"
    assert net.row(FIRST).parent == number
    assert net.rows(SECOND) == []
    assert_agreed(net)


def test_an_office_relays_nothing_by_itself_if_its_settings_forbid_it(net):
    for auto, state in ((False, "delivered"), (True, "relayed")):
        net.reopen(STREET, auto_relay=auto)
        order = issued(net).order
        rows = [row for row in net.rows(STREET) if row.work_order == order]
        assert [row.state for row in rows if row.assignee == net.unit(STREET)] == [state]


def test_the_progress_of_relayed_work_is_the_average_of_its_parts(net):
    issued(net)
    for code, percent in zip(COMMUNITIES, (90, 30, 0), strict=True):
        number = net.row(code).id
        work_steps.accept(net[code], number, actor="clerk")
        if percent:
            work_steps.progress(net[code], number, actor="clerk", percent=percent)
    net.settle()
    assert net.row(STREET).percent == 40
    assert net.row(DISTRICT).percent == 40


def asked_of_street(net: Network) -> bytes:
    """Have the street hold work that it passes on by hand, and return the work's number."""
    work_steps.set_relay(net[STREET], auto=False)
    issued(net)
    number = net.row(STREET).id
    work_steps.accept(net[STREET], number, actor="street head")
    return number


def relayed(net: Network, number: bytes, code: str) -> bytes:
    units = net.units(code)
    (part,) = work.relay(net[STREET], number, actor="street head", targets=units)
    net.settle()
    return part


def test_work_passed_on_to_the_wrong_office_is_recalled_and_passed_on_to_another(net):
    number = asked_of_street(net)
    wrong = relayed(net, number, FIRST)
    with pytest.raises(IllegalEvent) as refused:
        work.relay(net[STREET], number, actor="street head", targets=net.units(SECOND))
    assert refused.value.reason == "children_open"
    work_steps.recall(net[STREET], wrong, actor="street head", reason="派错单位")
    right = relayed(net, number, SECOND)
    assert [net.state(code) for code in (FIRST, SECOND)] == ["recalled", "delivered"]
    do(net, SECOND)
    net.settle()
    work_steps.verify(net[STREET], right, actor="street head")
    work_steps.claim(net[STREET], number, actor="street head")
    net.settle()
    assert net.state(STREET) == "claimed"
    assert_agreed(net)


def test_work_recalled_by_mistake_goes_to_the_same_office_as_new_work(net):
    number = asked_of_street(net)
    first = relayed(net, number, FIRST)
    work_steps.recall(net[STREET], first, actor="street head", reason="误操作")
    second = relayed(net, number, FIRST)
    assert second != first
    states = {row.id: row.state for row in net.rows(FIRST) if row.assignee == net.unit(FIRST)}
    assert states == {first: "recalled", second: "delivered"}
    assert_agreed(net)


def test_work_whose_parts_were_all_recalled_may_be_claimed_by_the_office_that_had_it(net):
    number = asked_of_street(net)
    wrong = relayed(net, number, FIRST)
    with pytest.raises(IllegalEvent):
        work_steps.claim(net[STREET], number, actor="street head")
    work_steps.recall(net[STREET], wrong, actor="street head", reason="派错单位")
    net.settle()
    assert work_steps.claim(net[STREET], number, actor="street head").state == "claimed"


def test_a_part_that_was_taken_away_keeps_the_work_from_being_claimed_by_itself(net):
    """Two offices are done or gone; the clerk still means to give the second part to another."""
    work_steps.set_relay(net[STREET], auto=False)
    issued(net)
    number = net.row(STREET).id
    work_steps.accept(net[STREET], number, actor="street head")
    work_steps.set_relay(net[STREET], auto=True)
    right, wrong = work.relay(
        net[STREET], number, actor="street head", targets=net.units(FIRST, SECOND)
    )
    net.settle()
    parts = {row.assignee: row.id for row in net.rows(STREET) if row.id in (right, wrong)}
    do(net, FIRST)
    net.settle()
    finish(net, FIRST, STREET)
    work_steps.recall(net[STREET], parts[net.unit(SECOND)], actor="street head", reason="派错单位")
    net.settle()
    assert net.state(STREET) == "in_progress"
    assert relayed(net, number, THIRD)


# -- what is allowed instead ------------------------------------------------------------------


def test_a_refused_step_names_the_steps_that_are_allowed_here(net):
    number = asked_of_street(net)
    with pytest.raises(IllegalEvent) as refused:
        work_steps.give_back(net[STREET], number, actor="street head", reason="不属于本级")
    assert refused.value.steps == ("relay", "progress", "hand_back")
    assert "Allowed here now: relay, progress, hand-back." in refused.value.text("en")
    assert "转办（relay）、报告进度（progress）、申请退办（hand-back）" in refused.value.text("zh")


def test_every_step_that_is_named_is_taken_and_no_other(net):
    """`work show` and the refusals say what is so, for each of the three offices of the way."""
    issued(net, Duty.ASSISTS)
    number = net.row(FIRST).id
    for at in (FIRST, STREET, DISTRICT):
        for _ in range(3):
            named = views.show(net[at], number).steps
            for kind in EventKind:
                verb = {"draft": "amend", "appraise_result": "appraise",
                        "appraise_order": "appraise"}.get(kind.value, kind.value)  # fmt: skip
                assert (verb in named) == _taken(net, at, number, kind), (at, kind, named)
            if at == FIRST and "consent" in named:
                work_steps.consent(net[FIRST], number, actor="clerk")
                net.settle()


def _taken(net: Network, at: str, number: bytes, kind: EventKind) -> bool:
    """Say whether a step would be taken, without taking it."""

    class Enough(Exception):
        pass

    def rehearse(step: Callable[[Connection], object]) -> None:
        with office.store.read() as tx:
            step(tx)
        raise Enough

    terms = {"actor": "x", "reason": "r", "note": ""}
    office = net[at]
    if kind in (EventKind.RECEIPT, EventKind.SUBMIT, EventKind.EXPIRE_CONSENT):
        return False
    commit, office.commit = office.commit, rehearse
    try:
        if kind is EventKind.DRAFT:
            work.amend(office, number, actor="x", title="t", body="")
        elif kind is EventKind.RELAY:
            work.relay(office, number, actor="x")
        elif kind in RULINGS:
            work.rule(office, number, kind, **terms)
        else:
            work.act(office, number, kind, percent=50, due_ms=net.now_ms + 900 * DAY_MS, **terms)
    except Enough:
        return True
    except (IllegalEvent, NotYours, BadOrder):
        return False
    finally:
        office.commit = commit
    raise AssertionError("the commit is stopped")


def test_a_step_of_another_office_is_refused_with_what_this_one_may_do(net):
    issued(net)
    number = net.row(FIRST).id
    with pytest.raises(NotYours) as refused:
        work_steps.accept(net[STREET], number, actor="street head")
    assert "Allowed here now: extend, recall." in refused.value.text("en")
    with pytest.raises(NotYours) as refused:
        work_steps.recall(net[CITY], number, actor="mayor")
    assert "no step now" in refused.value.text("en")
    assert "没有可办理的操作" in refused.value.text("zh")


def test_relayed_work_is_not_claimed_while_a_part_is_open(net):
    work_steps.set_relay(net[STREET], auto=True)
    issued(net)
    do(net, FIRST)
    do(net, SECOND)
    net.settle()
    finish(net, FIRST, STREET)
    assert net.state(STREET) == "in_progress"
    with pytest.raises(IllegalEvent) as refused:
        work_steps.claim(net[STREET], net.row(STREET).id, actor="street head")
    assert refused.value.reason == "children_open"


def test_after_a_rework_a_person_claims_again_and_not_the_office_by_itself(net):
    issued(net)
    for code in COMMUNITIES:
        do(net, code)
    net.settle()
    for code in COMMUNITIES:
        finish(net, code, STREET)
    number = net.row(STREET).id
    work_steps.rework(net[DISTRICT], number, actor="district head", reason="缺少名单")
    net.settle()
    assert net.state(STREET) == "in_progress"
    work_steps.claim(net[STREET], number, actor="street head", evidence="名单")
    net.settle()
    assert net.state(STREET) == "claimed"


def test_work_that_a_community_assists_with_waits_for_its_consent(net):
    issued(net, Duty.ASSISTS)
    number = net.row(FIRST).id
    with pytest.raises(IllegalEvent) as refused:
        work_steps.accept(net[FIRST], number, actor="clerk")
    assert refused.value.reason == "needs_consent"
    work_steps.consent(net[FIRST], number, actor="clerk")
    assert work_steps.accept(net[FIRST], number, actor="clerk").state == "accepted"
    work_steps.decline(net[SECOND], net.row(SECOND).id, actor="clerk", reason="人手不足")
    net.settle()
    assert [net.state(FIRST), net.state(SECOND)] == ["accepted", "declined"]
    assert_agreed(net)


def test_a_department_s_duty_does_not_leave_for_a_community(net):
    with pytest.raises(IllegalEvent) as refused:
        work.issue(net[CITY], to_communities(net, Duty.DEPARTMENT), actor="mayor")
    assert refused.value.reason == "department_duty"
    assert net.rows(CITY) == []


@pytest.mark.parametrize("duty", [Duty.OFFICE, Duty.DEPARTMENT])
def test_a_community_refuses_what_its_sender_should_not_have_dispatched(net, duty):
    street = net[STREET]
    hop = Hop(work_order=bytes(16), parent=None, round=0, issuer=net.unit(STREET),
              assignee=net.unit(FIRST), level=3)  # fmt: skip

    def bypass(tx):
        writer = EventWriter(net.unit(STREET), 2, street.tree, net.now_ms)
        one = Assignment(hop=hop)
        asks = Work(title="拆迁", targets=final.written(street.tree, hop.assignee, {hop.assignee}))
        one = writer.write_event(one, EventKind.DRAFT, "issuer", duty=Duty.UNDERTAKES, work=asks)
        one = writer.write_event(one, EventKind.SUBMIT, "issuer")
        writer.write_event(one, EventKind.DISPATCH, "issuer")
        writer.edits[0].values["duty"] = duty.value
        return writer.edits

    street.commit(bypass)
    net.settle()
    expected = {Duty.OFFICE: "returned", Duty.DEPARTMENT: "refused"}[duty]
    assert net.state(FIRST) == net.state(FIRST, at=FIRST) == expected
    with pytest.raises(IllegalEvent):
        work_steps.accept(net[FIRST], hop.id, actor="clerk")
    assert_agreed(net)


def test_work_outside_the_catalogue_waits_at_the_gate_of_the_city(net):
    done = issued(net, Duty.UNLISTED)
    assert [row.state for row in net.rows(CITY)] == ["screening"]
    assert net.rows(STREET) == []
    work.rule(net[CITY], done.assignments[0], EventKind.ADMIT, actor="gate", reason="确需协助")
    net.settle()
    assert net.state(FIRST) == "delivered"
    assert net.row(FIRST).duty == "assists"
    assert_agreed(net)


def test_a_street_s_request_passes_the_city_s_gate_before_it_reaches_a_community(net):
    (number,) = work.issue(
        net[STREET],
        Order(title="问卷", targets=net.units(FIRST), duty=Duty.UNLISTED),
        actor="street head",
    ).assignments
    net.settle()
    assert net.state(FIRST, at=FIRST) == "screening"
    with pytest.raises(BadOrder) as refused:
        work.rule(net[DISTRICT], number, EventKind.ADMIT, actor="district head")
    assert refused.value.reason == "not_above"
    work.rule(net[CITY], number, EventKind.ADMIT, actor="gate")
    net.settle()
    assert net.state(FIRST, at=FIRST) == net.state(FIRST) == "delivered"
    assert_agreed(net)


def test_a_request_sent_back_by_the_gate_is_rewritten_and_a_refused_one_is_closed(net):
    (number,) = work.issue(
        net[STREET],
        Order(title="问卷", targets=net.units(FIRST), duty=Duty.UNLISTED),
        actor="street head",
    ).assignments
    net.settle()
    work.rule(net[CITY], number, EventKind.SEND_BACK, actor="gate", reason="写明份数")
    net.settle()
    assert net.state(FIRST, at=STREET) == "draft"
    work.amend(net[STREET], number, actor="street head", title="问卷一份", body="十分钟")
    net.settle()
    assert net.row(FIRST).title == "问卷一份"
    work.rule(net[CITY], number, EventKind.REFUSE, actor="gate", reason="已有数据")
    net.settle()
    assert net.state(FIRST, at=FIRST) == "refused"
    assert_agreed(net)


def test_temporary_work_without_a_fee_is_not_issued(net):
    with pytest.raises(BadOrder) as refused:
        issued(net, Duty.ASSISTS, nature=Nature.TEMPORARY)
    assert refused.value.reason == "fee_missing"


def release_fee(net: Network, number: bytes, fen: int) -> None:
    """Put a fee in at the street and release it to the first community for one assignment."""
    money = {
        "fund": "F9", "year": 2027, "amount_fen": fen, "actor": "cashier", "assignment": number,
    }  # fmt: skip
    postings.appropriate(net[STREET], **money)
    postings.release(net[STREET], to=net.unit(FIRST), **money)


def test_work_with_a_fee_is_accepted_only_once_the_fee_is_released(net):
    issued(net, Duty.ASSISTS, nature=Nature.TEMPORARY, fee_fen=5_000)
    number = net.row(FIRST).id
    work_steps.consent(net[FIRST], number, actor="clerk")
    with pytest.raises(IllegalEvent) as refused:
        work_steps.accept(net[FIRST], number, actor="clerk")
    assert refused.value.reason == "fee_not_released"
    release_fee(net, number, 5_000)
    net.settle()
    assert work_steps.accept(net[FIRST], number, actor="clerk").state == "accepted"


def test_a_recall_takes_back_every_part_down_to_the_communities(net):
    (number,) = issued(net).assignments
    work_steps.accept(net[FIRST], net.row(FIRST).id, actor="clerk")
    net.settle()
    work_steps.recall(net[CITY], number, actor="mayor", reason="政策调整")
    net.settle()
    assert {row.state for row in net.rows(CITY)} == {"recalled"}
    assert net.state(FIRST, at=FIRST) == "recalled"
    assert_agreed(net)


def test_a_recall_that_crosses_an_acceptance_ends_the_work_at_both(net):
    issued(net)
    number = net.row(FIRST).id
    work_steps.accept(net[FIRST], number, actor="clerk")
    work_steps.recall(net[STREET], number, actor="street head")
    assert net.state(FIRST, at=FIRST) == "accepted"
    net.settle()
    assert net.state(FIRST, at=FIRST) == net.state(FIRST, at=STREET) == "recalled"
    assert_agreed(net)


def test_a_recall_that_crosses_a_claim_comes_too_late_at_both(net):
    issued(net)
    number = net.row(FIRST).id
    do(net, FIRST)
    work_steps.recall(net[STREET], number, actor="street head")
    net.settle()
    assert net.state(FIRST, at=FIRST) == net.state(FIRST, at=STREET) == "claimed"
    shown = views.show(net[STREET], number)
    assert [line.kind for line in shown.history if line.ignored] == ["recall"]
    assert_agreed(net)


def test_recalled_work_that_is_dispatched_again_is_relayed_as_new_parts(net):
    issued(net)
    number = net.row(STREET).id
    work_steps.hand_back(net[STREET], number, actor="street head", reason="人手不足")
    net.settle()
    work_steps.take_back(net[DISTRICT], number, actor="district head")
    net.settle()
    assert net.state(FIRST) == "recalled"
    work_steps.dispatch(net[DISTRICT], number, actor="district head")
    net.settle()
    work_steps.accept(net[STREET], number, actor="street head")
    work.relay(net[STREET], number, actor="street head")
    net.settle()
    unit = net.unit(FIRST)
    assert sorted(r.state for r in net.rows(FIRST) if r.assignee == unit) == [
        "delivered", "recalled"
    ]  # fmt: skip
    assert_agreed(net)


def test_work_returned_twice_is_dispatched_again_only_by_a_binding_ruling(net):
    issued(net)
    number = net.row(FIRST).id
    for n in range(2):
        work_steps.give_back(net[FIRST], number, actor="clerk", reason="不属于本社区")
        net.settle()
        if n == 0:
            work_steps.dispatch(net[STREET], number, actor="street head")
            net.settle()
    with pytest.raises(IllegalEvent) as refused:
        work_steps.dispatch(net[STREET], number, actor="street head")
    assert refused.value.reason == "returned_too_often"
    work.rule(net[DISTRICT], number, EventKind.ADJUDICATE, actor="district head", reason="属地")
    net.settle()
    assert net.state(FIRST) == "delivered"
    with pytest.raises(IllegalEvent) as refused:
        work_steps.give_back(net[FIRST], number, actor="clerk", reason="不属于本社区")
    assert refused.value.reason == "binding"
    assert_agreed(net)


def test_a_later_deadline_reaches_the_communities(net):
    (number,) = issued(net).assignments
    later = net.now_ms + 9 * DAY_MS
    work_steps.extend(net[CITY], number, actor="mayor", due_ms=later)
    net.settle()
    assert {row.due_ms for row in net.rows(CITY)} == {later}
    assert net.row(FIRST, at=FIRST).due_ms == later


def test_an_office_that_lacks_its_own_relay_event_does_not_open_the_parts_again(net):
    """A restored office may have back what it said downward before what it said upward."""
    (number,) = issued(net).assignments
    parts = {row.id for row in net.rows(DISTRICT) if row.parent == number}
    assert parts
    net[DISTRICT].store.write(
        lambda tx: tx.exec_driver_sql(
            "DELETE FROM r_assignment_event WHERE f_by='assignee' AND f_kind<>'receipt' "
            f"AND f_assignment='{number.hex()}'"
        )
    )
    later = net.now_ms + 9 * DAY_MS
    work_steps.extend(net[CITY], number, actor="mayor", due_ms=later)
    net.settle()
    with net[DISTRICT].store.read() as tx:
        drafted = [
            sum(step.event.kind is EventKind.DRAFT for step in one.state.history)
            for one in load(tx, sorted(parts)).values()
        ]
    assert drafted == [1] * len(parts)
    assert {net.row(code, at=code).due_ms for code in COMMUNITIES} == {later}


def test_a_community_asks_the_city_and_the_offices_between_pass_it_up(net):
    work.issue(
        net[FIRST], Order(title="路灯", targets=net.units(CITY), duty=Duty.OFFICE), actor="clerk"
    )
    net.settle()
    assert [net.state(code) for code in (STREET, DISTRICT, CITY)] == [
        "relayed", "relayed", "delivered"
    ]  # fmt: skip
    number = net.row(CITY).id
    work_steps.accept(net[CITY], number, actor="mayor")
    work_steps.progress(net[CITY], number, actor="mayor", percent=50)
    work_steps.claim(net[CITY], number, actor="mayor")
    net.settle()
    work_steps.verify(net[DISTRICT], number, actor="district head")
    net.settle()
    work_steps.verify(net[STREET], net.row(DISTRICT, at=STREET).id, actor="street head")
    net.settle()
    assert net.state(STREET, at=FIRST) == "claimed"


def test_an_office_neither_above_nor_below_is_not_given_work(net):
    with pytest.raises(BadOrder) as refused:
        work.issue(net[FIRST], Order(title="帮忙", targets=net.units(SECOND)), actor="clerk")
    assert refused.value.reason == "out_of_line"


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"title": " "}, "no_title"),
        ({"title": "长" * 201}, "too_long"),
        ({"due_ms": 1}, "deadline_past"),
    ],
)
def test_an_order_with_missing_or_contradictory_fields_is_refused(net, terms, reason):
    with pytest.raises(BadOrder) as refused:
        work.issue(net[CITY], to_communities(net, **terms), actor="mayor")
    assert refused.value.reason == reason
    assert refused.value.zh
    assert refused.value.remedy_en


def test_a_step_is_refused_to_every_office_but_the_one_entitled_to_it(net):
    issued(net)
    number = net.row(FIRST).id
    with pytest.raises(NotYours):
        work_steps.accept(net[STREET], number, actor="street head")
    with pytest.raises(NotYours):
        work_steps.recall(net[CITY], number, actor="mayor")
    with pytest.raises(UnknownAssignment):
        work_steps.accept(net[SECOND], number, actor="clerk")


def test_who_claimed_the_work_may_not_verify_it(net):
    issued(net)
    do(net, FIRST)
    net.settle()
    with pytest.raises(IllegalEvent) as refused:
        work_steps.verify(net[STREET], net.row(FIRST).id, actor=f"{FIRST} clerk")
    assert refused.value.reason == "same_person"


def test_an_event_written_for_another_office_moves_nothing(net):
    issued(net)
    target = net.row(SECOND)
    first = net[FIRST]
    with net[STREET].store.read() as tx:
        victim = load(tx, [target.id])[target.id]

    def forge(tx):
        writer = EventWriter(net.unit(FIRST), 3, first.tree, net.now_ms)
        writer.write_event(victim, EventKind.RETURN, "assignee", reason="冒名")
        return writer.edits

    first.commit(forge)
    net.settle()
    assert net.state(SECOND, at=STREET) == net.state(SECOND) == "delivered"


# -- time ------------------------------------------------------------------------------------


def receive_status(net: Network, at: str, code: str, at_ms: int, **terms: int) -> None:
    """Let the office `at` receive the status that `code` made at `at_ms`, which is now past."""
    net.now_ms = max(net.now_ms, at_ms)
    net[at].peer_status.receive_status([NodeStatus(unit=net.unit(code), at_ms=at_ms, **terms)])


def test_late_work_is_unconfirmed_until_everything_up_to_the_deadline_is_received(net):
    due = net.now_ms + DAY_MS
    issued(net, due_ms=due)
    street, late = net[STREET], due + 1_000
    assert deadlines.escalate(street, due) == ()
    assert {f.now for f in deadlines.escalate(street, late)} == {"overdue_unconfirmed", "overdue"}
    assert net.row(FIRST, at=STREET).flag == "overdue_unconfirmed"
    assert net.row(STREET, at=STREET).flag == "overdue"  # our own work: we know
    receive_status(net, STREET, FIRST, due + 500)
    receive_status(net, STREET, SECOND, due + 500, waiting_up=1, waiting_age_ms=800)
    assert [f.id for f in deadlines.escalate(street, late)] == [net.row(FIRST).id]
    assert net.row(SECOND, at=STREET).flag == "overdue_unconfirmed"
    assert deadlines.escalate(street, late) == ()


def test_events_not_yet_forwarded_by_a_street_are_unknown_above_it(net):
    tree, me = net[DISTRICT].tree, net.unit(DISTRICT)
    first, street = net.unit(FIRST), net.unit(STREET)
    known = {first: NodeStatus(unit=first, at_ms=1_000)}
    assert deadlines.watermark(tree, me, first, known, 9_000) is None
    known[street] = NodeStatus(unit=street, at_ms=1_200, waiting_up=1, waiting_age_ms=500)
    assert deadlines.watermark(tree, me, first, known, 9_000) is None
    known[street] = NodeStatus(unit=street, at_ms=1_200)
    assert deadlines.watermark(tree, me, first, known, 9_000) == 999


def test_a_claim_made_in_time_that_arrives_late_clears_the_flag(net):
    due = net.now_ms + DAY_MS
    issued(net, due_ms=due)
    do(net, FIRST)
    receive_status(net, STREET, FIRST, due + 1)  # news may overtake what it speaks of
    deadlines.escalate(net[STREET], due + 1_000)
    assert net.row(FIRST, at=STREET).flag == "overdue"
    net.settle()
    assert net.row(FIRST, at=STREET).flag == ""


def test_a_claim_after_the_deadline_stays_late(net):
    due = net.now_ms + DAY_MS
    issued(net, due_ms=due)
    net.now_ms = due + 5_000
    do(net, FIRST)
    net.settle()
    assert net.row(FIRST, at=CITY).flag == "overdue"


def test_late_work_is_escalated_one_level_each_time_the_term_passes(net):
    due = net.now_ms + DAY_MS
    issued(net, due_ms=due)
    reported_ms = due + 10 * DAY_MS
    seen = {}
    for code in (STREET, DISTRICT, CITY):
        office = net[code]
        for later_ms, below in enumerate((FIRST, STREET, DISTRICT)):
            receive_status(net, code, below, reported_ms + later_ms)
        reached = []
        for days in (1, 4, 7, 10):
            for flagged in deadlines.escalate(office, due + days * DAY_MS):
                if flagged.id == net.row(FIRST).id and flagged.reached:
                    reached.append(days)
        seen[code] = reached[0]
    assert seen == {STREET: 1, DISTRICT: 4, CITY: 7}


def test_late_work_and_what_has_risen_of_it_is_shown_by_status(net):
    def late(code: str) -> dict[str, str]:
        found = status(net[code]).problems
        return {p.code: p.en for p in found if p.code.startswith("work_")}

    due = net.now_ms + DAY_MS
    issued(net, due_ms=due)
    assert [late(code) for code in (FIRST, STREET, DISTRICT, CITY)] == [{}, {}, {}, {}]
    net.now_ms = due + 1_000
    # An assignee knows by itself; what others do is late when their word has come.
    assert late(FIRST) == {"work_overdue": "1 task of this office is past its deadline"}
    for code, below in ((STREET, FIRST), (DISTRICT, STREET)):
        receive_status(net, code, below, due + 1_000)
        deadlines.escalate(net[code], net.now_ms)
    assert late(STREET).keys() == {"work_overdue", "work_escalated"}
    assert late(DISTRICT).keys() == {"work_overdue", "work_escalated"}
    assert late(CITY) == {}
    do(net, FIRST)
    assert late(FIRST) == {}


def test_a_community_s_silence_is_not_consent(net):
    issued(net, Duty.ASSISTS)
    later = net.now_ms + deadlines.CONSENT_MS + DAY_MS
    assert deadlines.run_timers(net[STREET], net.now_ms) == ()
    moved = deadlines.run_timers(net[STREET], later)
    net.settle()
    assert len(moved) == 3
    assert net.state(FIRST, at=FIRST) == "consent_expired"
    with pytest.raises(IllegalEvent):
        work_steps.consent(net[FIRST], net.row(FIRST).id, actor="clerk")


def test_verified_work_that_nobody_appraises_is_closed_by_time(net):
    issued(net)
    do(net, FIRST)
    net.settle()
    number = net.row(FIRST).id
    work_steps.verify(net[STREET], number, actor="street head")
    work.appraise(net[STREET], number, actor="street head", score=90)
    net.settle()
    later = net.now_ms + deadlines.APPRAISE_MS + DAY_MS
    assert deadlines.run_timers(net[STREET], later) == (number,)
    net.settle()
    assert net.state(FIRST, at=FIRST) == "closed"


# -- views -----------------------------------------------------------------------------------


def test_lists_show_an_office_what_it_must_do_what_it_asked_and_what_passes_below(net):
    issued(net)
    street = net[STREET]
    assert views.find(street).total == 1
    assert views.find(street, views.Box.ISSUED).total == 3
    assert views.find(net[CITY], views.Box.PASSING).total == 4
    page = views.find(net[CITY], views.Box.ALL, limit=2)
    assert (len(page.rows), page.total) == (2, 5)
    rest = views.find(net[CITY], views.Box.ALL, offset=2)
    assert {r.id for r in page.rows} | {r.id for r in rest.rows} == {r.id for r in net.rows(CITY)}
    assert views.find(net[CITY], views.Box.ALL, text="走访").total == 5
    assert views.find(net[CITY], views.Box.ALL, text="%").total == 0
    assert views.find(net[CITY], views.Box.ALL, states=[work.State.DELIVERED]).total == 3
    boxes = (views.Box.TODO, views.Box.ISSUED, views.Box.PASSING)
    seen = [[row.state for row in views.find(net[DISTRICT], box).rows] for box in boxes]
    assert seen == [["relayed"], ["relayed"], ["delivered"] * 3]


def test_a_history_reads_in_both_languages(net):
    issued(net, Duty.ASSISTS)
    number = net.row(FIRST).id
    work_steps.decline(net[FIRST], number, actor="clerk", reason="人手不足")
    net.settle()
    shown = views.show(net[CITY], number)
    assert "天杭社区 拒绝 人手不足 → 已拒绝" in shown.text("zh")
    assert "天杭社区 decline 人手不足 → declined" in shown.text("en")
    assert shown.body == "逐户走访"
    with pytest.raises(UnknownAssignment):
        views.show(net[SECOND], number)


def test_the_tree_of_an_order_shows_each_office_the_hops_it_sees(net):
    order = issued(net).order
    whole = orders.show_order(net[CITY], order)
    assert whole.counts == {1: {"relayed": 1}, 2: {"relayed": 1}, 3: {"delivered": 3}}
    assert [(hop.row.level, hop.depth) for hop in whole.hops] == [
        (1, 0), (2, 1), (3, 2), (3, 2), (3, 2),
    ]  # fmt: skip
    below = orders.show_order(net[STREET], order)
    assert [hop.row.assignee for hop in below.hops if not hop.depth] == [net.unit(STREET)]
    assert not whole.closed


# -- the list of final assignees ----------------------------------------------------------------


@pytest.mark.parametrize("chosen", [(FIRST,), (FIRST, SECOND), COMMUNITIES, (STREET,), (CITY,)])
def test_targets_round_trip(net, chosen):
    tree, wanted = net[CITY].tree, set(net.units(*chosen))
    assert (
        final.read(tree, net.unit(STREET), final.written(tree, net.unit(STREET), wanted)) == wanted
    )


@pytest.mark.parametrize("text", ["", "*", "*x", "=AAAA", "?"])
def test_unreadable_targets_match_no_office(net, text):
    with pytest.raises(final.OutOfLine):
        final.read(net[CITY].tree, net.unit(STREET), text)


def test_a_deadline_in_a_message_is_a_day(net):
    passed_ms = end_of_day_ms(date(2020, 1, 1))
    refused = []
    with pytest.raises(BadOrder) as caught:
        work.issue(net[CITY], to_communities(net, due_ms=passed_ms), actor="mayor")
    refused.append(caught.value)
    issued(net, due_ms=net.now_ms + 900 * DAY_MS)
    number = net.row(FIRST).id
    with pytest.raises(BadOrder) as caught:
        work_steps.extend(net[STREET], number, actor="street head", due_ms=passed_ms)
    refused.append(caught.value)
    for error in refused:
        assert "2020-01-01" in error.en
        assert "2020-01-01" in error.zh
        assert str(passed_ms) not in error.text("en") + error.text("zh")
    for lang in ("en", "zh"):
        reported = views.show(net[STREET], number).text(lang)
        assert str(net.row(FIRST).due_ms) not in reported


@pytest.mark.parametrize(
    "terms",
    [{"fee_fen": -1}, {"fee_fen": 10**15 + 1}, {"workload_days": -1}, {"duration_days": 10**6},
     {"department": "部" * 101}, {"item_no": "9" * 33}, {"body": "a\0b"}, {"title": "\x1b[2J"}],
)  # fmt: skip
def test_an_order_that_its_record_could_not_hold_is_refused_in_both_languages(net, terms):
    with pytest.raises(BadOrder) as refused:
        work.issue(net[CITY], to_communities(net, **terms), actor="mayor")
    assert refused.value.zh
    assert not any(word in refused.value.zh for word in ("title", "body", "department"))
    assert net.rows(CITY) == []
