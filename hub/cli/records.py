"""registers and record: what is kept, one record at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.arguments import (
    Actor,
    After,
    Columns,
    IdOf,
    Limit,
    Search,
    Sort,
    Unit,
    Where,
    conditions_of,
    listed_of,
    person,
    usage,
    values_of,
)
from hub.cli.history import print_history, shown
from hub.cli.labels import FIELD_TYPES, labelled
from hub.cli.options import Needs
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from node.domain.english import counted

if TYPE_CHECKING:
    from sync.wire.office.v1 import registers_pb2 as pb

Register = Annotated[str, typer.Argument(help="Register, as listed by `register ls`. 台账")]
Record = Annotated[
    str,
    typer.Argument(help="Key, name, or first digits of the id. 名称、关键字段或编号前几位"),
    IdOf("record"),
]
Pairs = Annotated[list[str], typer.Argument(help="field=value ... 字段=值")]
IfVersion = Annotated[
    str,
    typer.Option(
        "--version-token", help="Version you last saw, to detect concurrent changes. 所见版本"
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Overwrite even if someone else has changed it. 强制")
]
Reason = Annotated[str, typer.Option("--reason", help="Reason; it is stored with the change. 理由")]
COLUMNS_MAX = 6  # of a list; `record show` has them all


def register(app: typer.Typer) -> None:
    kind = typer.Typer(help="Registers and their fields. 台账目录", no_args_is_help=True)
    app.add_typer(kind, name="register")
    verb(kind, "ls")(registers)
    verb(kind, "show")(register_show)
    record = typer.Typer(help="One record at a time. 单条记录", no_args_is_help=True)
    app.add_typer(record, name="record")
    for function in (ls, show, create, restore):
        verb(record)(function)
    verb(record, "none")(none_)
    for editing in (change, end):
        verb(record, rules=[Needs("force", "version_token")])(editing)


def register_show(
    terminal: Terminal,
    register: Annotated[str, typer.Argument(help="Its name or code. 台账名称或代码")],
) -> None:
    """Describe a register and its fields. 查看台账字段"""
    with terminal.office() as office:
        one = office.get_register(register=register).register
    terminal.show(one, lambda: _describe(terminal, one))


def registers(terminal: Terminal) -> None:
    """List the registers. 台账目录"""
    with terminal.office() as office:
        listed = office.list_registers().registers
    heads = ("名称", "台账", "填报层级", "记录数") if terminal.zh else (
        "NAME", "REGISTER", "KEPT BY", "RECORDS"
    )  # fmt: skip
    rows = [(r.name, terminal.label(r.label), _levels(terminal, r), int(r.records)) for r in listed]

    def human() -> None:
        terminal.table(heads, rows)
        terminal.note_total(len(listed), "本")

    terminal.show(listed, human)


def ls(
    terminal: Terminal,
    register: Annotated[
        str, typer.Argument(help="Register; without one, search all registers. 台账")
    ] = "",
    unit: Unit = "",
    subtree: Annotated[
        bool, typer.Option("--subtree", help="Include all units below. 含下级")
    ] = False,
    search: Search = "",
    where: Where = None,
    sort: Sort = None,
    columns: Columns = None,
    ended: Annotated[bool, typer.Option("--ended", help="Include ended records. 含已注销")] = False,
    limit: Limit = 50,
    after: After = "",
) -> None:
    """List records, page by page, or search them. 查询记录"""
    if not register and columns:
        raise usage(
            "--columns are those of one register: none is named",
            "未指定台账时不能用 --columns 选择字段",
            "Name a register.", "请指定台账。",
        )  # fmt: skip
    with terminal.office() as office:
        kind = office.get_register(register=register).register if register else None
        chosen = [_field(kind, name) for name in listed_of(columns or ())] if kind else []
        page = office.list_records(
            register=register, unit=unit, subtree=subtree, conditions=conditions_of(where or ()),
            search=search, sort=listed_of(sort or ()), include_ended=ended, page_size=limit,
            page_token=after,
        )  # fmt: skip
        others = set() if kind or terminal.json else {r.register for r in page.records}
        kinds = {name: office.get_register(register=name).register for name in others}

    def human() -> None:
        if kind is not None:
            _table(terminal, kind, page, chosen, units=bool(subtree or unit))
        else:
            _hits(terminal, kinds, page, search)
        terminal.note_page(page, "条")
        if page.below and not page.total_size:
            terminal.note("下级单位的记录请加 --subtree", "records of offices below: --subtree")
        if page.partial:
            terminal.note(
                "下级单位的记录只在下级保存，以上仅为本单位的记录",
                "records of offices below stay with them: these are this office's own",
            )

    for record in page.records if chosen else ():
        for name in record.values.keys() - {field.name for field in chosen}:
            del record.values[name]
    terminal.show(page, human)


def _table(
    terminal: Terminal, kind: pb.RegisterDescription, page: pb.ListRecordsResponse,
    chosen: list[pb.FieldDescription], *, units: bool,
) -> None:  # fmt: skip
    """Print records of one register: the fields asked for, or the first few."""
    fields = chosen or list(kind.fields[:COLUMNS_MAX])
    heads = ["编号" if terminal.zh else "ID", *(terminal.label(f.label) for f in fields)]
    ended = any(not record.alive for record in page.records)
    if units:
        heads.insert(1, "单位" if terminal.zh else "UNIT")
    if ended:
        heads.append("状态" if terminal.zh else "STATE")
    rows = []
    for record in page.records:
        cells = [shown(terminal, f, record.values.get(f.name)) for f in fields]
        state = (
            terminal.localized("在册", "kept")
            if record.alive
            else terminal.localized("已注销", "ended")
        )
        rows.append([
            record.id, *([record.unit.name] if units else []), *cells,
            *([state] if ended else []),
        ])  # fmt: skip
    terminal.table(heads, rows)
    if not chosen and len(kind.fields) > len(fields):
        left = len(kind.fields) - len(fields)
        terminal.note(
            f"另有 {left} 个字段，用 --columns 选择",
            f"{counted(left, 'more field')}: choose by --columns",
        )


def _hits(
    terminal: Terminal, kinds: Mapping[str, pb.RegisterDescription],
    page: pb.ListRecordsResponse, search: str,
) -> None:  # fmt: skip
    """Print records of several registers: the name of each, and where the words were found."""
    heads = (
        ("编号", "台账", "单位", "名称", "符合的内容") if terminal.zh
        else ("ID", "REGISTER", "UNIT", "NAME", "FOUND IN")
    )  # fmt: skip
    words = [word.casefold() for word in search.split()]
    rows = []
    for record in page.records:
        kind = kinds[record.register]
        texts = {f.name: shown(terminal, f, record.values.get(f.name)) for f in kind.fields}
        name = texts.get("name") or " ".join(texts[key] for key in kind.key)
        where = [
            f"{terminal.label(f.label)}={texts[f.name]}"
            for f in kind.fields
            if texts[f.name] != name and any(word in texts[f.name].casefold() for word in words)
        ]
        rows.append((record.id, terminal.label(kind.label), record.unit.name, name,
                     terminal.localized("，", ", ").join(where)))  # fmt: skip
    terminal.table(heads, rows)


def _field(kind: pb.RegisterDescription, line: str) -> pb.FieldDescription:
    """Return the field with this name. Raises: Refusal."""
    plain = line.casefold()
    for field in kind.fields:
        if plain in {
            w.casefold() for w in (field.name, field.label.zh, field.label.en, *field.aliases)
        }:
            return field
    raise usage(
        f"{kind.label.en} has no field {line[:40]!r}", f"{kind.label.zh}没有字段“{line[:40]}”",
        f"Choose from: {', '.join(f.name for f in kind.fields)}.",
        f"可用字段：{'、'.join(f.label.zh for f in kind.fields)}。",
    )  # fmt: skip


def show(
    terminal: Terminal,
    register: Register,
    record: Record,
    unit: Unit = "",
    history: Annotated[bool, typer.Option("--history", help="Include its history. 含历史")] = False,
) -> None:
    """Show one record with all of its fields. 查看记录"""
    with terminal.office() as office:
        kind = office.get_register(register=register).register
        found = office.get_record(register=register, id=record, unit=unit, history=history)

    def human() -> None:
        _print(terminal, kind, found.record)
        if history:
            print_history(terminal, kind, found)

    terminal.show(found, human)


def create(terminal: Terminal, register: Register, values: Pairs, actor: Actor = "") -> None:
    """Add a record of the office's own unit. 新增记录"""
    with terminal.office() as office:
        kind = office.get_register(register=register).register
        made = office.create_record(
            register=register, values=values_of(values), actor=person(actor)
        ).record
    terminal.show(made, lambda: _print(terminal, kind, made))


