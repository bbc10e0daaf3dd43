"""Money over the wire: put in, send down, take in, send back, spend, and where it is."""

from __future__ import annotations

from typing import Any

from hub.api.desk import Desk, Method, id_asked
from hub.api.words import member
from node.domain.posting import PostingKind
from node.services import allocation_answers as answers
from node.services import allocation_views as views
from node.services import allocations as service
from node.services.conservation import check_conservation as checked
from node.store.postings import Line
from sync.wire.v1 import office_money_pb2 as pb

WAITING = "waiting"


def appropriate(desk: Desk, request: pb.AppropriateRequest) -> pb.AppropriateResponse:
    line = service.appropriate(desk.office, **_said(request))
    return pb.AppropriateResponse(posting=_posting(desk, line))


def match(desk: Desk, request: pb.MatchRequest) -> pb.MatchResponse:
    line = service.match(
        desk.office,
        year=request.year,
        amount_fen=request.amount_fen if request.HasField("amount_fen") else None,
        note=request.note,
        transfer=_id(request.transfer),
        actor=request.actor,
    )
    return pb.MatchResponse(posting=_posting(desk, line))


def release(desk: Desk, request: pb.ReleaseRequest) -> pb.ReleaseResponse:
    line = service.release(desk.office, to=desk.unit_asked(request.to), **_said(request))
    return pb.ReleaseResponse(posting=_posting(desk, line))


def receive(desk: Desk, request: pb.ReceiveRequest) -> pb.ReceiveResponse:
    if request.transfer:
        counted_fen = request.counted_fen if request.HasField("counted_fen") else None
        lines: tuple[Line, ...] = (
            answers.receive(
                desk.office,
                id_asked(request.transfer),
                actor=request.actor,
                counted_fen=counted_fen,
                note=request.note,
            ),
        )
    else:
        lines = answers.receive_all(
            desk.office,
            actor=request.actor,
            fund=request.fund or None,
            year=request.year or None,
            note=request.note,
        )
    return pb.ReceiveResponse(postings=[_posting(desk, line) for line in lines])


def return_money(desk: Desk, request: pb.ReturnMoneyRequest) -> pb.ReturnMoneyResponse:
    if request.transfer:
        line = answers.return_(
            desk.office, id_asked(request.transfer), reason=request.reason, actor=request.actor
        )
    else:
        line = service.give_back(
            desk.office,
            fund=request.fund,
            year=request.year,
            amount_fen=request.amount_fen,
            reason=request.reason,
            actor=request.actor,
            transfer=_id(request.new_transfer),
            assignment=_id(request.assignment),
        )
    return pb.ReturnMoneyResponse(posting=_posting(desk, line))


def spend(desk: Desk, request: pb.SpendRequest) -> pb.SpendResponse:
    line = service.spend(desk.office, category=request.category, **_said(request))
    return pb.SpendResponse(posting=_posting(desk, line))


def reverse(desk: Desk, request: pb.ReverseRequest) -> pb.ReverseResponse:
    line = service.reverse(
        desk.office, id_asked(request.posting), actor=request.actor, note=request.note
    )
    return pb.ReverseResponse(posting=_posting(desk, line))


def list_transfers(desk: Desk, request: pb.ListTransfersRequest) -> pb.ListTransfersResponse:
    if request.way == WAITING:
        waiting = views.waiting(desk.office)
        found, total = waiting, len(waiting)
    else:
        state = request.state
        page = views.transfers(
            desk.office,
            member(views.Way, request.way or "all", "way", [*views.Way, WAITING]),
            state=member(views.TransferState, state, "state") if state else None,
            fund=request.fund or None,
            year=request.year or None,
            offset=request.offset,
            limit=request.limit or 50,
        )
        found, total = page.transfers, page.total
    return pb.ListTransfersResponse(
        transfers=[_transfer(desk, each) for each in found], total=total
    )


def list_balances(desk: Desk, request: pb.ListBalancesRequest) -> pb.ListBalancesResponse:
    found = views.balances(
        desk.office,
        desk.unit_asked(request.unit),
        subtree=request.subtree,
        fund=request.fund or None,
        year=request.year or None,
    )
    return pb.ListBalancesResponse(
        balances=[
            pb.Balance(
                unit=desk.unit(b.unit), fund=b.fund, year=b.year, account=b.account, fen=b.fen
            )
            for b in found
        ]
    )


