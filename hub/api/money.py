"""Money over the wire: put in, send down, receive, send back, spend, and where it is."""

from __future__ import annotations

from typing import Any

from hub.api import choices
from hub.api.call_context import CallContext, Method, id_text, only, parse_id, parse_id_if_given
from hub.api.pages import page_of, place_of, start_of
from node.domain.posting import PostingKind
from node.services.money import formula_plan as plans
from node.services.money import postings as service
from node.services.money import receipts as answers
from node.services.money import views
from node.services.money.checks import check_fund
from node.services.money.conservation import check_conservation as checked
from node.store.postings import Line
from sync.wire.office.v1 import money_pb2 as pb

WAITING = "waiting"
APPROPRIATE, RELEASE = "appropriate", "release"  # steps of a plan
_BY_ID = {"when": "one transfer", "when_zh": "单笔划转"}
_IN_ALL = {"when": "receiving all that wait", "when_zh": "全部确认到账"}


def appropriate(
    context: CallContext, request: pb.AppropriateMoneyRequest
) -> pb.AppropriateMoneyResponse:
    line = service.appropriate(context.office, **_arguments(context, request))
    return pb.AppropriateMoneyResponse(posting=_posting(context, line))


def match(context: CallContext, request: pb.MatchMoneyRequest) -> pb.MatchMoneyResponse:
    line = service.match(
        context.office,
        year=request.year,
        amount_fen=request.amount_fen if request.HasField("amount_fen") else None,
        note=request.note,
        transfer=parse_id_if_given(request.transfer, "transfer"),
        actor=request.actor,
    )
    return pb.MatchMoneyResponse(posting=_posting(context, line))


def release(context: CallContext, request: pb.ReleaseMoneyRequest) -> pb.ReleaseMoneyResponse:
    line = service.release(
        context.office, to=context.resolve_unit(request.to), **_arguments(context, request)
    )
    return pb.ReleaseMoneyResponse(posting=_posting(context, line))


def receive(context: CallContext, request: pb.ReceiveMoneyRequest) -> pb.ReceiveMoneyResponse:
    if request.transfer:
        only(request, ("transfer", "counted_fen", "note", "actor"), **_BY_ID)
        counted_fen = request.counted_fen if request.HasField("counted_fen") else None
        lines: tuple[Line, ...] = (
            answers.receive(
                context.office,
                parse_id(request.transfer, "transfer"),
                actor=request.actor,
                counted_fen=counted_fen,
                note=request.note,
            ),
        )
    else:
        only(request, ("note", "actor", "fund", "year"), **_IN_ALL)
        lines = answers.receive_all(
            context.office,
            actor=request.actor,
            fund=_fund(context, request.fund),
            year=request.year or None,
            note=request.note,
        )
    return pb.ReceiveMoneyResponse(postings=[_posting(context, line) for line in lines])


def return_money(context: CallContext, request: pb.ReturnMoneyRequest) -> pb.ReturnMoneyResponse:
    if request.transfer:
        only(request, ("transfer", "reason", "actor"), **_BY_ID)
        line = answers.return_(
            context.office,
            parse_id(request.transfer, "transfer"),
            reason=request.reason,
            actor=request.actor,
        )
    else:
        line = service.give_back(
            context.office,
            fund=_known_fund(context, request.fund),
            year=request.year,
            amount_fen=request.amount_fen,
            reason=request.reason,
            actor=request.actor,
            transfer=parse_id_if_given(request.new_transfer, "new_transfer"),
            assignment=parse_id_if_given(request.assignment, "assignment"),
        )
    return pb.ReturnMoneyResponse(posting=_posting(context, line))


def spend(context: CallContext, request: pb.SpendMoneyRequest) -> pb.SpendMoneyResponse:
    category = choices.known(request.category, choices.of_field(context, "posting", "category"))
    line = service.spend(context.office, category=category, **_arguments(context, request))
    return pb.SpendMoneyResponse(posting=_posting(context, line))


def reverse(context: CallContext, request: pb.ReversePostingRequest) -> pb.ReversePostingResponse:
    line = service.reverse(
        context.office, parse_id(request.posting, "posting"), actor=request.actor, note=request.note
    )
    return pb.ReversePostingResponse(posting=_posting(context, line))


