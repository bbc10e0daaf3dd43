"""quarantine, clone: changes that could not be applied; two stores under one office's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.arguments import Actor, After, IdOf, Limit, person, usage
from hub.cli.options import Apart
from hub.cli.terminal import Terminal
from hub.cli.verb import verb

if TYPE_CHECKING:
    from sync.wire.office.v1 import trouble_pb2 as pb

STATES = {
    "open": ("待处理", "open"),
    "deferred": ("待升级", "deferred"),
    "applied": ("已入库", "applied"),
    "closed": ("已放弃", "closed"),
}
QuarantinedChange = Annotated[
    str, typer.Argument(help="First digits of its id. 编号前几位"), IdOf("quarantined_change")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept. 理由，将留存")]


def register(app: typer.Typer) -> None:
    quarantined = typer.Typer(
        help="Changes that could not be applied. 隔离区", no_args_is_help=True
    )
    app.add_typer(quarantined, name="quarantine")
    for function in (ls, show, close):
        verb(quarantined)(function)
    verb(quarantined, rules=[Apart("quarantined_change", "all_")])(retry)
    copies = typer.Typer(
        help="Two stores under one office's name. 重复运行的单位", no_args_is_help=True
    )
    app.add_typer(copies, name="clone")
    verb(copies, "ls")(clones_ls)
    verb(copies)(reset)


def ls(
    terminal: Terminal,
    all_: Annotated[
        bool, typer.Option("--all", help="Also healed and closed ones. 含已处理")
    ] = False,
    limit: Limit = 50,
    after: After = "",
) -> None:
    """List changes that could not be applied, the oldest first. 隔离的变更"""
    with terminal.office() as office:
        page = office.list_quarantined_changes(all=all_, page_size=limit, page_token=after)

    def human() -> None:
        heads = (
            ("编号", "台账", "单位", "来自", "原因", "状态", "时间", "重试")
            if terminal.zh
            else ("ID", "REGISTER", "UNIT", "WRITER", "REASON", "STATE", "AT", "TRIES")
        )
        terminal.table(
            heads,
            [_row(terminal, quarantined_change) for quarantined_change in page.quarantined_changes],
        )
        terminal.note_page(page, "个")

    terminal.show(page, human)


def show(terminal: Terminal, quarantined_change: QuarantinedChange) -> None:
    """Show one change: what it is about, why it could not be applied. 查看"""
    with terminal.office() as office:
        found = office.get_quarantined_change(id=quarantined_change)

    def human() -> None:
        _print(terminal, found.quarantined_change)
        what = f"{found.operation or '?'} {', '.join(found.fields)}".rstrip()
        terminal.line(f"内容：{what}", f"content: {what}")
        entry = f"{found.quarantined_change.arrival}, {found.audience or '-'} {found.seq}"
        terminal.line(f"日志条目：{entry}", f"log entry: {entry}")
        for record in found.quarantined_change.records:
            terminal.line(f"记录：{record}", f"record: {record}")

    terminal.show(found, human)


def retry(
    terminal: Terminal,
    quarantined_change: QuarantinedChange = "",
    all_: Annotated[bool, typer.Option("--all", help="All in quarantine. 全部")] = False,
) -> None:
    """Retry one change now, or all of them. 重试"""
    if bool(quarantined_change) is all_:
        raise usage(
            "give one id, or --all", "请给出编号或 --all",
            "`silian quarantine ls` lists the ids.", "编号见 silian quarantine ls。",
        )  # fmt: skip
    with terminal.office() as office:
        done = office.retry_quarantined_changes(id=quarantined_change)
    terminal.show(
        done,
        lambda: terminal.line(
            f"重试 {done.tried} 个，已入库 {done.applied} 个",
            f"tried {done.tried}, healed {done.applied}",
        ),
    )


def close(
    terminal: Terminal, quarantined_change: QuarantinedChange, reason: Reason, actor: Actor = ""
) -> None:
    """Discard a change for good; who did it and why is kept. 放弃"""
    with terminal.office() as office:
        done = office.close_quarantined_change(
            id=quarantined_change, reason=reason, actor=person(actor)
        )

    def human() -> None:
        _print(terminal, done.quarantined_change)
        terminal.line(f"随之入库 {done.applied} 个", f"healed behind it {done.applied}")

    terminal.show(done, human)


def clones_ls(terminal: Terminal) -> None:
    """List child offices with two databases in use, and the decisions. 重复运行的单位"""
    with terminal.office() as office:
        found = office.list_cloned_offices().cloned_offices

    def human() -> None:
        heads = (
            ("代码", "单位", "标记", "时间", "经办人", "理由")
            if terminal.zh
            else ("CODE", "OFFICE", "FLAGGED", "AT", "BY", "REASON")
        )
        terminal.table(heads, [row for each in found for row in _clone(terminal, each)])

    terminal.show(found, human)


def reset(
    terminal: Terminal,
    unit: Annotated[str, typer.Argument(help="Code, name or path. 单位代码、名称或路径")],
    reason: Reason,
    actor: Actor = "",
) -> None:
    """Accept a child's replacement database, after its other copy has been stopped. 解除标记"""
    with terminal.office() as office:
        done = office.reset_cloned_office(unit=unit, reason=reason, actor=person(actor)).office
    terminal.show(
        done,
        lambda: terminal.line(
            f"{done.unit.path}：已解除标记，下次连接的数据视为正本",
            f"{done.unit.path}: reset; the next store that connects is taken for the right one",
        ),
    )


def _row(terminal: Terminal, change: pb.QuarantinedChange) -> tuple[str | int, ...]:
    return (
        change.id, change.register or "-", change.unit.name or "-",
        change.writer.name or "?", change.reason, terminal.localized(*STATES[change.state]),
        terminal.time(change.at_ms), change.tries,
    )  # fmt: skip


def _print(terminal: Terminal, change: pb.QuarantinedChange) -> None:
    head = f"{change.id} {change.register or '-'} {change.unit.path or '-'}"
    state = terminal.localized(*STATES[change.state])
    terminal.line(f"{head}: {state}", f"{head}: {state}")
    why = f"{change.reason} {change.detail}".rstrip()
    terminal.line(f"原因：{why}", f"reason: {why}")
    who = f"{change.writer.path or '?'}, {terminal.time(change.at_ms)}"
    terminal.line(f"来自：{who}", f"written by: {who}")
    if change.note:
        terminal.line(f"处理：{change.note}", f"closed: {change.note}")


def _clone(terminal: Terminal, found: pb.ClonedOffice) -> list[tuple[str | int, ...]]:
    flag = terminal.localized("是", "yes") if found.flagged else terminal.localized("否", "no")
    head = (found.unit.code, found.unit.path, flag)
    if not found.decisions:
        return [(*head, "-", "-", "-")]
    return [
        (*head, terminal.time(decision.at_ms), decision.actor, decision.reason)
        for decision in found.decisions
    ]
