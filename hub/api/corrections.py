"""Correction requests over the wire: ask, list, look, answer, withdraw."""

from __future__ import annotations

from typing import cast

from hub.api.call_context import BadRequest, CallContext, Method, parse_day, parse_id, value_to_wire
from node.services.corrections import requests as service
from node.services.corrections import views
from sync.wire.v1 import office_corrections_pb2 as pb

BOXES = ("asked", "to-answer", "all")
ANSWERS = ("accept", "refuse")


def ask_correction(
    context: CallContext, request: pb.AskCorrectionRequest
) -> pb.AskCorrectionResponse:
    view = service.ask(
        context.office,
        request.register,
        context.resolve_unit(request.unit),
        parse_id(request.id),
        {name: text or None for name, text in request.values.items()},
        reason=request.reason,
        actor=request.actor,
        due=parse_day(request.due_on),
    )
    return pb.AskCorrectionResponse(correction=_correction(context, view))


def list_corrections(
    context: CallContext, request: pb.ListCorrectionsRequest
) -> pb.ListCorrectionsResponse:
    box = request.box or "all"
    _one_of(box, BOXES)
    page = views.list_corrections(
        context.office,
        cast(views.Box, box),
        open_only=request.open_only,
        limit=request.limit or 50,
        after=request.after,
    )
    return pb.ListCorrectionsResponse(
        corrections=[_correction(context, view) for view in page.corrections],
        total=page.total,
        next=page.next,
    )


def get_correction(
    context: CallContext, request: pb.GetCorrectionRequest
) -> pb.GetCorrectionResponse:
    view = views.show(context.office, parse_id(request.id))
    return pb.GetCorrectionResponse(correction=_correction(context, view))


def answer_correction(
    context: CallContext, request: pb.AnswerCorrectionRequest
) -> pb.AnswerCorrectionResponse:
    _one_of(request.answer, ANSWERS)
    asked = parse_id(request.id)
    if request.answer == "accept":
        view = service.accept(
            context.office,
            asked,
            actor=request.actor,
            version_token=request.version_token,
            force=request.force,
        )
    else:
        view = service.refuse(context.office, asked, reason=request.reason, actor=request.actor)
    return pb.AnswerCorrectionResponse(correction=_correction(context, view))


def withdraw_correction(
    context: CallContext, request: pb.WithdrawCorrectionRequest
) -> pb.WithdrawCorrectionResponse:
    view = service.withdraw(
        context.office, parse_id(request.id), actor=request.actor, reason=request.reason
    )
    return pb.WithdrawCorrectionResponse(correction=_correction(context, view))


def _one_of(text: str, allowed: tuple[str, ...]) -> None:
    if text not in allowed:
        listed = ", ".join(allowed)
        raise BadRequest(
            f"{text[:20]!r} is none of: {listed}", f"“{text[:20]}”不在可选范围内: {listed}",
            f"Take one of: {listed}.", f"请选择: {listed}。",
        )  # fmt: skip


def _correction(context: CallContext, view: views.CorrectionView) -> pb.Correction:
    return pb.Correction(
        id=view.id,
        register=view.register,
        unit=context.unit(view.unit),
        record=view.record,
        asker=context.unit(view.asker),
        owner=context.unit(view.owner),
        state=view.state.value,
        proposed=[
            pb.ProposedChange(
                field=proposal.field,
                now=value_to_wire(proposal.now),
                asked_when=value_to_wire(proposal.asked_when),
                proposed_value=value_to_wire(proposal.proposed_value),
                moved=proposal.moved,
            )
            for proposal in view.proposed
        ],
        reason=view.reason,
        asked_by=view.asked_by,
        asked_ms=view.asked_ms,
        due_on=view.due_on.isoformat(),
        late=view.late,
        answer=view.answer,
        closed_by=view.closed_by,
        closed_ms=view.closed_ms,
        record_state=view.record_state,
        may_answer=view.may_answer,
        may_withdraw=view.may_withdraw,
        version_token=view.version_token,
    )


METHODS = {
    "AskCorrection": Method(
        pb.AskCorrectionRequest, pb.AskCorrectionResponse, unary=ask_correction
    ),
    "ListCorrections": Method(
        pb.ListCorrectionsRequest, pb.ListCorrectionsResponse, unary=list_corrections
    ),
    "GetCorrection": Method(
        pb.GetCorrectionRequest, pb.GetCorrectionResponse, unary=get_correction
    ),
    "AnswerCorrection": Method(
        pb.AnswerCorrectionRequest, pb.AnswerCorrectionResponse, unary=answer_correction
    ),
    "WithdrawCorrection": Method(
        pb.WithdrawCorrectionRequest, pb.WithdrawCorrectionResponse, unary=withdraw_correction
    ),
}
