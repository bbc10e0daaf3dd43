"""order: one order over all its hops and targets: which are done, late, or never connected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.arguments import After, IdOf, Limit
from hub.cli.labels import WORK_STATES, labelled
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from node.domain.days import day_text

if TYPE_CHECKING:
    from sync.wire.office.v1 import daily_pb2 as pb

Order = Annotated[
    str,
    typer.Argument(help="First digits of its id, or its title. 编号前几位或标题"),
    IdOf("order"),
]


def register(app: typer.Typer) -> None:
    order = typer.Typer(help="Orders over all their targets. 工单", no_args_is_help=True)
    app.add_typer(order, name="order")
    for function in (ls, show):
        verb(order)(function)


def ls(
    terminal: Terminal,
    text: Annotated[str, typer.Option("--text", help="In the title. 标题含")] = "",
    open_only: Annotated[bool, typer.Option("--open", help="Not done yet. 未完成的")] = False,
    limit: Limit = 50,
    after: After = "",
) -> None:
    """List orders, the latest change first, with how many targets have done them. 工单列表"""
    with terminal.office() as office:
        page = office.list_orders(text=text, open=open_only, page_size=limit, page_token=after)

    def human() -> None:
        heads = (
            ("编号", "标题", "交办", "期限", "完成", "逾期", "未联网")
            if terminal.zh
            else ("ID", "TITLE", "FROM", "DUE", "DONE", "LATE", "NO NODE")
        )
        rows = [
            (one.id, one.title, one.issuer.name, _day(one), f"{one.done}/{one.targets}",
             int(one.late), int(one.never_received))
            for one in page.orders
        ]  # fmt: skip
        terminal.table(heads, rows)
        terminal.note_page(page, "件")

    terminal.show(page, human)


def show(terminal: Terminal, order: Order) -> None:
    """Show one order: of all its targets who is done, who is late, who never connected. 查看工单"""
    with terminal.office() as office:
        found = office.get_order(id=order)
    terminal.show(found, lambda: _print(terminal, found))


def _print(terminal: Terminal, found: pb.GetOrderResponse) -> None:
    one = found.order
    terminal.line(
        f"{one.id} {one.issuer.name}：{one.title}", f"{one.id} {one.issuer.name}: {one.title}"
    )
    terminal.line(
        f"{one.targets} 个承办单位中 {one.done} 个完成，{one.late} 个逾期，{one.ended} 个不办，"
        f"{one.never_received} 个从未联网；期限 {_day(one)}",
        f"{one.done} of {one.targets} done, {one.late} late, {one.ended} will not do it, "
        f"{one.never_received} never connected; due {_day(one)}",
    )
    heads = (
        ("承办单位", "状态", "进度", "所在单位", "提示", "任务编号")
        if terminal.zh
        else ("TARGET", "STATE", "%", "AT", "REMARK", "ASSIGNMENT")
    )
    terminal.table(heads, [_row(terminal, target) for target in found.targets])


def _row(terminal: Terminal, target: pb.OrderTarget) -> tuple[str | int, ...]:
    remarks = []
    if target.late:
        remarks.append(terminal.localized("已逾期", "late"))
    if target.HasField("received") and not target.received:
        remarks.append(terminal.localized("从未联网", "never connected"))
    return (
        target.unit.name, labelled(terminal, WORK_STATES, target.state), int(target.percent),
        "" if target.at.unit_id == target.unit.unit_id else target.at.name,
        terminal.localized("，", ", ").join(remarks), target.assignment,
    )  # fmt: skip


def _day(order: pb.OrderSummary) -> str:
    return day_text(order.due_ms) if order.HasField("due_ms") else "-"
