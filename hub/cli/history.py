"""History of a record as a table, and values as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hub.cli.labels import actor_name
from hub.cli.terminal import Cell, Terminal
from node.domain.english import counted

if TYPE_CHECKING:
    from hub.client.client import OfficeClient
    from sync.wire.office.v1 import common_pb2 as common
    from sync.wire.office.v1 import registers_pb2 as pb

KINDS = {
    "created": ("新增", "created"), "changed": ("修改", "changed"), "lost": ("未采用", "set aside"),
    "ended": ("注销", "ended"), "restored": ("恢复", "restored"),
}  # fmt: skip
STATES = {
    "open": ("冲突待处理", "conflict open"), "resolved": ("未采用", "not taken"),
    "superseded": ("已被覆盖", "overwritten"), "auto_resolved": ("未采用", "not taken"),
}  # fmt: skip
LACKS = {
    "cut": (
        "本单位的变更日志已按保留天数清理，更早的改动不再可查",
        "this office's log was truncated (log_days): earlier edits are not here any more",
    ),
    "copied": (
        "该记录曾以全量副本传入，之前的逐项改动不在本单位，可在填报单位查询",
        "the record came here as a full copy: the office that keeps it has the earlier edits",
    ),
    "unkept": (
        "更早的改动未留存（旧版程序不留存仅存本单位的改动）",
        "earlier edits were not kept (older programs kept none of what stays in its office)",
    ),
    "erased": (
        "注销后内容已按保留天数清除，只留存何时由谁改动",
        "the ended record's values were removed (tombstone_days): only who and when is left",
    ),
}


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


class Labels:
    """Names of registers and fields for people, and their values' labels; fetched once each."""

    def __init__(self, terminal: Terminal, office: OfficeClient, registers: Iterable[str]) -> None:
        self._terminal = terminal
        self._kinds: dict[str, pb.RegisterDescription] = {}
        if not terminal.json:
            asked = {*registers}
            known = {each.name for each in office.list_registers().registers} if asked else set()
            self._kinds = {
                name: office.get_register(register=name).register for name in asked & known
            }

    def register(self, name: str) -> str:
        kind = self._kinds.get(name)
        return name if kind is None else self._terminal.label(kind.label)

    def field(self, register: str, name: str) -> str:
        field = self._field(register, name)
        return name if field is None else self._terminal.label(field.label)

    def value(self, register: str, name: str, value: common.Value) -> str:
        field = self._field(register, name)
        if field is not None:
            return shown(self._terminal, field, value)
        kind = value.WhichOneof("kind")
        return str(getattr(value, kind)) if kind else ""

    def _field(self, register: str, name: str) -> pb.FieldDescription | None:
        kind = self._kinds.get(register)
        return next((f for f in kind.fields if f.name == name), None) if kind is not None else None


def print_history(
    terminal: Terminal, kind: pb.RegisterDescription, found: pb.GetRecordResponse
) -> None:
    """Print every edit that is known, oldest first, and what is missing."""
    heads = (
        ("时间", "单位", "经办人", "操作", "字段", "原值", "新值")
        if terminal.zh
        else ("WHEN", "OFFICE", "WHO", "WHAT", "FIELD", "FROM", "TO")
    )
    terminal.table(heads, [row for event in found.history for row in _rows(terminal, kind, event)])
    remains = found.remains
    if remains.whole:
        terminal.line("历史完整", "the history is whole")
    for lack in remains.lacks:
        terminal.line(*LACKS.get(lack, (lack, lack)))
    if remains.missing:
        since = terminal.time(remains.since_ms)
        terminal.line(
            f"至少缺少 {remains.missing} 次改动；日志中最早的一次为 {since}",
            f"at least {counted(remains.missing, 'edit is', 'edits are')} missing; the oldest "
            f"in the log is of {since}",
        )


def _rows(
    terminal: Terminal, kind: pb.RegisterDescription, event: pb.RecordEvent
) -> Iterator[tuple[Cell, ...]]:
    """Yield an edit's lines: who and when once, then field by field."""
    reasons = {c.code: terminal.label(c.label) for c in kind.end_reasons}
    fields = {f.name: f for f in kind.fields}
    what = terminal.localized(*KINDS.get(event.kind, (event.kind, event.kind)))
    if event.reason:
        reason = reasons.get(event.reason, event.reason)
        what += terminal.localized(f"（{reason}）", f" ({reason})")
    unknown = terminal.localized("未知", "unknown")
    head = (terminal.time(event.at_ms), event.unit.name or unknown,
            actor_name(terminal, event.actor) or unknown, what)  # fmt: skip
    if not event.changes:
        yield (*head, "", "", "")
    for change in event.changes:
        field = fields[change.field]
        old = shown(terminal, field, change.old) if change.old_known else unknown
        new = shown(terminal, field, change.new)
        if change.state:
            state = terminal.localized(*STATES.get(change.state, (change.state, change.state)))
            new += terminal.localized(f"（{state}）", f" ({state})")
        elif change.old_known and old == new and event.kind == "changed":
            new += terminal.localized("（保留）", " (kept)")
        yield (*head, terminal.label(field.label), old, new)
        head = ("", "", "", "")
