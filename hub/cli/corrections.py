"""correction: values requested for a field that another office owns, and the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.arguments import Actor, After, IdOf, Limit, Unit, day_text, person, values_of
from hub.cli.history import Labels, shown
from hub.cli.records import Force, Pairs, Record, Register
from hub.cli.terminal import Terminal
from hub.cli.verb import verb

if TYPE_CHECKING:
    from hub.client.client import OfficeClient
    from sync.wire.office.v1 import common_pb2 as common
    from sync.wire.office.v1 import corrections_pb2 as pb
    from sync.wire.office.v1 import registers_pb2 as register_pb

Request = Annotated[
    str,
    typer.Argument(help="First digits of its id, or the record's name. 编号前几位或记录名称"),
    IdOf("correction"),
]
STATES_ZH = {
    "open": "待答复", "withdrawn": "已撤回", "accepted": "已采纳", "superseded": "已无需更正",
    "refused": "未采纳",
}  # fmt: skip
RECORD_ZH = {"ended": "已注销", "missing": "本单位没有该记录"}
REASON_CHARS = 24  # of a list; `correction show` has it all


def register(app: typer.Typer) -> None:
    correction = typer.Typer(
        help="Ask the owner of a field to correct it. 更正申请", no_args_is_help=True
    )
    app.add_typer(correction, name="correction")
    for function in (ask, ls, show, accept, refuse, withdraw):
        verb(correction)(function)


def ask(
    terminal: Terminal,
    register: Register,
    record: Record,
    values: Pairs,
    reason: Annotated[str, typer.Option("--reason", help="Why. 理由")],
    unit: Unit = "",
    due: Annotated[str, typer.Option("--due", help="Last day for an answer. 答复期限")] = "",
    actor: Actor = "",
) -> None:
    """Ask the responsible office to correct fields; `field=` clears one. 提出更正申请"""
    with terminal.office() as office:
        made = office.create_correction(
            register=register,
            id=record,
            values=values_of(values),
            reason=reason,
            actor=person(actor),
            unit=unit,
            due_on=day_text(due),
        ).correction
        _show(terminal, office, made)


def ls(
    terminal: Terminal,
    box: Annotated[str, typer.Option("--box", help="asked, to-answer, all. 范围")] = "all",
    open_only: Annotated[bool, typer.Option("--open", help="Only open ones. 仅待答复")] = False,
    limit: Limit = 50,
    after: After = "",
) -> None:
    """List correction requests, the newest first. 更正申请列表"""
    with terminal.office() as office:
        page = office.list_corrections(
            box=box, open_only=open_only, page_size=limit, page_token=after
        )
        labels = Labels(terminal, office, (c.register for c in page.corrections))

    def human() -> None:
        heads = (
            ("编号", "状态", "申请单位", "负责单位", "台账", "字段", "答复期限", "理由")
            if terminal.zh
            else ("ID", "STATE", "ASKED BY", "OWNER", "REGISTER", "FIELDS", "DUE", "REASON")
        )
        rows = [
            (c.id, _state(terminal, c), c.asker.name, c.owner.name,
             labels.register(c.register), _fields(terminal, labels, c), c.due_on,
             c.reason[:REASON_CHARS])
            for c in page.corrections
        ]  # fmt: skip
        terminal.table(heads, rows)
        terminal.note_page(page, "件")

    terminal.show(page, human)


def _fields(terminal: Terminal, labels: Labels, found: pb.Correction) -> str:
    names = (labels.field(found.register, proposal.field) for proposal in found.proposed)
    return terminal.localized("、", ", ").join(names)


def show(terminal: Terminal, request: Request) -> None:
    """Show what is, what was when it was asked, and what is wished. 查看更正申请"""
    with terminal.office() as office:
        _show(terminal, office, office.get_correction(id=request).correction)


def accept(
    terminal: Terminal,
    request: Request,
    version_token: Annotated[
        str,
        typer.Option(
            "--version-token", help="Version you last saw, from `correction show`. 所见版本"
        ),
    ] = "",
    force: Force = False,
    actor: Actor = "",
) -> None:
    """Accept the request and change the record. 采纳并更正"""
    with terminal.office() as office:
        now = office.answer_correction(
            id=request,
            actor=person(actor),
            version_token=version_token,
            force=force,
            answer="accept",
        ).correction
        _show(terminal, office, now)


def refuse(
    terminal: Terminal,
    request: Request,
    reason: Annotated[str, typer.Option("--reason", help="Why. 理由")],
    actor: Actor = "",
) -> None:
    """Reject the request and give the reason. 不予采纳"""
    with terminal.office() as office:
        now = office.answer_correction(
            id=request, reason=reason, actor=person(actor), answer="refuse"
        ).correction
        _show(terminal, office, now)


def withdraw(
    terminal: Terminal,
    request: Request,
    reason: Annotated[str, typer.Option("--reason", help="Why. 理由")] = "",
    actor: Actor = "",
) -> None:
    """Withdraw a request of this office. 撤回申请"""
    with terminal.office() as office:
        now = office.withdraw_correction(id=request, reason=reason, actor=person(actor)).correction
        _show(terminal, office, now)


def _show(terminal: Terminal, office: OfficeClient, found: pb.Correction) -> None:
    fields: dict[str, register_pb.FieldDescription] = {}
    if not terminal.json and found.record_state != "missing":  # else its register may be unknown
        fields = {f.name: f for f in office.get_register(register=found.register).register.fields}
    terminal.show(found, lambda: _print(terminal, found, fields))


def _print(
    terminal: Terminal, found: pb.Correction, fields: dict[str, register_pb.FieldDescription]
) -> None:
    state = _state(terminal, found)
    about = f"{found.register} {found.record} {found.unit.name}"
    terminal.line(f"更正申请 {found.id}: {state}", f"request {found.id}: {state}")
    if found.record_state == "alive":
        terminal.line(about, about)
    else:
        gone = RECORD_ZH.get(found.record_state, found.record_state)
        terminal.line(f"{about} ({gone})", f"{about} ({found.record_state})")
    asked = f"{found.asker.name} {found.asked_by} {terminal.time(found.asked_ms)}"
    terminal.line(f"{asked}: {found.reason}", f"{asked}: {found.reason}")
    heads = (
        ("字段", "现值", "申请时", "申请改为", "")
        if terminal.zh
        else ("FIELD", "NOW", "WHEN ASKED", "WISHED", "")
    )
    moved = terminal.localized("已变化", "changed since")
    rows = []
    for proposal in found.proposed:
        field = fields.get(proposal.field)
        cells = [
            _text(terminal, field, v)
            for v in (proposal.now, proposal.asked_when, proposal.proposed_value)
        ]
        name = terminal.label(field.label) if field is not None else proposal.field
        rows.append((name, *cells, moved if proposal.moved and found.state == "open" else ""))
    terminal.table(heads, rows)
    if found.state == "open":
        terminal.line(
            f"由 {found.owner.name} 在 {found.due_on} 前答复",
            f"{found.owner.name} is to answer by {found.due_on}",
        )
    else:
        closed = f"{found.closed_by} {terminal.time(found.closed_ms)} {found.answer}".strip()
        terminal.line(f"{state}: {closed}", f"{state}: {closed}")
    if found.may_answer:
        terminal.note(
            f"所见版本：--version-token {found.version_token}",
            f"what you saw: --version-token {found.version_token}",
        )


def _state(terminal: Terminal, found: pb.Correction) -> str:
    late = terminal.localized("（逾期）", " (late)") if found.late else ""
    return terminal.localized(STATES_ZH.get(found.state, found.state), found.state) + late


def _text(
    terminal: Terminal, field: register_pb.FieldDescription | None, value: common.Value
) -> str:
    if field is not None:
        return shown(terminal, field, value)
    kind = value.WhichOneof("kind")
    return str(getattr(value, kind)) if kind else ""
