"""conflicts: what two offices wrote at once, and somebody's decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.arguments import Actor, Limit, id_of, person, values_of
from hub.cli.options import Apart, Needs
from hub.cli.terminal import Terminal
from hub.cli.verb import verb

if TYPE_CHECKING:
    from sync.wire.v1 import office_pb2 as pb

Conflict = Annotated[str, typer.Argument(help="32 hexadecimal digits. 冲突编号")]


def register(app: typer.Typer) -> None:
    conflicts = typer.Typer(help="Two values for one field. 冲突", no_args_is_help=True)
    app.add_typer(conflicts, name="conflicts")
    for function in (ls, show):
        verb(conflicts)(function)
    many = (Apart("alike", "same_writers"), Needs("yes", "alike", "same_writers"))
    verb(conflicts, rules=many)(resolve)


def ls(
    terminal: Terminal,
    register: Annotated[str, typer.Option("--register", help="Only this one. 台账")] = "",
    limit: Limit = 50,
    after: Annotated[str, typer.Option("--after", help="`next` of the page before. 下一页")] = "",
) -> None:
    """List open conflicts, the oldest first. 待处理冲突"""
    with terminal.office() as office:
        page = office.conflicts(register=register, limit=limit, after=after)

    def human() -> None:
        heads = (
            ("编号", "台账", "单位", "字段", "现值", "另一值", "应由谁处理")
            if terminal.zh
            else ("ID", "REGISTER", "UNIT", "FIELD", "SHOWN", "LOSER", "TO DECIDE")
        )
        rows = [
            (c.id.hex(), c.register, c.unit.name, c.field, _shown(terminal, c), _value(c.loser),
             c.assignee.name)
            for c in page.conflicts
        ]  # fmt: skip
        terminal.table(heads, rows)
        terminal.note(f"共 {page.total} 个", f"{page.total} in all")

    terminal.show(page, human)


def show(terminal: Terminal, conflict: Conflict) -> None:
    """Show both sides. 查看冲突"""
    with terminal.office() as office:
        found = office.conflict(id_of(conflict))
    terminal.show(found, lambda: _print(terminal, found))


def resolve(
    terminal: Terminal,
    conflict: Conflict,
    take: Annotated[str, typer.Option("--take", help="shown, loser, value. 采用")],
    reason: Annotated[str, typer.Option("--reason", help="Why. 理由")],
    value: Annotated[
        list[str] | None, typer.Option("--value", help="field=value, with --take value 新值")
    ] = None,
    alike: Annotated[
        bool, typer.Option("--alike", help="And all with the same two values. 同值一并处理")
    ] = False,
    same_writers: Annotated[
        bool, typer.Option("--same-writers", help="And all of the same two offices. 同单位一并处理")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, many are only counted. 确认执行")
    ] = False,
    actor: Actor = "",
) -> None:
    """Decide a conflict, or all alike; the other value stays in the history. 处理冲突"""
    many = alike or same_writers
    with terminal.office() as office:
        done = office.resolve(
            id_of(conflict), take, reason=reason, actor=person(actor),
            values=values_of(value or ()), alike=many,
            alike_by="writers" if same_writers else "values", preview=many and not yes,
        )  # fmt: skip

    def human() -> None:
        _print(terminal, done.conflict)
        if done.preview:
            terminal.line(
                f"将处理 {done.resolved} 个, 剩余 {done.left} 个; 加 --yes 执行",
                f"would settle {done.resolved}, leave {done.left}; add --yes to do it",
            )
            return
        terminal.line(
            f"已处理 {done.resolved} 个, 剩余 {done.left} 个",
            f"settled {done.resolved}, left {done.left}",
        )

    terminal.show(done, human)


def _print(terminal: Terminal, found: pb.Conflict) -> None:
    head = f"{found.register} {found.record.hex()} {found.unit.name} {found.field}: {found.state}"
    terminal.line(head, head)
    heads = ("", "值", "单位", "时间") if terminal.zh else ("", "VALUE", "BY", "AT")
    sides = [
        (terminal.localized("现值", "shown"), _shown(terminal, found), found.shown),
        (terminal.localized("另一值", "loser"), _value(found.loser), found.loser),
        *((terminal.localized("其他", "other"), _value(side), side) for side in found.others),
    ]
    rows = [(n, text, s.unit.name or "?", terminal.time(s.at_ms)) for n, text, s in sides]
    terminal.table(heads, rows)
    if found.state == "open":
        who = found.assignee.name
        terminal.line(f"应由 {who} 处理", f"{who} is to decide")
    elif found.reason:
        terminal.line(found.reason, found.reason)


def _shown(terminal: Terminal, found: pb.Conflict) -> str:
    return terminal.localized("(已注销)", "(ended)") if found.ended else _value(found.shown)


def _value(side: pb.ConflictSide) -> str:
    kind = side.value.WhichOneof("kind")
    return str(getattr(side.value, kind)) if kind else ""
