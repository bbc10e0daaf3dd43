"""Correction requests over the wire: ask, list, look, answer, withdraw."""

from __future__ import annotations

from typing import cast

from hub.api import choices
from hub.api.call_context import CallContext, Method, only, parse_day, parse_id, value_to_wire
from hub.api.registers import whose
from node.services.corrections import requests as service
from node.services.corrections import views
from sync.wire.office.v1 import corrections_pb2 as pb


def ask_correction(
    context: CallContext, request: pb.CreateCorrectionRequest
) -> pb.CreateCorrectionResponse:
    view = service.ask(
        context.office,
        request.register,
        whose(context, request),
        parse_id(request.id),
        {name: text or None for name, text in request.values.items()},
        reason=request.reason,
        actor=request.actor,
        due=parse_day(request.due_on, "due_on"),
    )
    return pb.CreateCorrectionResponse(correction=_correction(context, view))


def list_corrections(
    context: CallContext, request: pb.ListCorrectionsRequest
) -> pb.ListCorrectionsResponse:
    box = choices.chosen(request.box or "all", choices.CORRECTION_BOXES, ("box", "范围"), "--box")
    page = views.list_corrections(
        context.office,
        cast(views.Box, box),
        open_only=request.open_only,
        limit=request.page_size or 50,
        after=request.page_token,
    )
    return pb.ListCorrectionsResponse(
        corrections=[_correction(context, view) for view in page.corrections],
        total_size=page.total,
        next_page_token=page.next,
    )


def get_correction(
    context: CallContext, request: pb.GetCorrectionRequest
) -> pb.GetCorrectionResponse:
    view = views.show(context.office, parse_id(request.id))
    return pb.GetCorrectionResponse(correction=_correction(context, view))


def answer_correction(
    context: CallContext, request: pb.AnswerCorrectionRequest
) -> pb.AnswerCorrectionResponse:
    answer = choices.chosen(request.answer, choices.ANSWERS, ("answer", "答复"), "answer")
    asked = parse_id(request.id)
    if answer == "accept":
        only(
            request,
            ("id", "answer", "actor", "version_token", "force"),
            when="accepting",
            when_zh="采纳",
        )
        view = service.accept(
            context.office,
            asked,
            actor=request.actor,
            version_token=request.version_token,
            force=request.force,
        )
    else:
        only(request, ("id", "answer", "actor", "reason"), when="refusing", when_zh="不予采纳")
        view = service.refuse(context.office, asked, reason=request.reason, actor=request.actor)
    return pb.AnswerCorrectionResponse(correction=_correction(context, view))


def withdraw_correction(
    context: CallContext, request: pb.WithdrawCorrectionRequest
) -> pb.WithdrawCorrectionResponse:
    view = service.withdraw(
        context.office, parse_id(request.id), actor=request.actor, reason=request.reason
    )
    return pb.WithdrawCorrectionResponse(correction=_correction(context, view))


def _correction(context: CallContext, view: views.CorrectionView) -> pb.Correction:
    return pb.Correction(
        id=view.id.hex(),
        register=view.register,
        unit=context.unit(view.unit),
        record=view.record.hex(),
        applicant=context.unit(view.applicant),
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
    "CreateCorrection": Method(
        pb.CreateCorrectionRequest, pb.CreateCorrectionResponse, unary=ask_correction
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
