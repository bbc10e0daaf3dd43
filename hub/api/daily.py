"""Daily view over the wire: what waits, orders over all hops, reports of many figures."""

from __future__ import annotations

from hub.api.call_context import BadRequest, CallContext, Method, parse_id
from hub.api.figures import counts_to_wire, figure_to_wire, indicator_to_wire
from hub.api.names import field_code, indicator_code, register_code
from hub.api.pages import page_of
from node.domain.units import Level
from node.services.common.pages import PAGE_MAX
from node.services.figures import report as figures
from node.services.figures.rollup import NoClosing, Row
from node.services.overview.today import Task, today
from node.services.records.search import Condition
from node.services.records.units_with import units_below
from node.services.work import orders
from sync.wire.office.v1 import common_pb2 as common
from sync.wire.office.v1 import daily_pb2 as pb

PAGE = 50


def list_tasks(context: CallContext, request: pb.ListTasksRequest) -> pb.ListTasksResponse:
    found = today(context.office, context.dialer)
    page, place = page_of(found, request, PAGE, PAGE_MAX)
    return pb.ListTasksResponse(tasks=[_task(context, task) for task in page], **place)


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
    page, place = page_of(found, request, PAGE, PAGE_MAX)
    return pb.ListWorkTargetsResponse(units=filter(None, map(context.unit, page)), **place)


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
    found = orders.show_order(context.office, parse_id(request.id))
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
    by_unit = [{row.unit: row for row in c.answer.rows} if c.answer else {} for c in found.columns]
    return pb.GetReportResponse(
        unit=context.unit(found.unit),
        level=int(found.level),
        columns=[_column(context, column) for column in found.columns],
        rows=[
            pb.ReportRow(
                unit=context.unit(unit),
                cells=[_cell(rows.get(unit)) for rows in by_unit],
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


def _cell(row: Row | None) -> pb.ReportCell:
    """Return the cell of a unit; empty where it has no office to ask, or nothing was kept."""
    if row is None:
        return pb.ReportCell()
    return pb.ReportCell(figure=figure_to_wire(row.shown), counts=counts_to_wire(row.counts))


def _level(number: int) -> Level:
    if number not in set(Level):
        raise BadRequest(
            f"{number} is no level", f"没有第 {number} 级", "Give 0 city to 3 community.",
            "请填写 0（市）至 3（社区）。",
        )  # fmt: skip
    return Level(number)


METHODS = {
    "ListTasks": Method(pb.ListTasksRequest, pb.ListTasksResponse, unary=list_tasks),
    "ListWorkTargets": Method(
        pb.ListWorkTargetsRequest, pb.ListWorkTargetsResponse, unary=list_work_targets
    ),
    "ListOrders": Method(pb.ListOrdersRequest, pb.ListOrdersResponse, unary=list_orders),
    "GetOrder": Method(pb.GetOrderRequest, pb.GetOrderResponse, unary=get_order),
    "GetReport": Method(pb.GetReportRequest, pb.GetReportResponse, unary=get_report),
}
