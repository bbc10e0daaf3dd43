"""Correction requests over the wire: ask, list, look, answer, withdraw."""

from __future__ import annotations

from typing import cast

from hub.api.desk import BadRequest, Desk, Method, day_asked, id_asked, value_to_wire
from node.services import correction_views as views
from node.services import corrections as service
from sync.wire.v1 import office_corrections_pb2 as pb

BOXES = ("asked", "to-answer", "all")
ANSWERS = ("accept", "refuse")


def ask_correction(desk: Desk, request: pb.AskCorrectionRequest) -> pb.AskCorrectionResponse:
    view = service.ask(
        desk.office,
        request.register,
        desk.unit_asked(request.unit),
        id_asked(request.id),
        {name: text or None for name, text in request.values.items()},
        reason=request.reason,
        actor=request.actor,
        due=day_asked(request.due_on),
    )
    return pb.AskCorrectionResponse(correction=_correction(desk, view))


def list_corrections(desk: Desk, request: pb.ListCorrectionsRequest) -> pb.ListCorrectionsResponse:
    box = request.box or "all"
    _one_of(box, BOXES)
    page = views.list_corrections(
        desk.office,
        cast(views.Box, box),
        open_only=request.open_only,
        limit=request.limit or 50,
        after=request.after,
    )
    return pb.ListCorrectionsResponse(
        corrections=[_correction(desk, view) for view in page.corrections],
        total=page.total,
        next=page.next,
    )


def get_correction(desk: Desk, request: pb.GetCorrectionRequest) -> pb.GetCorrectionResponse:
    view = views.show(desk.office, id_asked(request.id))
    return pb.GetCorrectionResponse(correction=_correction(desk, view))


def answer_correction(
    desk: Desk, request: pb.AnswerCorrectionRequest
) -> pb.AnswerCorrectionResponse:
    _one_of(request.answer, ANSWERS)
    asked = id_asked(request.id)
    if request.answer == "accept":
        view = service.accept(
            desk.office, asked, actor=request.actor, seen=request.seen, force=request.force
        )
    else:
        view = service.refuse(desk.office, asked, reason=request.reason, actor=request.actor)
    return pb.AnswerCorrectionResponse(correction=_correction(desk, view))


def withdraw_correction(
    desk: Desk, request: pb.WithdrawCorrectionRequest
) -> pb.WithdrawCorrectionResponse:
    view = service.withdraw(
        desk.office, id_asked(request.id), actor=request.actor, reason=request.reason
    )
    return pb.WithdrawCorrectionResponse(correction=_correction(desk, view))


def _one_of(text: str, allowed: tuple[str, ...]) -> None:
    if text not in allowed:
        listed = ", ".join(allowed)
        raise BadRequest(
            f"{text[:20]!r} is none of: {listed}", f"“{text[:20]}”不在可选范围内: {listed}",
            f"Take one of: {listed}.", f"请选择: {listed}。",
        )  # fmt: skip


def _correction(desk: Desk, view: views.CorrectionView) -> pb.Correction:
    return pb.Correction(
        id=view.id,
        register=view.register,
        unit=desk.unit(view.unit),
        record=view.record,
        asker=desk.unit(view.asker),
        owner=desk.unit(view.owner),
        state=view.state.value,
        wishes=[
            pb.Wish(
                field=wish.field,
                now=value_to_wire(wish.now),
                asked_when=value_to_wire(wish.asked_when),
                wished=value_to_wire(wish.wished),
                moved=wish.moved,
            )
            for wish in view.wishes
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
        seen=view.seen,
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
