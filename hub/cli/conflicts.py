"""conflicts: what two offices wrote concurrently, and somebody's decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.arguments import Actor, After, IdOf, Limit, person, values_of
from hub.cli.history import Labels
from hub.cli.options import Apart, Needs
from hub.cli.terminal import Terminal
from hub.cli.verb import verb

if TYPE_CHECKING:
    from sync.wire.office.v1 import office_pb2 as pb

STATES = {
    "open": ("待处理", "open"), "resolved": ("已处理", "resolved"),
    "superseded": ("已被覆盖", "superseded"),
    "auto_resolved": ("无需处理", "auto-resolved"),
}  # fmt: skip
Conflict = Annotated[
    str,
    typer.Argument(help="First digits of its id, or the record's name. 编号前几位或记录名称"),
    IdOf("conflict"),
]


def register(app: typer.Typer) -> None:
    conflicts = typer.Typer(help="Two values for one field. 冲突", no_args_is_help=True)
    app.add_typer(conflicts, name="conflict")
    for function in (ls, show):
        verb(conflicts)(function)
    many = (Apart("alike", "same_writers"), Needs("yes", "alike", "same_writers"))
    verb(conflicts, rules=many)(resolve)


def ls(
    terminal: Terminal,
    register: Annotated[str, typer.Option("--register", help="Only this one. 台账")] = "",
    limit: Limit = 50,
    after: After = "",
    resolved: Annotated[
        bool, typer.Option("--settled", help="Decided ones, the newest first. 已处理的冲突")
    ] = False,
) -> None:
    """List open conflicts, the oldest first, or decided ones. 冲突列表"""
    with terminal.office() as office:
        page = office.list_conflicts(
            register=register, page_size=limit, page_token=after, resolved=resolved
        )
        labels = Labels(terminal, office, (c.register for c in page.conflicts))

    def start(c: pb.Conflict) -> tuple[str, ...]:
        register = labels.register(c.register)
        return c.id, register, c.unit.name, labels.field(c.register, c.field)

    def decided() -> None:
        heads = (
            ("编号", "台账", "单位", "字段", "未采用的值", "采用的值", "处理单位", "经办人", "时间")
            if terminal.zh
            else (
                "ID", "REGISTER", "UNIT", "FIELD", "NOT TAKEN", "TAKEN", "DECIDED AT", "BY", "WHEN",
            )
        )  # fmt: skip
        rows = [
            (*start(c), _value(labels, c, c.loser), _taken(terminal, labels, c),
             c.decision.unit.name, c.decision.actor, terminal.time(c.decision.at_ms))
            for c in page.conflicts
        ]  # fmt: skip
        terminal.table(heads, rows)
        terminal.note_page(page, "个")

    def human() -> None:
        if resolved:
            decided()
            return
        heads = (
            ("编号", "台账", "单位", "字段", "现值", "另一值", "建议处理单位")
            if terminal.zh
            else ("ID", "REGISTER", "UNIT", "FIELD", "SHOWN", "LOSER", "SUGGESTED TO DECIDE")
        )
        rows = [
            (*start(c), _shown(terminal, labels, c), _value(labels, c, c.loser), c.assignee.name)
            for c in page.conflicts
        ]  # fmt: skip
        terminal.table(heads, rows)
        terminal.note_page(page, "个")

    terminal.show(page, human)


def show(terminal: Terminal, conflict: Conflict) -> None:
    """Show both sides. 查看冲突"""
    with terminal.office() as office:
        found = office.get_conflict(id=conflict).conflict
        labels = Labels(terminal, office, [found.register])
    terminal.show(found, lambda: _print(terminal, labels, found))


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
        done = office.resolve_conflict(
            id=conflict,
            take=take,
            reason=reason,
            actor=person(actor),
            values=values_of(value or ()),
            alike=many,
            alike_by=("writers" if same_writers else "values") if many else "",
            preview=many and not yes,
        )
        labels = Labels(terminal, office, [done.conflict.register])

    def human() -> None:
        _print(terminal, labels, done.conflict)
        if done.preview:
            terminal.line(
                f"将处理 {done.resolved} 个，剩余 {done.left} 个；加 --yes 执行",
                f"would settle {done.resolved}, leave {done.left}; add --yes to do it",
            )
            return
        terminal.line(
            f"已处理 {done.resolved} 个，剩余 {done.left} 个",
            f"settled {done.resolved}, left {done.left}",
        )

    terminal.show(done, human)


def _print(terminal: Terminal, labels: Labels, found: pb.Conflict) -> None:
    what, field = labels.register(found.register), labels.field(found.register, found.field)
    head = f"{what} {found.record} {found.unit.name} {field}"
    state = terminal.localized(*STATES.get(found.state, (found.state, found.state)))
    terminal.line(f"{head}：{state}", f"{head}: {state}")
    heads = ("", "值", "单位", "时间") if terminal.zh else ("", "VALUE", "BY", "AT")
    sides = [
        (terminal.localized("现值", "shown"), _shown(terminal, labels, found), found.shown),
        (terminal.localized("另一值", "loser"), _value(labels, found, found.loser), found.loser),
        *(
            (terminal.localized("其他", "other"), _value(labels, found, side), side)
            for side in found.others
        ),
    ]
    rows = [(n, text, s.unit.name or "?", terminal.time(s.at_ms)) for n, text, s in sides]
    terminal.table(heads, rows)
    if found.state == "open":
        others = [u.name for u in found.may_decide if u.unit_id != found.assignee.unit_id]
        who = found.assignee.name
        terminal.line(
            f"建议由{who}处理" + (f"；{'、'.join(others)}也可处理" if others else ""),
            f"suggested to decide: {who}"
            + (f"; {', '.join(others)} may as well" if others else ""),
        )
    elif found.HasField("decision"):
        made, when = found.decision, terminal.time(found.decision.at_ms)
        who = f"{made.unit.name or '?'} {made.actor}".strip()
        why = found.reason or made.reason
        terminal.line(
            f"{when} {who}处理，采用 {_taken(terminal, labels, found)}"
            + (f"：{why}" if why else ""),
            f"{when} {who} took {_taken(terminal, labels, found)}" + (f": {why}" if why else ""),
        )


def _taken(terminal: Terminal, labels: Labels, found: pb.Conflict) -> str:
    """Return what the decision wrote, as far as this office knows it."""
    if not found.decision.known:
        return terminal.localized("（日志已清理）", "(not in the log any more)")
    text = labels.value(found.register, found.field, found.decision.value)
    return text or terminal.localized("（空）", "(nothing)")


def _shown(terminal: Terminal, labels: Labels, found: pb.Conflict) -> str:
    if found.ended:
        return terminal.localized("（已注销）", "(ended)")
    return _value(labels, found, found.shown)


def _value(labels: Labels, found: pb.Conflict, side: pb.ConflictSide) -> str:
    return labels.value(found.register, found.field, side.value)