def list_transfers(
    context: CallContext, request: pb.ListTransfersRequest
) -> pb.ListTransfersResponse:
    direction = choices.chosen(
        request.direction or "all", choices.DIRECTIONS, ("way", "方向"), "--way", "direction"
    )
    states, state = choices.TRANSFER_STATES, None
    if request.state:
        text = choices.chosen(request.state, states, ("state of a transfer", "划转状态"), "--state")
        state = views.TransferState(text)
    asked: dict[str, Any] = {
        "state": state,
        "fund": _fund(context, request.fund),
        "year": request.year or None,
        "offset": start_of(request.page_token),
    }
    if direction == WAITING:
        page = views.waiting_page(context.office, limit=request.page_size or None, **asked)
    else:
        page = views.transfers(
            context.office, views.Direction(direction), limit=request.page_size or 50, **asked
        )
    return pb.ListTransfersResponse(
        transfers=[_transfer(context, each) for each in page.transfers],
        **place_of(asked["offset"], len(page.transfers), page.total),
    )


def list_balances(context: CallContext, request: pb.ListBalancesRequest) -> pb.ListBalancesResponse:
    all_ = views.balances(
        context.office,
        context.resolve_unit(request.unit),
        subtree=request.subtree,
        fund=_fund(context, request.fund),
        year=request.year or None,
    )
    found, place = page_of(all_, request)
    return pb.ListBalancesResponse(
        balances=[
            pb.Balance(
                unit=context.unit(b.unit),
                fund=b.fund,
                year=b.year,
                account=b.account,
                fen=b.fen,
                peer=context.unit(_peer_of(b.account)),
            )
            for b in found
        ],
        **place,
    )


def _peer_of(account: str) -> int | None:
    """Return the other office that an account names; None where it names none, or a category."""
    about = account.partition(":")[2]
    return int(about) if about.isdecimal() else None


def check_conservation(
    context: CallContext, request: pb.CheckConservationRequest
) -> pb.CheckConservationResponse:
    found = checked(context.office, fund=_fund(context, request.fund), year=request.year or None)
    names = [field.name for field in pb.ConservationLine.DESCRIPTOR.fields]
    return pb.CheckConservationResponse(
        lines=[
            pb.ConservationLine(**{name: getattr(line, name) for name in names})
            for line in found.lines
        ],
        holds=found.holds,
        partial=found.partial,
    )


def list_postings(context: CallContext, request: pb.ListPostingsRequest) -> pb.ListPostingsResponse:
    start = start_of(request.page_token)
    page = views.history(
        context.office,
        context.resolve_unit(request.unit),
        fund=_fund(context, request.fund),
        year=request.year or None,
        kind=_kind(context, request.kind),
        offset=start,
        limit=request.page_size or 50,
    )
    return pb.ListPostingsResponse(
        postings=[_posting(context, line) for line in page.lines],
        **place_of(start, len(page.lines), page.total),
    )


def plan_money(context: CallContext, request: pb.PlanMoneyRequest) -> pb.PlanMoneyResponse:
    office, year = context.office, request.year
    step = ""
    if request.step:
        step = choices.chosen(request.step, choices.PLAN_STEPS, ("step of a plan", "操作"), "step")
    funds = [_known_fund(context, fund) for fund in request.funds] or list(plans.FUNDS_PLANNED)
    booked: tuple[Line, ...] = ()
    if step == APPROPRIATE:
        budget = {_known_fund(context, fund): fen for fund, fen in request.budget_fen.items()}
        booked = plans.appropriate_plan(
            office, year, actor=request.actor, funds=funds, budget_fen=budget, note=request.note
        )
    elif step == RELEASE:
        only(
            request, ("year", "funds", "step", "note", "actor"),
            when="releasing by plan", when_zh="按计划下拨",
        )  # fmt: skip
        booked = plans.release_plan(
            office, year, actor=request.actor, funds=funds, note=request.note
        )
    else:
        only(request, ("year", "funds"), when="looking at the plan", when_zh="查看计划")
    found = plans.plan(office, year, funds=funds)
    names = [f.name for f in pb.PlannedFund.DESCRIPTOR.fields]
    return pb.PlanMoneyResponse(
        funds=[pb.PlannedFund(**{n: getattr(one, n) for n in names}) for one in found.funds],
        lines=[
            pb.PlannedLine(
                unit=context.unit(line.basis.unit),
                fund=line.fund,
                due_fen=line.due_fen,
                share_fen=line.share_fen,
                households=line.basis.households,
                party_members=line.basis.party_members,
                committee=line.basis.has_committee,
                frozen=line.basis.frozen,
                households_withheld=line.basis.households_withheld,
            )
            for line in found.lines
        ],
        frozen=found.frozen,
        postings=[_posting(context, line) for line in booked],
        norms=office.norms.version,
    )


