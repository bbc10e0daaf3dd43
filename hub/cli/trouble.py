"""holes, copies: what could not be applied, and two stores under one office's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.arguments import Actor, Limit, id_of, person, usage
from hub.cli.terminal import Terminal
from hub.cli.verb import verb

if TYPE_CHECKING:
    from sync.wire.v1 import office_trouble_pb2 as pb

STATES = {
    "open": ("待处理", "open"),
    "deferred": ("待升级", "deferred"),
    "healed": ("已入库", "healed"),
    "closed": ("已放弃", "closed"),
}
Hole = Annotated[str, typer.Argument(help="32 hexadecimal digits. 编号")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept. 理由, 将留存")]


def register(app: typer.Typer) -> None:
    holes = typer.Typer(help="Changes that could not be applied. 隔离区", no_args_is_help=True)
    app.add_typer(holes, name="holes")
    for function in (ls, show, retry, close):
        verb(holes)(function)
    copies = typer.Typer(
        help="Two stores under one office's name. 重复运行的单位", no_args_is_help=True
    )
    app.add_typer(copies, name="copies")
    verb(copies, "ls")(copies_ls)
    verb(copies)(forget)


def ls(
    terminal: Terminal,
    all_: Annotated[
        bool, typer.Option("--all", help="Also healed and closed ones. 含已处理")
    ] = False,
    limit: Limit = 50,
    after: Annotated[str, typer.Option("--after", help="`next` of the page before. 下一页")] = "",
) -> None:
    """List changes that are held, in the order in which they came. 隔离的变更"""
    with terminal.office() as office:
        page = office.holes(all_states=all_, limit=limit, after=after)

    def human() -> None:
        heads = (
            ("编号", "台账", "单位", "来自", "原因", "状态", "时间", "重试")
            if terminal.zh
            else ("ID", "REGISTER", "UNIT", "WRITER", "REASON", "STATE", "AT", "TRIES")
        )
        terminal.table(heads, [_row(terminal, hole) for hole in page.holes])
        terminal.note(f"共 {page.total} 个", f"{page.total} in all")

    terminal.show(page, human)


def show(terminal: Terminal, hole: Hole) -> None:
    """Show one held change: what it is about, why it is held. 查看"""
    with terminal.office() as office:
        found = office.hole(id_of(hole))

    def human() -> None:
        _print(terminal, found.hole)
        what = f"{found.operation or '?'} {', '.join(found.fields)}".rstrip()
        terminal.line(f"内容: {what}", f"content: {what}")
        entry = f"{found.hole.arrival}, {found.audience or '-'} {found.seq}"
        terminal.line(f"日志条目: {entry}", f"log entry: {entry}")
        for record in found.hole.records:
            terminal.line(f"记录: {record.hex()}", f"record: {record.hex()}")

    terminal.show(found, human)


def retry(
    terminal: Terminal,
    hole: Annotated[str, typer.Argument(help="32 hexadecimal digits. 编号")] = "",
    all_: Annotated[bool, typer.Option("--all", help="All that are held. 全部")] = False,
) -> None:
    """Try a held change again now, or all of them. 重试"""
    if bool(hole) is all_:
        raise usage("one hole, or --all", "请给出编号或 --all", "Take the id from `holes ls`.",
                    "编号见 holes ls。")  # fmt: skip
    with terminal.office() as office:
        done = office.retry_holes(id_of(hole) if hole else b"")
    terminal.show(
        done,
        lambda: terminal.line(
            f"重试 {done.tried} 个, 已入库 {done.healed} 个",
            f"tried {done.tried}, healed {done.healed}",
        ),
    )


def close(terminal: Terminal, hole: Hole, reason: Reason, actor: Actor = "") -> None:
    """Give a held change up for good; who and why is kept. 放弃"""
    with terminal.office() as office:
        done = office.close_hole(id_of(hole), reason=reason, actor=person(actor))

    def human() -> None:
        _print(terminal, done.hole)
        terminal.line(f"随之入库 {done.healed} 个", f"healed behind it {done.healed}")

    terminal.show(done, human)


def copies_ls(terminal: Terminal) -> None:
    """List offices below with two stores at work, and what was decided. 重复运行的单位"""
    with terminal.office() as office:
        found = office.copies()

    def human() -> None:
        heads = (
            ("代码", "单位", "标记", "时间", "经办人", "理由")
            if terminal.zh
            else ("CODE", "OFFICE", "FLAGGED", "AT", "BY", "REASON")
        )
        terminal.table(heads, [row for each in found for row in _copied(terminal, each)])

    terminal.show({"offices": found}, human)


def forget(
    terminal: Terminal,
    unit: Annotated[str, typer.Argument(help="Code, name or path. 单位代码、名称或路径")],
    reason: Reason,
    actor: Actor = "",
) -> None:
    """Let the next store under a child's name in; stop the other before. 解除标记"""
    with terminal.office() as office:
        done = office.forget_copy(unit, reason=reason, actor=person(actor))
    terminal.show(
        done,
        lambda: terminal.line(
            f"{done.unit.path}: 已解除标记, 下次连接的数据视为正本",
            f"{done.unit.path}: forgotten; the next store that comes is taken for the right one",
        ),
    )


def _row(terminal: Terminal, hole: pb.Hole) -> tuple[str | int, ...]:
    return (
        hole.id.hex(), hole.register or "-", hole.unit.name or "-", hole.writer.name or "?",
        hole.reason, terminal.say(*STATES[hole.state]), terminal.time(hole.at_ms), hole.tries,
    )  # fmt: skip


def _print(terminal: Terminal, hole: pb.Hole) -> None:
    head = f"{hole.id.hex()} {hole.register or '-'} {hole.unit.path or '-'}"
    state = terminal.say(*STATES[hole.state])
    terminal.line(f"{head}: {state}", f"{head}: {state}")
    why = f"{hole.reason} {hole.detail}".rstrip()
    terminal.line(f"原因: {why}", f"reason: {why}")
    who = f"{hole.writer.path or '?'}, {terminal.time(hole.at_ms)}"
    terminal.line(f"来自: {who}", f"written by: {who}")
    if hole.note:
        terminal.line(f"处理: {hole.note}", f"closed: {hole.note}")


def _copied(terminal: Terminal, found: pb.CopiedOffice) -> list[tuple[str | int, ...]]:
    flag = terminal.say("是", "yes") if found.flagged else terminal.say("否", "no")
    head = (found.unit.code, found.unit.path, flag)
    if not found.decisions:
        return [(*head, "-", "-", "-")]
    return [(*head, terminal.time(word.at_ms), word.actor, word.reason) for word in found.decisions]
