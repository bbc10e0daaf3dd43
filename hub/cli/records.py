"""registers and record: what is kept, one record at a time."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.arguments import Actor, Limit, Unit, id_of, person, values_of
from hub.cli.options import Needs
from hub.cli.terminal import Terminal
from hub.cli.verb import verb

if TYPE_CHECKING:
    from sync.wire.v1 import office_registers_pb2 as pb

Register = Annotated[str, typer.Argument(help="Register, as listed by `registers`. 台账")]
Record = Annotated[str, typer.Argument(help="32 hexadecimal digits. 记录编号")]
Pairs = Annotated[list[str], typer.Argument(help="field=value ... 字段=值")]
IfVersion = Annotated[str, typer.Option("--seen", help="Token of what you looked at. 所见版本")]
Force = Annotated[bool, typer.Option("--force", help="Although it changed meanwhile. 强制")]
COLUMNS_MAX = 6  # of a list; `record show` has them all


def register(app: typer.Typer) -> None:
    verb(app)(registers)
    record = typer.Typer(help="One record at a time. 单条记录", no_args_is_help=True)
    app.add_typer(record, name="record")
    verb(record, "list")(list_)
    for function in (show, create):
        verb(record)(function)
    verb(record, "none")(none_)
    for editing in (change, end):
        verb(record, rules=[Needs("force", "seen")])(editing)


def registers(
    terminal: Terminal,
    name: Annotated[str, typer.Argument(help="One of them, with its fields. 台账名")] = "",
) -> None:
    """List the registers, or describe one. 台账目录"""
    with terminal.office() as office:
        if name:
            one = office.register(name)
            terminal.show(one, lambda: _describe(terminal, one))
            return
        listed = office.registers()
    heads = ("名称", "台账", "填报层级", "记录数") if terminal.zh else (
        "NAME", "REGISTER", "KEPT BY", "RECORDS"
    )  # fmt: skip
    rows = [(r.name, terminal.label(r.label), _levels(terminal, r), int(r.records)) for r in listed]
    terminal.show(listed, lambda: terminal.table(heads, rows))


def list_(
    terminal: Terminal,
    register: Register,
    unit: Unit = "",
    subtree: Annotated[bool, typer.Option("--subtree", help="And all below. 含下级")] = False,
    where: Annotated[list[str] | None, typer.Option("--where", help="field=value 筛选")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Ended ones too. 含已注销")] = False,
    limit: Limit = 50,
    after: Annotated[str, typer.Option("--after", help="`next` of the page before. 下一页")] = "",
) -> None:
    """List records, page by page. 记录列表"""
    with terminal.office() as office:
        kind = office.register(register)
        page = office.records(
            register, unit=unit, subtree=subtree, where=values_of(where or ()),
            include_ended=ended, limit=limit, after=after,
        )  # fmt: skip
    fields = kind.fields[:COLUMNS_MAX]

    def human() -> None:
        heads = ["编号" if terminal.zh else "ID", *(terminal.label(f.label) for f in fields)]
        several = subtree or unit
        if several:
            heads.insert(1, "单位" if terminal.zh else "UNIT")
        rows = []
        for record in page.records:
            cells = [shown(terminal, f, record.values.get(f.name)) for f in fields]
            where_ = [record.unit.name] if several else []
            rows.append([record.id.hex(), *where_, *cells])
        terminal.table(heads, rows)
        terminal.note(
            f"共 {page.total} 条" + (f", 下一页: --after {page.next}" if page.next else ""),
            f"{page.total} in all" + (f", next page: --after {page.next}" if page.next else ""),
        )
        if page.below and not page.total:
            terminal.note("下级单位的记录请加 --subtree", "records of offices below: --subtree")
        if page.partial:
            terminal.note(
                "下级单位的记录只在下级保存，以上仅为本单位的记录",
                "records of offices below stay with them: these are this office's own",
            )

    terminal.show(page, human)


def show(
    terminal: Terminal,
    register: Register,
    record: Record,
    unit: Unit = "",
    history: Annotated[bool, typer.Option("--history", help="And its past. 含历史")] = False,
) -> None:
    """Show one record with all of its fields. 查看记录"""
    with terminal.office() as office:
        kind = office.register(register)
        found = office.record(register, id_of(record), unit=unit, history=history)

    def human() -> None:
        _print(terminal, kind, found.record)
        for event in found.history:
            by = event.unit.name or "?"
            values = ", ".join(
                f"{terminal.label(f.label)}={shown(terminal, f, event.values.get(f.name))}"
                for f in kind.fields
                if f.name in event.values
            )
            line = f"{terminal.time(event.at_ms)} {by} {event.kind} {event.state} {values}"
            terminal.line(" ".join(line.split()), " ".join(line.split()))

    terminal.show(found, human)


def create(terminal: Terminal, register: Register, values: Pairs) -> None:
    """Add a record of the office's own unit. 新增记录"""
    with terminal.office() as office:
        kind = office.register(register)
        made = office.create(register, values_of(values))
    terminal.show(made, lambda: _print(terminal, kind, made))