def change(
    terminal: Terminal,
    register: Register,
    record: Record,
    values: Pairs,
    unit: Unit = "",
    version_token: IfVersion = "",
    force: Force = False,
    reason: Reason = "",
    actor: Actor = "",
) -> None:
    """Change fields of a record; `field=` clears one. 修改记录"""
    with terminal.office() as office:
        kind = office.get_register(register=register).register
        now = office.update_record(
            register=register,
            id=record,
            values=values_of(values),
            unit=unit,
            version_token=version_token,
            force=force,
            actor=person(actor),
            reason=reason,
        ).record
    terminal.show(now, lambda: _print(terminal, kind, now))


def end(
    terminal: Terminal,
    register: Register,
    record: Record,
    reason: Annotated[
        str,
        typer.Option(
            "--reason", help="Reason: a usual one (see `register show`), or your own words. 理由"
        ),
    ] = "",
    version_token: IfVersion = "",
    force: Force = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. 不再询问")] = False,
    actor: Actor = "",
) -> None:
    """End a record of the office's own unit. `record restore` brings it back. 注销记录"""
    with terminal.office() as office:
        kind = office.get_register(register=register).register
        if not yes and terminal.asks:
            _print(terminal, kind, office.get_record(register=register, id=record).record)
            reason = reason or _reason(terminal, kind)
            terminal.confirm("注销该记录？", "End this record?")
        now = office.end_record(
            register=register,
            id=record,
            version_token=version_token,
            force=force,
            actor=person(actor),
            reason=reason,
        ).record
    terminal.show(now, lambda: _print(terminal, kind, now))


