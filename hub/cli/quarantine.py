"""quarantine, clone: changes that could not be applied; two stores under one office's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.arguments import Actor, After, IdOf, Limit, person, usage
from hub.cli.history import Labels
from hub.cli.labels import OPERATIONS, REASONS, audience_name, labelled
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
Reason = Annotated[str, typer.Option("--reason", help="Reason; it is kept. 理由，将留存")]


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
        bool, typer.Option("--all", help="Also applied and discarded ones. 含已处理")
    ] = False,
    limit: Limit = 50,
    after: After = "",
) -> None:
    """List changes that could not be applied, the oldest first. 隔离的变更"""
    with terminal.office() as office:
        page = office.list_quarantined_changes(all=all_, page_size=limit, page_token=after)
        labels = Labels(terminal, office, (c.register for c in page.quarantined_changes))

    def human() -> None:
        heads = (
            ("编号", "台账", "单位", "来自", "原因", "状态", "时间", "重试")
            if terminal.zh
            else ("ID", "REGISTER", "UNIT", "WRITER", "REASON", "STATE", "AT", "TRIES")
        )
        terminal.table(
            heads,
            [_row(terminal, labels, each) for each in page.quarantined_changes],
        )
        terminal.note_page(page, "个")

    terminal.show(page, human)


def show(terminal: Terminal, quarantined_change: QuarantinedChange) -> None:
    """Show one change and why it could not be applied. 查看"""
    with terminal.office() as office:
        found = office.get_quarantined_change(id=quarantined_change)
        change = found.quarantined_change
        labels = Labels(terminal, office, [change.register])

    def human() -> None:
        _print(terminal, labels, change)
        operation = labelled(terminal, OPERATIONS, found.operation) or "?"
        names = [labels.field(change.register, name) for name in found.fields]
        terminal.line(
            f"内容：{operation} {'、'.join(names)}".rstrip(),
            f"content: {operation} {', '.join(names)}".rstrip(),
        )
        to = audience_name(terminal, found.audience)
        terminal.line(
            f"日志条目：{change.arrival}，{to}第 {found.seq} 条",
            f"log entry: {change.arrival}, number {found.seq} {to}",
        )
        for record in change.records:
            terminal.line(f"记录：{record}", f"record: {record}")

    terminal.show(found, human)


def retry(
    terminal: Terminal,
    quarantined_change: QuarantinedChange = "",
    all_: Annotated[bool, typer.Option("--all", help="All changes in quarantine. 全部")] = False,
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
            f"tried {done.tried}, applied {done.applied}",
        ),
    )


def close(
    terminal: Terminal, quarantined_change: QuarantinedChange, reason: Reason, actor: Actor = ""
) -> None:
    """Discard a change for good; person and reason are kept. 放弃"""
    with terminal.office() as office:
        done = office.close_quarantined_change(
            id=quarantined_change, reason=reason, actor=person(actor)
        )
        labels = Labels(terminal, office, [done.quarantined_change.register])

    def human() -> None:
        _print(terminal, labels, done.quarantined_change)
        terminal.line(
            f"随之入库 {done.applied} 个", f"applied {done.applied} that had waited for it"
        )

    terminal.show(done, human)


def clones_ls(terminal: Terminal) -> None:
    """List child offices with two databases in use, and the decisions. 重复运行的单位"""
    with terminal.office() as office:
        page = office.list_cloned_offices()
    found = page.cloned_offices

    def human() -> None:
        heads = (
            ("代码", "单位", "标记", "时间", "经办人", "理由")
            if terminal.zh
            else ("CODE", "OFFICE", "FLAGGED", "AT", "BY", "REASON")
        )
        terminal.table(heads, [row for each in found for row in _clone(terminal, each)])
        terminal.note_page(page, "个")

    terminal.show(found, human)


def reset(
    terminal: Terminal,
    unit: Annotated[str, typer.Argument(help="Code, name or path. 单位代码、名称或路径")],
    reason: Reason,
    actor: Actor = "",
) -> None:
    """Accept an office's other database, or its key, after you have checked it. 解除标记"""
    with terminal.office() as office:
        done = office.reset_cloned_office(unit=unit, reason=reason, actor=person(actor)).office
    terminal.show(
        done,
        lambda: terminal.line(
            f"{done.unit.path}：已放行，此前拒绝的内容再次送来时予以接收",
            f"{done.unit.path}: reset; what was refused of it is accepted when it comes again",
        ),
    )


def _row(terminal: Terminal, labels: Labels, change: pb.QuarantinedChange) -> tuple[str | int, ...]:
    return (
        change.id, labels.register(change.register) or "-", change.unit.name or "-",
        change.writer.name or "?", labelled(terminal, REASONS, change.reason),
        terminal.localized(*STATES[change.state]), terminal.time(change.at_ms), change.tries,
    )  # fmt: skip


def _print(terminal: Terminal, labels: Labels, change: pb.QuarantinedChange) -> None:
    head = f"{change.id} {labels.register(change.register) or '-'} {change.unit.path or '-'}"
    state = terminal.localized(*STATES[change.state])
    terminal.line(f"{head}：{state}", f"{head}: {state}")
    why = labelled(terminal, REASONS, change.reason)
    what = _detail(labels, change)
    terminal.line(
        f"原因：{why}" + (f"（{what}）" if what and change.reason != "malformed" else ""),
        f"reason: {why}" + (f" ({change.detail})" if change.detail else ""),
    )
    who, when = change.writer.path or "?", terminal.time(change.at_ms)
    terminal.line(f"来自：{who}，{when}", f"written by: {who}, {when}")
    if change.note:
        terminal.line(f"处理：{change.note}", f"closed: {change.note}")


def _detail(labels: Labels, change: pb.QuarantinedChange) -> str:
    """Return the fields that a reason names, as people call them."""
    names = filter(None, change.detail.split(","))
    return "、".join(labels.field(change.register, name) for name in names)


def _clone(terminal: Terminal, found: pb.ClonedOffice) -> list[tuple[str | int, ...]]:
    flag = terminal.localized("是", "yes") if found.flagged else terminal.localized("否", "no")
    head = (found.unit.code, found.unit.path, flag)
    if not found.decisions:
        return [(*head, "-", "-", "-")]
    return [
        (
            *head,
            terminal.time(decision.at_ms),
            decision.actor,
            decision.reason,
        )
        for decision in found.decisions
    ]