def change(
    terminal: Terminal,
    register: Register,
    record: Record,
    values: Pairs,
    unit: Unit = "",
    version_token: IfVersion = "",
    force: Force = False,
) -> None:
    """Change fields of a record; field= takes a value away. 修改记录"""
    with terminal.office() as office:
        kind = office.register(register)
        now = office.change(
            register,
            id_of(record),
            values_of(values),
            unit=unit,
            version_token=version_token,
            force=force,
        )
    terminal.show(now, lambda: _print(terminal, kind, now))


def end(
    terminal: Terminal,
    register: Register,
    record: Record,
    version_token: IfVersion = "",
    force: Force = False,
) -> None:
    """End a record of the office's own unit. 注销记录"""
    with terminal.office() as office:
        kind = office.register(register)
        now = office.end(register, id_of(record), version_token=version_token, force=force)
    terminal.show(now, lambda: _print(terminal, kind, now))


def none_(
    terminal: Terminal,
    register: Register,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take it back. 撤回")] = False,
    actor: Actor = "",
) -> None:
    """State that a register has nothing to report: none is not unknown. 零报告"""
    with terminal.office() as office:
        stated = office.state_zero(register, actor=person(actor), withdraw=withdraw)

    def human() -> None:
        if stated.zero:
            terminal.line(
                f"{stated.label.zh}：已作零报告，经办人 {stated.actor}",
                f"{stated.label.en}: nothing to report, stated by {stated.actor}",
            )
        else:
            terminal.line(
                f"{stated.label.zh}：没有零报告", f"{stated.label.en}: no zero report stands"
            )

    terminal.show(stated, human)


def shown(terminal: Terminal, field: pb.FieldDescription, value: Any) -> str:
    """Return a stored value as a person reads it."""
    kind = value.WhichOneof("kind") if value is not None else None
    if kind is None:
        return ""
    raw = getattr(value, kind)
    labels = {choice.code: terminal.label(choice.label) for choice in field.choices}
    match field.type:
        case "bool":
            return terminal.localized("是", "yes") if raw else terminal.localized("否", "no")
        case "decimal":
            return str(Decimal(raw).scaleb(-field.scale))
        case "choice":
            return labels.get(raw, str(raw))
        case "set":
            between = terminal.localized("、", ", ")
            return between.join(labels.get(code, code) for code in str(raw).split(",") if code)
        case _:
            return str(raw)


def _print(terminal: Terminal, kind: pb.RegisterDescription, record: pb.Record) -> None:
    ended = "" if record.alive else terminal.localized(" (已注销)", " (ended)")
    terminal.line(
        f"{terminal.label(kind.label)} {record.id.hex()} {record.unit.name}{ended}",
        f"{terminal.label(kind.label)} {record.id.hex()} {record.unit.name}{ended}",
    )
    rows = [
        (terminal.label(f.label), shown(terminal, f, record.values.get(f.name)), f.unit)
        for f in kind.fields
        if f.name in record.values
    ]
    heads = ("字段", "值", "单位") if terminal.zh else ("FIELD", "VALUE", "UNIT")
    terminal.table(heads, rows)
    if record.conflicts:
        ids = ", ".join(found.hex() for found in record.conflicts)
        terminal.note(f"冲突待处理: {ids}", f"conflicts to decide: {ids}")


def _describe(terminal: Terminal, kind: pb.RegisterDescription) -> None:
    terminal.line(
        f"{kind.name} {kind.label.zh}, {_levels(terminal, kind)}, 记录 {kind.records}",
        f"{kind.name} {kind.label.en}, kept by {_levels(terminal, kind)}, records {kind.records}",
    )
    rows = []
    for field in kind.fields:
        owners = "/".join(terminal.level(level) for level in field.owners)
        must = terminal.localized("是", "yes") if field.required else ""
        codes = " ".join(f"{c.code}={terminal.label(c.label)}" for c in field.choices)
        rows.append(
            (field.name, terminal.label(field.label), field.type, must, owners, field.unit, codes)
        )
    heads = (
        ("字段", "名称", "类型", "必填", "填写层级", "单位", "选项")
        if terminal.zh
        else ("FIELD", "LABEL", "TYPE", "REQUIRED", "OWNER", "UNIT", "OPTIONS")
    )
    terminal.table(heads, rows)


def _levels(terminal: Terminal, kind: pb.RegisterDescription) -> str:
    if kind.HasField("level"):
        return terminal.level(kind.level)
    return terminal.localized("各级", "every level")
