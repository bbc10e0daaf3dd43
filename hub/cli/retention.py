"""retention: the verb that shows and removes what need not be kept of the log and ended records."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from node.china import DAY_MS
from node.domain.english import counted
from sync.wire.office.v1 import retention_pb2 as pb

WHY = {
    "above": ("尚未确认已报到市级", "is not confirmed by the city"),
    "young": ("未满保留天数", "is not old enough"),
}

KEPT = {
    "young": ("注销未满保留天数", "not ended long enough ago"),
    "contested": ("与注销有冲突待处理", "a conflict with the end is open"),
    "needed": (
        "注销尚未报到市级或未被下级收到",
        "the city has not confirmed the end, or a child lacks it",
    ),
    "quarantined": ("涉及隔离的变更", "a quarantined change concerns it"),
    "asked": ("涉及更正申请", "a correction request is open"),
}


def register(app: typer.Typer) -> None:
    verb(app, "retention")(retention)


def retention(
    terminal: Terminal,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be removed. 只查看，不清理")
    ] = False,
) -> None:
    """Remove old log entries and ended records; show what is kept. 清理变更日志和已注销记录"""
    with terminal.office() as office:
        found = office.apply_retention(dry_run=dry_run)

    def human() -> None:
        if not found.log_days:
            terminal.line("未设置 log_days，日志全部保留", "log_days is not set: the log is kept")
        size = f"{found.bytes / (1 << 20):.1f} MiB"
        terminal.line(
            f"日志起点 {found.low_water_mark}，末尾 {found.end}；"
            f"保留台账变更 {found.entries} 条，{size}",
            f"log from {found.low_water_mark} to {found.end}; "
            f"{counted(found.entries, 'entry', 'entries')} of registers, {size}",
        )
        if found.oldest_ms:
            when = terminal.time(found.oldest_ms)
            terminal.line(f"最早一条：{when}", f"the oldest is of {when}")
        cut = f"{found.truncated_bytes / (1 << 20):.1f} MiB"
        if dry_run:
            terminal.line(
                f"现在清理可删除 {found.truncated_entries} 条，{cut}",
                f"truncating now would remove "
                f"{counted(found.truncated_entries, 'entry', 'entries')}, {cut}",
            )
        else:
            terminal.line(
                f"已删除 {found.truncated_entries} 条，{cut}",
                f"removed {counted(found.truncated_entries, 'entry', 'entries')}, {cut}",
            )
        terminal.line(
            f"仅存本单位的变更 {found.local_entries} 条，"
            f"{'可删除' if dry_run else '已删除'} {found.cut_local_entries} 条",
            f"changes that never leave this office: {found.local_entries} kept, "
            f"{found.cut_local_entries} {'would be ' if dry_run else ''}removed",
        )
        for hold in found.holds:
            terminal.line(*_hold(hold, terminal.time(hold.last_contact_ms)))
        _ended(terminal, found, dry_run=dry_run)

    terminal.show(found, human)


def _ended(terminal: Terminal, found: pb.ApplyRetentionResponse, *, dry_run: bool) -> None:
    if not found.tombstone_days:
        terminal.line(
            "未设置 tombstone_days，已注销记录的内容全部保留",
            "tombstone_days is not set: ended records keep their values",
        )
    terminal.line(
        f"已注销记录：有内容 {found.ended_with_values} 条，内容已清空 {found.redacted} 条",
        f"ended records: {found.ended_with_values} with values, {found.redacted} without",
    )
    if found.tombstone_days:
        would_zh, would_en = ("可清除", "would lose") if dry_run else ("已清除", "lost")
        terminal.line(
            f"{would_zh}内容 {found.redacted_now} 条",
            f"{counted(found.redacted_now, 'record')} {would_en} every value",
        )
    for kept in found.kept:
        zh, en = KEPT.get(kept.why, (kept.why, kept.why))
        terminal.line(f"保留 {kept.records} 条：{zh}", f"{kept.records} keep them: {en}")


def _hold(hold: pb.LogHold, last_contact: str) -> tuple[str, str]:
    if hold.why != "child":
        zh, en = WHY.get(hold.why, (hold.why, hold.why))
        return f"第 {hold.first} 条{zh}", f"entry {hold.first} {en}"
    left = max(0, hold.lease_left_ms) // DAY_MS
    name = hold.unit.name
    zh = f"为{name}保留第 {hold.first} 条起的内容：最近联系 {last_contact}，保留期限还剩 {left} 天"
    en = f"kept for {name} from entry {hold.first}: last contact {last_contact}, "
    return zh, f"{en}its lease ends in {counted(left, 'day')}"
