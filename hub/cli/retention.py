"""retention: the verb that shows and removes what need not be kept of the log and ended records."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from node.china import DAY_MS
from sync.wire.office.v1 import retention_pb2 as pb

WHY = {
    "above": ("尚未确认已报到市级", "is not known to be safe at the city"),
    "young": ("未满保留天数", "is not old enough"),
}

KEPT = {
    "young": ("注销未满保留天数", "not ended long enough ago"),
    "contested": ("与注销有冲突待处理", "somebody wrote against the end: settle the conflict"),
    "needed": ("注销尚未报到市级或未被下级收到", "the end is not safe above, or a child lacks it"),
    "quarantined": ("涉及隔离的变更", "a quarantined change concerns it"),
    "asked": ("涉及更正申请", "a correction request is open"),
}


def register(app: typer.Typer) -> None:
    verb(app, "retention")(retention)


def retention(
    terminal: Terminal,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show, remove nothing. 只查看，不清理")
    ] = False,
) -> None:
    """Remove what nobody needs of log and ended records. 清理变更日志和已注销记录并查看保留原因"""
    with terminal.office() as office:
        found = office.apply_retention(dry_run=dry_run)

    def human() -> None:
        if not found.log_days:
            terminal.line("未设置 log_days，日志全部保留", "log_days is not set: the log is kept")
        size = f"{found.bytes / (1 << 20):.1f} MiB"
        terminal.line(
            f"日志起点 {found.low_water_mark}，末尾 {found.end}；"
            f"保留台账变更 {found.entries} 条，{size}",
            f"floor {found.low_water_mark} of {found.end}; "
            f"{found.entries} entries of registers, {size}",
        )
        if found.oldest_ms:
            when = terminal.time(found.oldest_ms)
            terminal.line(f"最早一条：{when}", f"the oldest is of {when}")
        cut = f"{found.truncated_bytes / (1 << 20):.1f} MiB"
        if dry_run:
            terminal.line(
                f"现在清理可删除 {found.truncated_entries} 条，{cut}",
                f"cutting now would remove {found.truncated_entries} entries, {cut}",
            )
        else:
            terminal.line(
                f"已删除 {found.truncated_entries} 条，{cut}",
                f"removed {found.truncated_entries} entries, {cut}",
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
        f"已注销记录：有内容 {found.ended_with_values} 条，仅存根 {found.redacted} 条",
        f"ended records: {found.ended_with_values} with values, {found.redacted} stubs",
    )
    if found.tombstone_days:
        would_zh, would_en = ("可清除", "would lose") if dry_run else ("已清除", "lost")
        terminal.line(
            f"{would_zh}内容 {found.redacted_now} 条",
            f"{found.redacted_now} {would_en} their values",
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
    en = f"held back by {name} from entry {hold.first}: last heard {last_contact}, "
    return zh, f"{en}its lease ends in {left} days"
