"""work: assignments, asked of others and of this office, and the steps on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.arguments import Actor, After, IdOf, Limit, end_of_day_ms, fen_of, person, usage
from hub.cli.labels import DUTIES, FLAGS, WORK_STATES, WORK_STEPS, labelled
from hub.cli.options import Apart, Needs
from hub.cli.targets import targets_below
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from node.domain.assignment_texts import REASONS, allowed_text
from node.domain.days import day_text
from node.domain.numbers import yuan

if TYPE_CHECKING:
    from sync.wire.office.v1 import work_pb2 as pb

Assignment = Annotated[
    str,
    typer.Argument(help="First digits of its id, or its title. 编号前几位或标题"),
    IdOf("assignment"),
]
Reason = Annotated[str, typer.Option("--reason", help="Why. 理由")]
Note = Annotated[str, typer.Option("--note", help="A remark. 备注")]
Due = Annotated[str, typer.Option("--due", help="Last day, 2026-07-01. 期限")]

# Steps that need nothing but a reason and a remark: name -> its help.
STEPS = {
    "accept": "Take it on. 承接",
    "consent": "The community agrees to assist. 同意协助",
    "decline": "The community does not agree to assist. 不同意协助",
    "return": "Give back what was delivered. 退回",
    "hand_back": "Ask the issuer to take accepted work back. 申请交回",
    "take_back": "Agree to a hand-back. 同意收回",
    "verify": "Confirm that it is done. 核实",
    "rework": "Have it done again. 返工",
    "recall": "Take it away. 撤回",
    "close": "End verified work. 办结",
    "admit": "Approve the task for dispatch. 准入",
    "refuse": "Reject the task. 不予准入",
    "send_back": "Return the task to its issuer for rewriting. 退回修改",
    "adjudicate": "Dispatch it again by a ruling that binds. 裁定",
}


def register(app: typer.Typer) -> None:
    work = typer.Typer(help="Work asked of others and of us. 工作任务", no_args_is_help=True)
    app.add_typer(work, name="work")
    verb(
        work,
        rules=[
            Apart("body", "body_file"), Apart("to", "below"), Needs("level", "below"),
            Needs("where", "below"), Needs("yes", "below"),
        ],
    )(issue)  # fmt: skip
    for function in (ls, show, tree, progress, claim, relay, extend, dispatch, appraise):
        verb(work)(function)
    verb(work)(amend)
    for name, text in STEPS.items():
        verb(work, name.replace("_", "-"))(_step(name, text))


def issue(
    terminal: Terminal,
    title: Annotated[str, typer.Argument(help="One line. 标题")],
    to: Annotated[
        list[str] | None, typer.Option("--to", help="Unit; may be repeated. 承办单位，可多次")
    ] = None,
    below: Annotated[
        str, typer.Option("--below", help="All below this unit. 该单位以下的全部单位")
    ] = "",
    level: Annotated[
        str, typer.Option("--level", help="With --below: district, street, community. 层级")
    ] = "community",
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="With --below: register.field=value. 筛选条件"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. 不再询问")] = False,
    duty: Annotated[
        str,
        typer.Option("--duty", help="undertakes, assists, unlisted, department, office. 责任类型"),
    ] = "office",
    body: Annotated[str, typer.Option("--body", help="The whole request. 内容")] = "",
    body_file: Annotated[
        Path | None, typer.Option("--body-file", help="From a file. 从文件读取内容")
    ] = None,
    due: Due = "",
    fee: Annotated[str, typer.Option("--fee", help="Yuan for each community. 随事经费，元")] = "0",
    department: Annotated[str, typer.Option("--department", help="Who asks. 部门")] = "",
    item: Annotated[str, typer.Option("--item", help="Duty item number. 职责事项编号")] = "",
    nature: Annotated[
        str, typer.Option("--nature", help="temporary, administrative, ordinary. 事务性质")
    ] = "ordinary",
    workload: Annotated[int, typer.Option("--workload", min=0, help="Person-days. 人天")] = 0,
    duration: Annotated[int, typer.Option("--duration", min=0, help="Days. 持续天数")] = 0,
    order: Annotated[
        str, typer.Option("--order", help="Your own id, to repeat safely. 自定编号")
    ] = "",
    actor: Actor = "",
) -> None:
    """Ask other offices for work; it goes hop by hop. 交办任务"""
    text = body_file.read_text(encoding="utf-8") if body_file else body
    if not to and not below:
        raise usage(
            "nobody is named who is to do it", "未指定承办单位",
            "Give --to UNIT, or --below UNIT.", "请用 --to 或 --below 指定。",
        )  # fmt: skip
    with terminal.office() as office:
        targets = to or targets_below(
            terminal, office, below, level=level, where=where or (), yes=yes
        )
        done = office.issue_work_order(
            title=title, targets=targets, actor=person(actor), duty=duty, body=text,
            due_ms=end_of_day_ms(due),
            fee_fen=fen_of(fee, least=0), department=department, item_no=item, nature=nature,
            workload_days=workload, duration_days=duration,
            work_order=order,
        )  # fmt: skip

    def human() -> None:
        terminal.line(f"工单 {done.work_order}", f"order {done.work_order}")
        _list(terminal, list(done.assignments))

    terminal.show(done, human)


def ls(
    terminal: Terminal,
    box: Annotated[str, typer.Option("--box", help="todo, issued, passing, all. 范围")] = "all",
    state: Annotated[list[str] | None, typer.Option("--state", help="Only these. 状态")] = None,
    flagged: Annotated[bool, typer.Option("--flagged", help="Late and such. 有提示的")] = False,
    text: Annotated[str, typer.Option("--text", help="In the title. 标题含")] = "",
    limit: Limit = 50,
    after: After = "",
) -> None:
    """List assignments, the latest change first. 任务列表"""
    with terminal.office() as office:
        page = office.list_assignments(
            box=box,
            states=state or (),
            flagged=flagged,
            text=text,
            page_size=limit,
            page_token=after,
        )

    def human() -> None:
        _list(terminal, list(page.assignments))
        terminal.note_page(page, "件")

    terminal.show(page, human)


def show(terminal: Terminal, assignment: Assignment) -> None:
    """Show one assignment: what is asked, what may be done now, its history. 查看任务"""
    with terminal.office() as office:
        found = office.get_assignment(id=assignment)

    def human() -> None:
        _one(terminal, found.assignment)
        _terms(terminal, found)
        if found.body:
            terminal.line(found.body, found.body)
        for event in found.history:
            percent = f" {event.percent}%" if event.HasField("percent") else ""
            remarks = (event.reason, event.note, event.evidence)
            line = f"{terminal.time(event.at_ms)} {event.unit.name} {event.actor} "
            line += labelled(terminal, WORK_STEPS, event.kind)
            line += percent + "".join(f" {remark}" for remark in remarks if remark)
            line += _effect(terminal, event)
            terminal.line(line, line)

    terminal.show(found, human)


def tree(
    terminal: Terminal,
    order: Annotated[
        str,
        typer.Argument(help="First digits of its id, or its title. 编号前几位或标题"),
        IdOf("order"),
    ],
) -> None:
    """Show how an order spread. 任务分解"""
    with terminal.office() as office:
        found = office.get_work_order(id=order)

    def human() -> None:
        for each in found.assignments:
            state = labelled(terminal, WORK_STATES, each.state)
            line = f"{'  ' * each.depth}{each.assignee.name} {state} {each.percent}%"
            line = f"{line} {labelled(terminal, FLAGS, each.flag)}".rstrip()
            terminal.line(line, line)
        counted = terminal.localized("，", ", ").join(
            f"{terminal.level(c.level)} {labelled(terminal, WORK_STATES, c.state)} {c.count}"
            for c in found.counts
        )
        terminal.line(counted, counted)

    terminal.show(found, human)


def progress(
    terminal: Terminal,
    assignment: Assignment,
    percent: Annotated[int, typer.Argument(min=0, max=100, help="0-100. 完成百分比")],
    note: Note = "",
    actor: Actor = "",
) -> None:
    """Report how far it has come. 报告进度"""
    _act(terminal, assignment, "progress", actor, percent=percent, note=note)


def claim(
    terminal: Terminal,
    assignment: Assignment,
    evidence: Annotated[str, typer.Option("--evidence", help="Where the proof is. 佐证")] = "",
    note: Note = "",
    actor: Actor = "",
) -> None:
    """Claim it as done. 报告完成"""
    _act(terminal, assignment, "claim", actor, evidence=evidence, note=note)


def relay(
    terminal: Terminal,
    assignment: Assignment,
    to: Annotated[
        list[str] | None, typer.Option("--to", help="Unit; may be repeated. 单位")
    ] = None,
    actor: Actor = "",
) -> None:
    """Pass accepted work on one level. 转办"""
    with terminal.office() as office:
        done = office.transition_assignment(
            id=assignment, step="relay", actor=person(actor), targets=to or ()
        )

    def human() -> None:
        _one(terminal, done.assignment)
        _list(terminal, list(done.parts))

    terminal.show(done, human)


def extend(terminal: Terminal, assignment: Assignment, due: Due, actor: Actor = "") -> None:
    """Set a later day. 延期"""
    _act(terminal, assignment, "extend", actor, due_ms=end_of_day_ms(due))


def dispatch(terminal: Terminal, assignment: Assignment, due: Due = "", actor: Actor = "") -> None:
    """Send out again what came back. 重新派发"""
    _act(terminal, assignment, "dispatch", actor, due_ms=end_of_day_ms(due))


def appraise(
    terminal: Terminal,
    assignment: Assignment,
    score: Annotated[int, typer.Argument(min=0, max=100, help="0-100. 完成百分比")],
    note: Note = "",
    actor: Actor = "",
) -> None:
    """Score the result, or, as the assignee, the order. 评价"""
    _act(terminal, assignment, "appraise", actor, percent=score, note=note)


def amend(
    terminal: Terminal,
    assignment: Assignment,
    title: Annotated[str, typer.Option("--title", help="The new line. 标题")],
    body: Annotated[str, typer.Option("--body", help="The new request. 内容")] = "",
    actor: Actor = "",
) -> None:
    """Rewrite a returned task and submit it again. 修改后重报"""
    _act(terminal, assignment, "amend", actor, title=title, body=body)


def _step(name: str, text: str) -> Callable[..., None]:
    def step(
        terminal: Terminal,
        assignment: Assignment,
        reason: Reason = "",
        note: Note = "",
        actor: Actor = "",
    ) -> None:
        _act(terminal, assignment, name, actor, reason=reason, note=note)

    step.__doc__ = text
    return step


def _act(
    terminal: Terminal,
    assignment: str,
    step: str,
    actor: str,
    *,
    reason: str = "",
    note: str = "",
    percent: int | None = None,
    due_ms: int = 0,
    evidence: str = "",
    title: str = "",
    body: str = "",
) -> None:
    with terminal.office() as office:
        done = office.transition_assignment(
            id=assignment, step=step, actor=person(actor), reason=reason, note=note,
            percent=percent, due_ms=due_ms, evidence=evidence, title=title, body=body,
        )  # fmt: skip
    terminal.show(done, lambda: _one(terminal, done.assignment))


def _one(terminal: Terminal, one: pb.Assignment) -> None:
    line = f"{one.id} {one.issuer.name} -> {one.assignee.name}: {one.title}"
    terminal.line(line, line)
    state = f"{labelled(terminal, WORK_STATES, one.state)} {one.percent}% "
    state = (state + labelled(terminal, FLAGS, one.flag)).rstrip()
    terminal.line(f"{state}，期限 {_day(one.due_ms)}", f"{state}, due {_day(one.due_ms)}")


def _terms(terminal: Terminal, found: pb.GetAssignmentResponse) -> None:
    """Print the terms of the work, and what this office may do about it."""
    one = found.assignment
    terminal.line(f"工单 {one.work_order}", f"order {one.work_order}")
    duty = labelled(terminal, DUTIES, one.duty)
    fee = yuan(found.fee_fen)
    terminal.line(
        f"责任类型 {duty or '-'}，每社区随事经费 {fee} 元",
        f"duty {duty or '-'}, fee for each community {fee} yuan",
    )
    allowed, allowed_zh = allowed_text(found.steps)
    terminal.line(allowed_zh, allowed)


def _effect(terminal: Terminal, event: pb.AssignmentEvent) -> str:
    if not event.ignored:
        return f" -> {labelled(terminal, WORK_STATES, event.after)}"
    known = REASONS.get(event.ignored)
    why = terminal.localized(known[1], known[0]) if known else event.ignored
    return terminal.localized(f"（未生效：{why}）", f" (no effect: {why})")


def _day(due_ms: int) -> str:
    return day_text(due_ms) if due_ms else "-"


def _list(terminal: Terminal, listed: list[pb.Assignment]) -> None:
    heads = (
        ("编号", "交办", "承办", "标题", "状态", "进度", "期限", "提示")
        if terminal.zh
        else ("ID", "FROM", "TO", "TITLE", "STATE", "%", "DUE", "FLAG")
    )
    terminal.table(
        heads,
        [
            (a.id, a.issuer.name, a.assignee.name, a.title,
             labelled(terminal, WORK_STATES, a.state), int(a.percent), _day(a.due_ms),
             labelled(terminal, FLAGS, a.flag))
            for a in listed
        ],
    )  # fmt: skip
