"""The day's view over the wire: what waits, orders over all hops, reports of many figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hub.api.call_context import BadRequest, CallContext, Method, parse_id
from hub.api.figures import counts_to_wire, figure_to_wire, indicator_to_wire
from hub.api.names import field_code, indicator_code, register_code
from node.domain.units import Level
from node.services.common.pages import BadToken, page_size
from node.services.figures import report as figures
from node.services.figures.rollup import NoClosing
from node.services.overview.today import Task, today
from node.services.records.search import Condition
from node.services.records.units_with import units_below
from node.services.work import orders
from sync.wire.office.v1 import common_pb2 as common
from sync.wire.office.v1 import daily_pb2 as pb

PAGE = 50
T = TypeVar("T")


def list_today(context: CallContext, request: pb.ListTodayRequest) -> pb.ListTodayResponse:
    found = today(context.office, context.dialer)
    page, token = _page(found, request.page_size, request.page_token)
    return pb.ListTodayResponse(
        tasks=[_task(context, task) for task in page], next_page_token=token, total_size=len(found)
    )


def list_work_targets(
    context: CallContext, request: pb.ListWorkTargetsRequest
) -> pb.ListWorkTargetsResponse:
    office = context.office
    level = _level(request.level) if request.HasField("level") else Level.COMMUNITY
    name = register_code(office.catalogue, request.register)
    register = office.catalogue.registers.get(name)
    if bool(request.conditions) is not bool(name):
        raise BadRequest(
            "conditions and their register go together", "筛选条件须与台账同时给出",
            "Name the register of the fields.", "请写明字段所属的台账。",
        )  # fmt: skip
    found = units_below(
        office, context.resolve_unit(request.below), level, register=name,
        conditions=[
            Condition(field_code(register, c.field) if register else c.field, c.operator, c.value)
            for c in request.conditions
        ],
    )  # fmt: skip
    page, token = _page(found, request.page_size, request.page_token)
    return pb.ListWorkTargetsResponse(
        units=filter(None, map(context.unit, page)),
        next_page_token=token,
        total_size=len(found),
    )


def list_orders(context: CallContext, request: pb.ListOrdersRequest) -> pb.ListOrdersResponse:
    page = orders.list_orders(
        context.office, text=request.text, open_only=request.open,
        limit=request.page_size or PAGE, after=request.page_token,
    )  # fmt: skip
    return pb.ListOrdersResponse(
        orders=[_order(context, each) for each in page.orders],
        next_page_token=page.next,
        total_size=page.total,
    )


def get_order(context: CallContext, request: pb.GetOrderRequest) -> pb.GetOrderResponse:
    found = orders.show_order(context.office, _id(request.id))
    return pb.GetOrderResponse(
        order=_order(context, found), targets=[_target(context, each) for each in found.targets]
    )


def get_report(context: CallContext, request: pb.GetReportRequest) -> pb.GetReportResponse:
    office = context.office
    found = figures.report(
        office,
        [indicator_code(office.catalogue, each) for each in request.indicators],
        tuple(request.months),
        unit=context.resolve_unit(request.unit),
        level=_level(request.level) if request.HasField("level") else None,
        as_was=request.as_was,
    )
    return pb.GetReportResponse(
        unit=context.unit(found.unit),
        level=int(found.level),
        columns=[_column(context, column) for column in found.columns],
        rows=[
            pb.ReportRow(
                unit=context.unit(unit),
                cells=[_cell(column, unit) for column in found.columns],
            )
            for unit in found.units
        ],
        answered_ms=found.answered_ms,
    )


# -- parts ------------------------------------------------------------------------------------


def _task(context: CallContext, task: Task) -> pb.Task:
    return pb.Task(
        source=task.source.value,
        id=task.id.hex(),
        code=task.code,
        title=common.Label(zh=task.zh, en=task.en),
        unit=context.unit(task.unit),
        due_ms=task.due_ms,
        since_ms=task.since_ms,
        late=task.late,
        command=task.command,
        steps=task.steps,
        severity="" if task.severity is None else task.severity.name.lower(),
    )


def _order(context: CallContext, order: orders.Order) -> pb.OrderSummary:
    return pb.OrderSummary(
        id=order.id.hex(),
        title=order.title,
        issuer=context.unit(order.issuer),
        due_ms=order.due_ms,
        targets=len(order.targets),
        done=order.done,
        ended=order.ended,
        late=order.late,
        never_received=order.never_received,
        updated_ms=order.updated_ms,
    )


def _target(context: CallContext, target: orders.Target) -> pb.OrderTarget:
    row = target.row
    return pb.OrderTarget(
        unit=context.unit(target.unit),
        assignment=row.id.hex() if target.arrived else "",
        state=row.state,
        at=context.unit(row.assignee),
        percent=row.percent if target.arrived else 0,
        due_ms=row.due_ms,
        late=target.late,
        received=target.received,
        done=target.done,
    )


def _column(context: CallContext, column: figures.Column) -> pb.ReportColumn:
    indicator = context.office.catalogue.indicators[column.indicator]
    answer = column.answer
    if answer is None:
        return pb.ReportColumn(
            indicator=indicator_to_wire(indicator), month=column.month,
            missing=NoClosing.code,
        )  # fmt: skip
    return pb.ReportColumn(
        indicator=indicator_to_wire(indicator),
        month=column.month,
        closing=answer.closing,
        total=figure_to_wire(answer.shown),
        counts=counts_to_wire(answer.completeness.counts),
        complete=answer.completeness.complete,
        oldest_ms=answer.completeness.oldest_ms,
    )


def _cell(column: figures.Column, unit: int) -> pb.ReportCell:
    """Return the cell of a unit; empty where no office of it is asked, or nothing was kept."""
    rows = column.answer.rows if column.answer is not None else ()
    row = next((each for each in rows if each.unit == unit), None)
    if row is None:
        return pb.ReportCell()
    return pb.ReportCell(figure=figure_to_wire(row.shown), counts=counts_to_wire(row.counts))


def _page(found: Sequence[T], size: int, token: str) -> tuple[Sequence[T], str]:
    """Return a page of a list that is made whole for each call. Raises: BadToken."""
    if token and not token.isdecimal():
        raise BadToken
    start = int(token or 0)
    end = start + page_size(size or PAGE)
    return found[start:end], str(end) if end < len(found) else ""


def _id(text: str) -> bytes:
    try:
        return parse_id(bytes.fromhex(text))
    except ValueError:
        return parse_id(b"")


def _level(number: int) -> Level:
    if number not in set(Level):
        raise BadRequest(
            f"{number} is no level", f"没有第 {number} 级", "Give 0 city to 3 community.",
            "请填写 0（市）至 3（社区）。",
        )  # fmt: skip
    return Level(number)


METHODS = {
    "ListToday": Method(pb.ListTodayRequest, pb.ListTodayResponse, unary=list_today),
    "ListWorkTargets": Method(
        pb.ListWorkTargetsRequest, pb.ListWorkTargetsResponse, unary=list_work_targets
    ),
    "ListOrders": Method(pb.ListOrdersRequest, pb.ListOrdersResponse, unary=list_orders),
    "GetOrder": Method(pb.GetOrderRequest, pb.GetOrderResponse, unary=get_order),
    "GetReport": Method(pb.GetReportRequest, pb.GetReportResponse, unary=get_report),
}