def _known_fund(context: CallContext, text: str) -> str:
    return choices.known(text, choices.of_field(context, "posting", "fund"))


def _fund(context: CallContext, text: str) -> str | None:
    """Return the fund that a list is asked for; None for all. Raises: BadAllocation."""
    if not text:
        return None
    fund = _known_fund(context, text)
    check_fund(fund)
    return fund


def _arguments(context: CallContext, request: Any) -> dict[str, Any]:
    """Return what appropriating, releasing and spending have in common."""
    return {
        "fund": _known_fund(context, request.fund),
        "year": request.year,
        "amount_fen": request.amount_fen,
        "actor": request.actor,
        "note": request.note,
        "transfer": parse_id_if_given(request.transfer, "transfer"),
        "assignment": parse_id_if_given(request.assignment, "assignment"),
    }


def _kind(context: CallContext, text: str) -> PostingKind | None:
    if not text:
        return None
    kinds = choices.of_field(context, "posting", "kind")
    return PostingKind(choices.chosen(text, kinds, ("kind of posting", "分录类型"), "--kind"))


def _posting(context: CallContext, line: Line) -> pb.Posting:
    one = line.posting
    return pb.Posting(
        id=one.posting_id.hex(),
        transfer=one.transfer.hex(),
        kind=one.kind.value,
        unit=context.unit(one.unit_id),
        peer=context.unit(one.peer_unit),
        fund=one.fund,
        year=one.year,
        amount_fen=one.amount_fen,
        debit=str(one.debit),
        credit=str(one.credit),
        at_ms=one.at_ms,
        category=one.category.value if one.category else "",
        assignment=id_text(one.assignment),
        counted_fen=one.counted_fen,
        note=one.note,
        actor=line.actor,
    )


def _transfer(context: CallContext, one: views.Transfer) -> pb.Transfer:
    return pb.Transfer(
        id=one.transfer.hex(),
        sender=context.unit(one.from_unit),
        receiver=context.unit(one.to_unit),
        fund=one.fund,
        year=one.year,
        amount_fen=one.amount_fen,
        state=one.state.value,
        given_back=one.given_back,
        counted_fen=one.counted_fen,
        sent_ms=one.sent_ms,
        answered_ms=one.answered_ms or 0,
        assignment=id_text(one.assignment),
        note=one.note,
        answer_note=one.answer_note,
    )


METHODS = {
    "AppropriateMoney": Method(
        pb.AppropriateMoneyRequest, pb.AppropriateMoneyResponse, unary=appropriate
    ),
    "MatchMoney": Method(pb.MatchMoneyRequest, pb.MatchMoneyResponse, unary=match),
    "ReleaseMoney": Method(pb.ReleaseMoneyRequest, pb.ReleaseMoneyResponse, unary=release),
    "ReceiveMoney": Method(pb.ReceiveMoneyRequest, pb.ReceiveMoneyResponse, unary=receive),
    "ReturnMoney": Method(pb.ReturnMoneyRequest, pb.ReturnMoneyResponse, unary=return_money),
    "SpendMoney": Method(pb.SpendMoneyRequest, pb.SpendMoneyResponse, unary=spend),
    "ReversePosting": Method(pb.ReversePostingRequest, pb.ReversePostingResponse, unary=reverse),
    "ListTransfers": Method(
        pb.ListTransfersRequest, pb.ListTransfersResponse, unary=list_transfers
    ),
    "ListBalances": Method(pb.ListBalancesRequest, pb.ListBalancesResponse, unary=list_balances),
    "CheckConservation": Method(
        pb.CheckConservationRequest, pb.CheckConservationResponse, unary=check_conservation
    ),
    "PlanMoney": Method(pb.PlanMoneyRequest, pb.PlanMoneyResponse, unary=plan_money),
    "ListPostings": Method(pb.ListPostingsRequest, pb.ListPostingsResponse, unary=list_postings),
}