def restore(
    terminal: Terminal, register: Register, record: Record, reason: Reason = "", actor: Actor = ""
) -> None:
    """Bring an ended record back, with the values that it had. 恢复已注销的记录"""
    with terminal.office() as office:
        kind = office.get_register(register=register).register
        now = office.restore_record(
            register=register, id=record, actor=person(actor), reason=reason
        ).record
    terminal.show(now, lambda: _print(terminal, kind, now))


def none_(
    terminal: Terminal,
    register: Register,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Withdraw the statement. 撤回")
    ] = False,
    actor: Actor = "",
) -> None:
    """State that a register has nothing to report. 零报告"""
    with terminal.office() as office:
        stated = office.state_zero(register=register, actor=person(actor), withdraw=withdraw)

    def human() -> None:
        if stated.zero:
            terminal.line(
                f"{stated.label.zh}：已作零报告，经办人 {stated.actor}",
                f"{stated.label.en}: nothing to report, stated by {stated.actor}",
            )
        else:
            terminal.line(
                f"{stated.label.zh}：没有零报告", f"{stated.label.en}: there is no zero report"
            )

    terminal.show(stated, human)


def _reason(terminal: Terminal, kind: pb.RegisterDescription) -> str:
    """Ask why a record ends, and name the usual reasons."""
    usual = [terminal.label(choice.label) for choice in kind.end_reasons]
    listed = terminal.localized("、", ", ").join(usual)
    return terminal.ask(
        "理由" + (f"（{listed}）" if usual else ""), "Why" + (f" ({listed})" if usual else "")
    )


def _print(terminal: Terminal, kind: pb.RegisterDescription, record: pb.Record) -> None:
    ended = "" if record.alive else terminal.localized("（已注销）", " (ended)")
    terminal.line(
        f"{terminal.label(kind.label)} {record.id} {record.unit.name}{ended}",
        f"{terminal.label(kind.label)} {record.id} {record.unit.name}{ended}",
    )
    rows = [
        (terminal.label(f.label), shown(terminal, f, record.values.get(f.name)), f.unit)
        for f in kind.fields
        if f.name in record.values
    ]
    heads = ("字段", "值", "单位") if terminal.zh else ("FIELD", "VALUE", "UNIT")
    terminal.table(heads, rows)
    if record.conflicts:
        ids = record.conflicts
        terminal.note(f"冲突待处理：{'、'.join(ids)}", f"conflicts to decide: {', '.join(ids)}")


def _describe(terminal: Terminal, kind: pb.RegisterDescription) -> None:
    terminal.line(
        f"{kind.name} {kind.label.zh}，{_levels(terminal, kind)}，记录 {kind.records}",
        f"{kind.name} {kind.label.en}, kept by {_levels(terminal, kind)}, records {kind.records}",
    )
    rows = []
    for field in kind.fields:
        owners = "/".join(terminal.level(level) for level in field.owners)
        must = terminal.localized("是", "yes") if field.required else ""
        codes = " ".join(f"{c.code}={terminal.label(c.label)}" for c in field.choices)
        rows.append(
            (field.name, terminal.label(field.label), labelled(terminal, FIELD_TYPES, field.type),
             must, owners, field.unit, codes)
        )  # fmt: skip
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