def check_conservation(
    desk: Desk, request: pb.CheckConservationRequest
) -> pb.CheckConservationResponse:
    found = checked(desk.office, fund=request.fund or None, year=request.year or None)
    names = [field.name for field in pb.ConservationLine.DESCRIPTOR.fields]
    return pb.CheckConservationResponse(
        lines=[
            pb.ConservationLine(**{name: getattr(line, name) for name in names})
            for line in found.lines
        ],
        holds=found.holds,
        partial=found.partial,
    )


def list_postings(desk: Desk, request: pb.ListPostingsRequest) -> pb.ListPostingsResponse:
    page = views.history(
        desk.office,
        desk.unit_asked(request.unit),
        fund=request.fund or None,
        year=request.year or None,
        kind=member(PostingKind, request.kind, "kind") if request.kind else None,
        offset=request.offset,
        limit=request.limit or 50,
    )
    return pb.ListPostingsResponse(
        postings=[_posting(desk, line) for line in page.lines], total=page.total
    )


def _said(request: Any) -> dict[str, Any]:
    """Return what appropriating, releasing and spending say alike."""
    return {
        "fund": request.fund,
        "year": request.year,
        "amount_fen": request.amount_fen,
        "actor": request.actor,
        "note": request.note,
        "transfer": _id(request.transfer),
        "assignment": _id(request.assignment),
    }


def _id(value: bytes) -> bytes | None:
    return id_asked(value) if value else None


def _posting(desk: Desk, line: Line) -> pb.Posting:
    one = line.posting
    return pb.Posting(
        id=one.posting_id,
        transfer=one.transfer,
        kind=one.kind.value,
        unit=desk.unit(one.unit_id),
        peer=desk.unit(one.peer_unit),
        fund=one.fund,
        year=one.year,
        amount_fen=one.amount_fen,
        debit=str(one.debit),
        credit=str(one.credit),
        at_ms=one.at_ms,
        category=one.category.value if one.category else "",
        assignment=one.assignment or b"",
        counted_fen=one.counted_fen,
        note=one.note,
        actor=line.actor,
    )


def _transfer(desk: Desk, one: views.Transfer) -> pb.Transfer:
    return pb.Transfer(
        id=one.transfer,
        sender=desk.unit(one.from_unit),
        receiver=desk.unit(one.to_unit),
        fund=one.fund,
        year=one.year,
        amount_fen=one.amount_fen,
        state=one.state.value,
        given_back=one.given_back,
        counted_fen=one.counted_fen,
        sent_ms=one.sent_ms,
        answered_ms=one.answered_ms or 0,
        assignment=one.assignment or b"",
        note=one.note,
        answer_note=one.answer_note,
    )


METHODS = {
    "Appropriate": Method(pb.AppropriateRequest, pb.AppropriateResponse, unary=appropriate),
    "Match": Method(pb.MatchRequest, pb.MatchResponse, unary=match),
    "Release": Method(pb.ReleaseRequest, pb.ReleaseResponse, unary=release),
    "Receive": Method(pb.ReceiveRequest, pb.ReceiveResponse, unary=receive),
    "ReturnMoney": Method(pb.ReturnMoneyRequest, pb.ReturnMoneyResponse, unary=return_money),
    "Spend": Method(pb.SpendRequest, pb.SpendResponse, unary=spend),
    "Reverse": Method(pb.ReverseRequest, pb.ReverseResponse, unary=reverse),
    "ListTransfers": Method(
        pb.ListTransfersRequest, pb.ListTransfersResponse, unary=list_transfers
    ),
    "ListBalances": Method(pb.ListBalancesRequest, pb.ListBalancesResponse, unary=list_balances),
    "CheckConservation": Method(
        pb.CheckConservationRequest, pb.CheckConservationResponse, unary=check_conservation
    ),
    "ListPostings": Method(pb.ListPostingsRequest, pb.ListPostingsResponse, unary=list_postings),
}
