"""Duplicates (`case`): one number registered twice, in two communities or in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.arguments import Actor, IdOf, person
from hub.cli.history import Labels, shown
from hub.cli.terminal import Terminal
from hub.cli.verb import verb

if TYPE_CHECKING:
    from hub.client.client import OfficeClient
    from sync.wire.office.v1 import office_pb2 as pb

STATES = {
    "open": ("待核实", "open"), "closed": ("已核实", "closed"),
    "settled": ("已自行消除", "settled"), "raised": ("已转上级", "raised"),
}  # fmt: skip
CaseId = Annotated[str, typer.Argument(help="First digits of its id. 编号前几位"), IdOf("case")]


def register(app: typer.Typer) -> None:
    cases = typer.Typer(help="One number registered twice. 重复登记", no_args_is_help=True)
    app.add_typer(cases, name="duplicate")
    for function in (ls, show, close):
        verb(cases)(function)


def ls(
    terminal: Terminal,
    every: Annotated[bool, typer.Option("--all", help="Include closed ones. 包括已处理")] = False,
) -> None:
    """List duplicates. 重复登记"""
    with terminal.office() as office:
        found = office.list_cases(all=every)
        labels = Labels(terminal, office, (_register(c) for c in found.cases))

    def human() -> None:
        heads = (
            ("编号", "比对项", "主办单位", "涉及单位", "状态")
            if terminal.zh
            else ("ID", "OF", "OWNER", "UNITS", "STATE")
        )
        rows = [
            (
                c.id,
                _what(labels, c),
                c.owner.name,
                _units(terminal, c),
                terminal.localized(*STATES.get(c.state, (c.state, c.state))),
            )
            for c in found.cases
        ]
        terminal.table(heads, rows)
        terminal.note_page(found, "件")

    terminal.show(found, human)


def show(terminal: Terminal, case: CaseId) -> None:
    """Show one duplicate with this office's records. 查看"""
    with terminal.office() as office:
        found = office.get_case(id=case).case
        ours = _ours(terminal, office, found)
        labels = Labels(terminal, office, [_register(found)])
    terminal.show(found, lambda: _print(terminal, labels, found, ours))


def close(
    terminal: Terminal,
    case: CaseId,
    reason: Annotated[
        str, typer.Option("--reason", help="Finding: who moved, whose number is wrong. 理由")
    ],
    actor: Actor = "",
) -> None:
    """Close a checked duplicate; no record changes. 核实"""
    with terminal.office() as office:
        done = office.close_case(id=case, reason=reason, actor=person(actor)).case
        ours = _ours(terminal, office, done)
        labels = Labels(terminal, office, [_register(done)])
    terminal.show(done, lambda: _print(terminal, labels, done, ours))


def _ours(terminal: Terminal, office: OfficeClient, found: pb.Case) -> list[str]:
    """Return this office's own records in the case as people know them."""
    if terminal.json or not found.records:
        return []
    kind = office.get_register(register=_register(found)).register
    names = [f for f in kind.fields if f.name in ("name", *kind.key)]
    described = []
    for record in found.records:
        values = office.get_record(register=kind.name, id=record).record.values
        called = " ".join(shown(terminal, f, values.get(f.name)) for f in names)
        described.append(f"{record} {called}".strip())
    return described


def _print(terminal: Terminal, labels: Labels, found: pb.Case, ours: list[str]) -> None:
    state = terminal.localized(*STATES.get(found.state, (found.state, found.state)))
    head = f"{found.id} {_what(labels, found)}"
    terminal.line(f"{head}：{state}", f"{head}: {state}")
    terminal.line(f"主办单位 {found.owner.name}", f"kept by {found.owner.name}")
    units = _units(terminal, found)
    terminal.line(f"涉及单位 {units}", f"concerns {units}")
    for record in ours:
        terminal.line(f"本单位记录 {record}", f"record of ours {record}")
    if found.reason:
        terminal.line(f"{found.reason}（{found.actor}）", f"{found.reason} ({found.actor})")


def _register(case: pb.Case) -> str:
    return case.kind.partition(".")[0]


def _what(labels: Labels, case: pb.Case) -> str:
    """Return the register and the field whose value was registered twice."""
    register, _, field = case.kind.partition(".")
    return " ".join(filter(None, (labels.register(register), labels.field(register, field))))


def _units(terminal: Terminal, found: pb.Case) -> str:
    """Return the units that this office is informed about; the owner knows the others."""
    count = terminal.localized(" 条", "")
    listed = [f"{u.unit.name} {u.records}{count}" for u in found.units]
    if found.owner.unit_id not in {u.unit.unit_id for u in found.units} and len(listed) == 1:
        listed.append(terminal.localized("其他单位", "others"))
    return terminal.localized("、", ", ").join(listed)
