"""audit: the verbs that show, verify and export the audit log, and that prove what it has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.arguments import Actor, IdOf, person, usage
from hub.cli.exits import Exit
from hub.cli.history import Labels
from hub.cli.labels import labelled
from hub.cli.options import Apart
from hub.cli.outputs import Force, must_be_free, written
from hub.cli.quarantine import Reason
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from node.domain.audit import EventKind
from node.domain.english import counted
from sync.tlog.proof import SUFFIX

if TYPE_CHECKING:
    from sync.wire.office.v1 import audit_pb2 as pb

E = EventKind
EVENTS: dict[str, tuple[str, str]] = {
    E.LOG_BEGUN: ("审计日志启用", "audit log begun"),
    E.CALLER_REFUSED: ("拒绝访问", "caller refused"),
    E.KEY_ACCEPTED: ("认可密钥", "key accepted"),
    E.KEY_REFUSED: ("拒绝密钥", "key refused"),
    E.AUTHORITY_FOUNDED: ("建立证书颁发机构", "authority founded"),
    E.CERTIFICATE_ISSUED: ("颁发证书", "certificate issued"),
    E.CERTIFICATE_RECEIVED: ("取得证书", "certificate received"),
    E.CERTIFICATE_REVOKED: ("吊销证书", "certificate revoked"),
    E.UNIT_INVITED: ("邀请入网", "unit invited"),
    E.INVITATION_USED: ("使用邀请", "invitation used"),
    E.RECORDS_READ: ("查看个人信息", "personal data read"),
    E.RECORDS_EXPORTED: ("导出记录", "records exported"),
    E.BUNDLE_WRITTEN: ("写出离线数据包", "bundle written"),
    E.EDIT_FORCED: ("强制保存", "edit forced"),
    E.CONFLICT_RESOLVED: ("处理冲突", "conflict resolved"),
    E.QUARANTINE_CLOSED: ("放弃隔离的变更", "quarantined change closed"),
    E.CLONE_RESET: ("重置重复数据库", "clone reset"),
    E.TREE_IMPORTED: ("导入行政区划", "tree imported"),
    E.SETTINGS_CHANGED: ("变更设置", "settings changed"),
    E.CATALOGUE_CHANGED: ("变更目录", "catalogue changed"),
    E.ENTRIES_PRUNED: ("清理到期条目", "entries removed after their time"),
    E.LOG_REFUSED: ("拒绝下级审计日志", "audit log refused"),
    E.LOG_ACCEPTED: ("认可下级审计日志", "audit log accepted"),
    E.FIGURE_PROVEN: ("出具指标证明", "figure proven"),
    E.PAYMENT_PROVEN: ("出具资金证明", "payment proven"),
    "": ("已超过保留期限", "removed after its time"),
    "unreadable": ("内容已损坏", "not readable"),
}
FAULTS = {
    "missing": ("缺失", "missing"),
    "entry_changed": ("内容被改动", "its content was changed"),
    "hashes_changed": ("哈希值被改动", "its hashes were changed"),
    "cut": ("以前的内容曾被上级见证，现已缺失", "the log was longer when an office above saw it"),
    "other": ("以前的内容与上级见证的不同", "up to here an office above saw another log"),
}


FACTS = {  # what a clerk reads of them, in Chinese
    "key": "密钥", "operation": "操作", "take": "采用", "records": "记录数", "files": "文件数",
    "changes": "变更数", "changed": "变动单位数", "serial": "证书序列号", "entries": "条数",
    "times": "次数", "size": "条数", "seen": "曾见条数", "format": "格式", "year": "年度",
    "fund": "资金", "indicator": "指标", "shown": "数值",
}  # fmt: skip
VALUES = {
    "create": ("新增", "create"), "update": ("修改", "update"), "delete": ("注销", "delete"),
    "shown": ("现值", "shown"), "loser": ("未采用的值", "loser"), "value": ("另填的值", "value"),
}  # fmt: skip


def register(app: typer.Typer) -> None:
    audit = typer.Typer(help="The audit log. 审计日志", no_args_is_help=True)
    app.add_typer(audit, name="audit")
    verb(audit)(tail)
    verb(audit)(verify)
    verb(audit)(export)
    verb(audit)(accept)
    verb(audit, rules=(
        Apart("entry", "figure"), Apart("entry", "payment"), Apart("figure", "payment"),
        Apart("entry", "unit"), Apart("entry", "as_of"), Apart("payment", "as_of"),
    ))(prove)  # fmt: skip


def tail(
    terminal: Terminal,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most. 最多条数")] = 20,
    after: Annotated[
        str, typer.Option("--after", help="`next` of the answer before. 上一页的标记")
    ] = "",
) -> None:
    """Show the newest entries of the audit log, the newest last. 查看审计日志"""
    with terminal.office() as office:
        found = office.list_audit_entries(page_size=limit, page_token=after)
        labels = Labels(terminal, office, (e.register for e in found.entries if e.register))

    def human() -> None:
        heads = (
            ("编号", "时间", "事件", "经办人", "单位", "对象")
            if terminal.zh
            else ("NO.", "WHEN", "EVENT", "BY", "UNIT", "ABOUT")
        )
        terminal.table(heads, [
            (int(e.index), terminal.time(e.at_ms), labelled(terminal, EVENTS, e.event), e.by,
             e.unit.name or (str(e.unit.unit_id) if e.unit.unit_id else ""),
             _about(terminal, labels, e))
            for e in found.entries
        ])  # fmt: skip

    terminal.show(found, human)


def verify(terminal: Terminal) -> Exit:
    """Compute the hashes of the audit log again and compare them. 核验审计日志"""
    report: Any = None
    with terminal.office() as office, terminal.progress("核验", "verifying") as show_progress:
        for update in office.verify_audit():
            if update.WhichOneof("news") == "report":
                report = update.report
            else:
                show_progress(update.progress.done, update.progress.total)

    def human() -> None:
        terminal.line(
            f"{report.size} 条，根哈希 {report.root}",
            f"{counted(report.size, 'entry', 'entries')}, root hash {report.root}",
        )
        if report.pruned:
            terminal.line(
                f"其中 {report.pruned} 条已超过保留期限，只保留哈希值",
                f"of {report.pruned} only the hash is left: they were removed after their time",
            )
        for each in report.faults:
            what = FAULTS[each.code]
            terminal.line(f"第 {each.index} 条{what[0]}", f"entry {each.index}: {what[1]}")
        for each in report.witnesses:
            name = each.unit.name or str(each.unit.unit_id)
            if each.refused:
                terminal.line(f"{name} 拒绝本单位的审计日志", f"{name} refuses this log")
            else:
                when = terminal.time(each.at_ms)
                terminal.line(
                    f"{name} 已见证前 {each.size} 条（{when}）",
                    f"{name} has seen {counted(each.size, 'entry', 'entries')} ({when})",
                )
        terminal.line(f"验证公钥 {report.key}", f"key {report.key}")
        terminal.line(
            "一致" if not report.faulty else f"不一致：{report.faulty} 条",
            "sound" if not report.faulty else f"different: {report.faulty}",
        )

    terminal.show(report, human)
    return Exit.PROBLEMS if report.faulty else Exit.OK


def export(
    terminal: Terminal,
    out: Annotated[Path, typer.Option("--out", help="File to write. 输出文件")],
    force: Force = False,
) -> None:
    """Write the whole audit log into a file that others can verify. 导出审计日志"""
    with terminal.office() as office, written(out, force=force) as file:
        pieces = office.export_audit()
        key = next(pieces).key
        for piece in pieces:
            file.write(piece.data)
    terminal.show({"file": str(out), "key": key}, lambda: _written(terminal, out, key))


def accept(
    terminal: Terminal,
    unit: Annotated[str, typer.Argument(help="Code, name or path. 下级单位")],
    reason: Reason,
    actor: Actor = "",
) -> None:
    """Accept the audit log of an office below that was refused, as it is now. 认可下级审计日志"""
    with terminal.office() as office:
        done = office.accept_audit_log(unit=unit, reason=reason, actor=person(actor))
    terminal.show(
        done,
        lambda: terminal.line(
            f"已认可 {done.unit.name} 的审计日志，下次联网时重新见证",
            f"the audit log of {done.unit.name} is accepted; its next head counts",
        ),
    )


def prove(
    terminal: Terminal,
    entry: Annotated[
        int | None, typer.Option("--entry", min=0, help="Number of an entry. 条目编号")
    ] = None,
    figure: Annotated[str, typer.Option("--figure", help="Indicator. 指标")] = "",
    payment: Annotated[
        str,
        typer.Option("--payment", help="First digits of its id, from `money ls`. 分录编号前几位"),
        IdOf("posting"),
    ] = "",
    unit: Annotated[str, typer.Option("--unit", help="Code, name or path. 单位")] = "",
    as_of: Annotated[str, typer.Option("--as-of", help="Day of the figure. 指标日期")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="File to write. 输出文件")] = None,
    force: Force = False,
) -> None:
    """Prove an entry, a figure or a payment with a file for others. 出具证明文件"""
    if entry is None and not (figure or payment):
        raise usage(
            "nothing to prove is named", "未指定要证明的内容",
            "Give --entry, --figure or --payment.", "请给出 --entry、--figure 或 --payment。",
        )  # fmt: skip
    if out is not None:
        must_be_free(out, force=force)
    with terminal.office() as office:
        made = office.prove_audit(
            index=entry, indicator=figure, posting=payment, unit=unit, as_of=as_of
        )
    target = out or Path(f"{made.index}{SUFFIX}")
    with written(target, force=force) as file:
        file.write(made.proof)
    facts = {"file": str(target), "index": made.index, "entry": made.entry, "key": made.key}
    terminal.show(facts, lambda: _written(terminal, target, made.key))


def _written(terminal: Terminal, path: Path, key: str) -> None:
    terminal.line(f"已写入 {path}", f"written: {path}")
    terminal.line(f"验证公钥 {key}", f"key {key}")


def _about(terminal: Terminal, labels: Labels, entry: pb.AuditEntry) -> str:
    """Return what an entry is about; facts for programs only are left out in Chinese."""
    parts = [labels.register(entry.register) if entry.register else "", entry.record[:8]]
    parts += [labels.field(entry.register, name) for name in entry.fields]
    for name, fact in sorted(entry.facts.items()):
        if name in FACTS:
            shown = labelled(terminal, VALUES, fact)
            parts.append(terminal.localized(f"{FACTS[name]}：{shown}", f"{name}={fact}"))
        elif not terminal.zh:
            parts.append(f"{name}={fact}")
    return " ".join(part for part in parts if part)
