"""Problems: what an operator should look at, in both languages, the worst first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from node.domain.english import fitting


class Severity(IntEnum):
    """How soon somebody must act."""

    ALARM = 0  # figures or records may be wrong or missing
    WARNING = 1  # something does not move
    NOTICE = 2  # somebody should look when there is time


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to look at, at one office."""

    code: str  # a key of TEXTS: stable, for programs
    severity: Severity
    unit: int
    unit_code: str
    name: str
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str


# code -> severity, sentence zh and en, remedy zh and en; {n} and {why} are filled in, and of
# [one|many] in English the form for {n}.
TEXTS: dict[str, tuple[Severity, str, str, str, str]] = {
    "quarantined": (
        Severity.ALARM,
        "{n} 条变更未能入库", "{n} [change|changes] could not be applied",
        "在隔离区查看原因（silian quarantine ls）；升级程序后会自动重试。",
        "See why with `silian quarantine ls`; they are tried again after an upgrade.",
    ),
    "overdrawn": (
        Severity.ALARM,
        "{n} 笔分录超出其持有资金，未计入任何余额",
        "{n} of its postings [takes|take] more than it held, and [counts|count] in no balance",
        "请联系该单位核对账目（silian quarantine ls）；冲正或资金到账后自动计入。",
        "Go through its books with it; once reversed, or covered by money, they count.",
    ),
    "postings_refused": (
        Severity.ALARM,
        "{n} 笔分录不符合记账规则，未计入任何余额",
        "{n} of its postings [breaks|break] a rule of the books, and [counts|count] in no balance",
        "用 silian quarantine ls 查看原因，并联系该单位；其程序或数据可能被改动。",
        "See why with `silian quarantine ls`, and call that office: it may be tampered with.",
    ),
    "clone": (
        Severity.ALARM,
        "有两套数据以同一单位名义运行", "two databases are in use under this office's name",
        "停用其中一套，再由上级用 silian clone reset 解除标记。",
        "Stop one of the two, then run `silian clone reset` at its parent.",
    ),
    "contradiction": (
        Severity.ALARM,
        "签署了互相矛盾的状态", "this office has signed two things that contradict each other",
        "请电话核对：是否有另一套数据或旧备份以该单位名义运行。",
        "Phone them: does a second store, or an old backup, work under their name?",
    ),
    "signature_refused": (
        Severity.ALARM,
        "其发来的数据签名不符或超出其权限，已整批拒收（{why}）",
        "this office refused a batch from it: wrong signature, or not allowed ({why})",
        "电话联系数据的原单位，并检查沿途各级单位；问题排除后会自动续传。",
        "Phone the office that wrote the data, and check every office between.",
    ),
    "own_key_refused": (
        Severity.ALARM,
        "有单位交回本单位的条目，其签名密钥（{why}）本单位无记录，已拒绝",
        "entries of this office came back under a key ({why}) that it does not know; refused",
        "请核对本单位留存的旧密钥；属实的，以本单位代码运行 silian clone reset 放行。",
        "Look up the former key of this office; accept: `silian clone reset` with its own code.",
    ),
    "key_refused": (
        Severity.ALARM,
        "以其他签名密钥（{why}）连接，已拒绝",
        "it connected with another signing key ({why}), and this office refused it",
        "请电话核对该单位 silian doctor 所示的密钥；一致时运行 silian clone reset 放行。",
        "Compare the key by telephone (`silian doctor` there); accept: `silian clone reset`.",
    ),
    "clock_ahead": (
        Severity.ALARM,
        "时钟快了 {why}", "its clock is {why} ahead",
        "校准该单位的时钟。", "Set that office's clock.",
    ),
    "clock_wrong": (
        Severity.ALARM,
        "本机时钟误差至少 {why}", "this machine's clock is wrong by at least {why}",
        "校准本机时钟。", "Set this machine's clock.",
    ),
    "clock_doubtful": (
        Severity.WARNING,
        "本机时钟与数据中最新的时间相差 {n} 天，尚未与上级核对",
        "this machine's clock and the store's newest entry are {n} [day|days] apart, unconfirmed",
        "请核对本机日期；连接上级后会自动校正。",
        "Check this machine's date; contact with the parent settles it.",
    ),
    "tree_not_whole": (
        Severity.WARNING,
        "已收到的区划决定不能构成完整的行政区划，暂按原区划办理（{why}）",
        "the received decisions make no complete tree of units; the earlier tree is used ({why})",
        "等待其余决定到达；若一直如此，请市级核对行政区划记录。",
        "Wait for the other decisions; if this remains, ask the city to check its units.",
    ),
    "timestamps_refused": (
        Severity.WARNING,
        "{n} 个时间戳超前过多，未予采信",
        "{n} [change is|changes are] dated more than 15 minutes in the future",
        "查找时钟有误的单位。", "Set the clock of the office that wrote them.",
    ),
    "fenced": (
        Severity.ALARM,
        "另一套数据正以本单位名义运行，本机不再接受修改",
        "another database is in use under this office's name, so this office accepts no edits",
        "在另一套数据上办理并停用本机；或停用另一套，再由上级运行 silian clone reset。",
        "Use the other and stop this one; or stop it and run `silian clone reset` at the parent.",
    ),
    "store": (
        Severity.ALARM,
        "数据库未能写入：{why}", "the last write to the database failed: {why}",
        "按说明处理后即自动恢复；可用 silian doctor 检查。",
        "Correct the cause; the office then recovers by itself. `silian doctor` checks it.",
    ),
    "records_differ": (
        Severity.ALARM,
        "{n} 条记录与上级不一致", "{n} [record differs|records differ] from the parent's",
        "运行 silian compare 查看原因。", "See why with silian compare.",
    ),
    "audit_truncated": (
        Severity.ALARM,
        "审计日志短于上级已见证的长度，可能被删改或恢复过备份",
        "its audit log is shorter than an office above has seen it: cut, or a restored backup",
        "请核实原因；确认后在见证单位运行 silian audit accept。",
        "Find out why. Then run `silian audit accept` where it was seen.",
    ),
    "audit_forked": (
        Severity.ALARM,
        "审计日志与上级已见证的内容不同",
        "its audit log is not the one that an office above has seen",
        "请核实原因；确认后在见证单位运行 silian audit accept。",
        "Find out why. Then run `silian audit accept` where it was seen.",
    ),
    "audit_rewritten": (
        Severity.ALARM,
        "审计日志未延续上级已见证的内容，可能被改写",
        "its audit log does not go on with what an office above has seen: it was rewritten",
        "请核实原因；确认后在见证单位运行 silian audit accept。",
        "Find out why. Then run `silian audit accept` where it was seen.",
    ),
    "snapshot_running": (
        Severity.NOTICE,
        "正在接收上级的全量副本：{why} 条记录",
        "this office is receiving a full copy from its parent: {why} records",
        "可以照常工作；中断后会从中断处继续。",
        "You can keep working; an interrupted copy resumes by itself.",
    ),
    "repaired": (
        Severity.NOTICE,
        "近七天修复了 {n} 条记录或摘要",
        "{n} [record or sum was|records or sums were] repaired in the last seven days",
        "运行 silian repair ls 查看；检查磁盘。",
        "List them with silian repair ls; check the disk.",
    ),
    "repair_refused": (
        Severity.WARNING,
        "近七天有 {n} 条记录因本级数据库拒收而未能修复",
        "this office's database refused the repair of {n} [record|records] in the last seven days",
        "运行 silian repair ls 查看编号；请系统管理员检查数据库。",
        "Find them with `silian repair ls`; ask the administrator to check the database.",
    ),
    "new_key": (
        Severity.WARNING,
        "改用新的签名密钥 {why}", "this office has a new signing key, {why}",
        "请电话核对：该单位运行 silian doctor 可查看其密钥。",
        "Phone them, have them run `silian doctor`, and compare the digits.",
    ),
    "over_quota": (
        Severity.WARNING,
        "近一小时内请求超过配额（{why}），已暂缓处理",
        "asked for more than its share within the last hour ({why}) and was sent away",
        "对方会自动重试；若一直如此，请检查该单位的程序。",
        "It tries again by itself; if this stays so, look at that office's program.",
    ),
    "unsigned_streams": (
        Severity.WARNING,
        "{n} 个变更流的最新内容尚无原单位签名，暂不转发",
        "the newest entries of {n} [stream|streams] lack their office's signature: not sent on",
        "原单位升级程序并再次填报后会自动补上。",
        "Have the office that wrote them upgrade; its next change there brings the signature.",
    ),
    "link_down": (
        Severity.WARNING,
        "与上级断开：{why}", "not connected to the parent: {why}",
        "检查网络和上级地址；数据会保留并自动补发。",
        "Check the network and the parent's address; waiting changes are sent later.",
    ),
    "disk": (
        Severity.WARNING,
        "磁盘剩余空间仅 {n} MiB", "only {n} MiB are free on the office's disk",
        "请清理磁盘；空间用尽后将无法写入，但不会丢失数据。",
        "Free some space. When the disk is full, the office refuses writes; nothing is lost.",
    ),
    "files_open": (
        Severity.WARNING,
        "本机其他账户可读取 {n} 个文件或目录，例如 {why}",
        "other accounts of this machine can read {n} [file|files] of this office: {why}",
        "下次启动时会自动收紧权限；若提示仍在，请由文件所有者将目录设为 0700、文件设为 0600。",
        "The next start corrects this; else let their owner set 0700 (folder) and 0600 (files).",
    ),
    "no_parent": (
        Severity.WARNING,
        "未设置上级地址，数据不会上报", "no parent is set: this office exchanges no data",
        "请在 office.toml 中设置 parent（主机:端口）后重新启动。",
        "Set `parent` (host:port) in office.toml and start again.",
    ),
    "work_overdue": (
        Severity.WARNING,
        "本单位有 {n} 项任务已逾期",
        "{n} [task of this office is past its|tasks of this office are past their] deadline",
        "用 silian work ls 查看并办理。", "See them with `silian work ls`.",
    ),
    "work_escalated": (
        Severity.WARNING,
        "下级有 {n} 项逾期任务需要本单位督办",
        "{n} overdue [task|tasks] of offices below [needs|need] this office's attention",
        "用 silian work ls --box all 查看；可延期、收回或重新派发。",
        "See them with `silian work ls --box all`; extend, recall or dispatch them again.",
    ),
    "silent": (
        Severity.WARNING,
        "已 {why}没有联系", "no contact for {why}",
        "联系该单位检查网络和程序。", "Ask that office to check its network and its program.",
    ),
    "waiting": (
        Severity.WARNING,
        "有数据等待上报已 {n} 小时", "changes have waited for {n} [hour|hours] to be sent",
        "检查该单位与上级的网络。", "Check the network between that office and its parent.",
    ),
    "lease_over": (
        Severity.WARNING,
        "已 {n} 天没有联系，超过保留期限；此后清理的变更日志以全量副本补齐",
        "no contact for {n} [day|days]: its changes are no longer kept; it will get a full copy",
        "请联系该单位；它未上报的数据不会丢失。",
        "Ask that office to connect; what it has not sent is not lost.",
    ),
    "lease_ending": (
        Severity.WARNING,
        "若 {n} 天内仍未联网，将不再为其保留变更日志",
        "after {n} more [day|days] without contact this office no longer keeps changes for it",
        "请联系该单位检查网络和程序。", "Ask that office to check its network and its program.",
    ),
    "job_failed": (
        Severity.WARNING,
        "定时任务失败：{why}", "a job failed: {why}",
        "查看日志；系统会自动重试。", "See the log. The program retries the job by itself.",
    ),
    "corrections_late": (
        Severity.WARNING,
        "{n} 件更正申请超过答复期限",
        "{n} correction [request is|requests are] not answered in time",
        "在 silian correction ls --box to-answer 中答复。",
        "Answer them: silian correction ls --box to-answer.",
    ),
    "corrections_unanswered": (
        Severity.WARNING,
        "本单位提出的 {n} 件更正申请逾期未获答复",
        "{n} correction [request|requests] of this office had no answer in time",
        "联系负责单位，或撤回申请。", "Remind the owner, or withdraw the requests.",
    ),
    "money_waiting": (
        Severity.NOTICE,
        "{n} 笔下拨资金待确认",
        "{n} [release to this office waits|releases to this office wait] to be confirmed",
        "用 silian money transfers --way waiting 查看，再用 silian money receive 确认。",
        "See `silian money transfers --way waiting`, then confirm with `silian money receive`.",
    ),
    "certificate_ending": (
        Severity.WARNING,
        "证书剩余有效期 {n} 天，尚未更新",
        "its certificate is valid for {n} more [day|days] and was not renewed",
        "请检查与上级的连接，并运行 silian cert renew。",
        "Check the link to the parent, then run `silian cert renew`.",
    ),
    "recovery_key_missing": (
        Severity.WARNING,
        "没有恢复密钥，居民等仅存本单位的数据没有异地备份",
        "there is no recovery key: what only this office has, as residents, is backed up nowhere",
        "运行 silian seal key，打印后存入保险柜。",
        "Run `silian seal key`, print it, and put it into the safe.",
    ),
    "sealed_late": (
        Severity.WARNING,
        "上级保存的密封备份已是 {n} 天前的",
        "the sealed backup at the parent is {n} [day|days] old",
        "请检查与上级的连接和日志，并运行 silian seal send。",
        "Check the link to the parent and the log, then run `silian seal send`.",
    ),
    "sealed_never": (
        Severity.WARNING,
        "上级尚无本单位的密封备份", "the parent has no sealed backup of this office",
        "有连接时夜间会自动发送；立即发送请运行 silian seal send。",
        "One is sent each night; at once: `silian seal send`.",
    ),
    "conflicts": (
        Severity.NOTICE,
        "{n} 个冲突待处理", "{n} [conflict waits|conflicts wait] for a decision",
        "用 silian conflict ls 查看并处理。", "Decide them: `silian conflict ls`.",
    ),
    "corrections": (
        Severity.NOTICE,
        "{n} 件更正申请待答复",
        "{n} correction [request waits|requests wait] for this office's answer",
        "在 silian correction ls --box to-answer 中答复。",
        "Answer them: silian correction ls --box to-answer.",
    ),
    "cases": (
        Severity.NOTICE,
        "{n} 个重复登记待核实", "{n} [number is|numbers are] registered twice and not checked yet",
        "用 silian duplicate ls 逐条核实。", "Check each one: `silian duplicate ls`.",
    ),
    "never_contacted": (
        Severity.NOTICE,
        "从未联网", "never connected",
        "确认该单位是否已入网。", "Check whether that office has been set up.",
    ),
    "other_program": (
        Severity.NOTICE,
        "程序版本为 {why}", "it runs program version {why}",
        "安排升级。", "Plan its upgrade.",
    ),
}  # fmt: skip


def problem(
    code: str, *, unit: int, unit_code: str, name: str, n: int = 0, why: str = "", why_zh: str = ""
) -> Problem:
    """Return a problem with its sentences filled in; `why_zh`: where the reason has two texts."""
    severity, zh, en, remedy_zh, remedy_en = TEXTS[code]
    return Problem(
        code=code, severity=severity, unit=unit, unit_code=unit_code, name=name,
        zh=zh.format(n=n, why=why_zh or why), en=fitting(en, n).format(n=n, why=why),
        remedy_zh=remedy_zh, remedy_en=remedy_en,
    )  # fmt: skip


def worst_first(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems by severity, then kind, then office."""
    order = list(TEXTS)
    return tuple(sorted(problems, key=lambda p: (p.severity, order.index(p.code), p.unit_code)))
