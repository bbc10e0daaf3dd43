"""Labels for codes of the office API: states, kinds, severities, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from hub.cli.terminal import Terminal
from node.domain.assignment_rules import Duty, EventKind, State
from node.domain.assignment_texts import DUTY_ZH, KIND_ZH, STATE_ZH
from sync.model.audience import audience_zh

Labels = Mapping[str, tuple[str, str]]
"""Code -> its Chinese and its English name."""


def _plain(code: str) -> str:
    return code.replace("_", " ")


WORK_STATES: Labels = {state.value: (STATE_ZH[state], _plain(state.value)) for state in State}
WORK_STEPS: Labels = {kind.value: (KIND_ZH[kind], _plain(kind.value)) for kind in EventKind}
DUTIES: Labels = {duty.value: (DUTY_ZH[duty], duty.value) for duty in Duty}
FLAGS: Labels = {
    "": ("", ""),
    "on_time": ("", ""),
    "overdue": ("已逾期", "overdue"),
    "overdue_unconfirmed": ("可能逾期", "overdue unconfirmed"),
}
# The kinds of postings, named as in the catalogue.
POSTINGS: Labels = {
    "appropriate": ("安排", "appropriate"), "match": ("配套", "match"),
    "release": ("下拨", "release"), "receipt": ("到账", "receipt"),
    "dispute": ("争议", "dispute"), "return": ("退回", "return"),
    "reclaim": ("收回", "reclaim"), "spend": ("支出", "spend"),
    "reverse": ("冲正", "reverse"),
}  # fmt: skip
ACCOUNTS: Labels = {
    "source": ("预算来源", "source"), "held": ("结存", "held"),
    "in_transit": ("在途", "in transit"), "transfer_in": ("上级拨入", "from above"),
    "disputed": ("争议", "disputed"), "spent": ("支出", "spent"),
    "returned": ("已退回", "returned"),
}  # fmt: skip
CATEGORIES: Labels = {
    "wages": ("工资", "wages"), "welfare_bonus": ("福利奖金", "welfare bonus"),
    "insurance": ("社保", "insurance"), "office": ("办公", "office"),
    "activity": ("活动", "activity"), "facility": ("设施", "facility"),
    "service": ("服务", "service"), "reward": ("奖励", "reward"), "party": ("党务", "party"),
}  # fmt: skip
# As in `hub.api.choices`, which would import the whole office for a help text; a test compares.
TRANSFERS: Labels = {
    "in_transit": ("在途", "in transit"), "received": ("已到账", "received"),
    "disputed": ("有争议", "disputed"), "returned": ("已退回", "returned"),
}  # fmt: skip
SOURCES: Labels = {
    "work": ("任务", "work"),
    "money": ("资金", "money"),
    "correction": ("更正申请", "correction"),
    "conflict": ("冲突", "conflict"),
    "case": ("重复登记", "duplicate"),
    "quarantined_change": ("隔离的变更", "quarantine"),
    "problem": ("运行问题", "problem"),
}
SEVERITIES: Labels = {
    "alarm": ("告警", "alarm"), "warning": ("警告", "warning"), "notice": ("提示", "notice"),
}  # fmt: skip
LEVELS: tuple[tuple[str, str], ...] = (
    ("市级", "city"), ("区级", "district"), ("街道级", "street"), ("社区级", "community"),
)  # fmt: skip
# Why a change is in quarantine, and why two copies of a record still differ.
REASONS: Labels = {
    "malformed": ("内容无法读取", "it cannot be read"),
    "unknown_register": ("本机程序没有该台账", "this program does not have the register"),
    "unknown_field": ("本机程序没有该字段", "this program does not have the field"),
    "wrong_kind": ("值的类型不符", "a value of the wrong type"),
    "invalid_value": ("值不符合规定", "a value that the field does not allow"),
    "foreign_unit": ("修改单位无权修改该单位的记录", "its writer may not write for that unit"),
    "foreign_version": ("对方无权提供该内容", "the sender may not send this version"),
    "unproven": ("对方未能证明，本级日志也没有", "the other side did not prove it"),
    "not_owner": ("修改单位无权填写该字段", "its writer does not own the field"),
    "append_only": ("只能新增的记录被修改", "a record that is only added was changed"),
    "wrong_lane": ("通道与台账规定不符", "it came in another lane than the register's"),
    "wrong_audience": ("送达范围与台账规定不符", "it went to others than the register says"),
    "missing_record": ("所依据的记录尚未到达", "the record that it changes has not arrived"),
    "constraint_violation": ("数据库拒绝写入", "the database refused it"),
    "blocked": ("同一记录的前一条变更未入库", "an earlier change of the record waits"),
    "quarantined": ("涉及隔离的变更", "a quarantined change concerns it"),
    "unknown_writer": ("修改单位不明", "its writer is not known"),
    "not_answered": ("上级没有答复", "the parent did not answer"),
}  # fmt: skip
OPERATIONS: Labels = {
    "create": ("新增", "create"), "update": ("修改", "update"), "delete": ("注销", "delete"),
}  # fmt: skip
LANES: Labels = {"control": ("控制", "control"), "bulk": ("台账", "bulk")}
FIELD_TYPES: Labels = {
    "text": ("文本", "text"), "int": ("整数", "int"), "bool": ("是否", "bool"),
    "date": ("日期", "date"), "decimal": ("小数", "decimal"), "choice": ("单选", "choice"),
    "set": ("多选", "set"),
}  # fmt: skip
JOBS: Labels = {  # of the process that serves an office
    "close_period": ("月度结账", "close_period"), "retention": ("到期清理", "retention"),
    "seal": ("密封备份", "seal"), "compare": ("数据核对", "compare"),
}  # fmt: skip
TREE_CHANGES: Labels = {
    "create": ("新增", "create"), "rename": ("更名", "rename"), "recode": ("改代码", "recode"),
    "move": ("改隶属", "move"), "close": ("撤销", "close"),
}  # fmt: skip
UNIT_MATCHES: Labels = {
    "code": ("代码相同", "its code"), "name": ("同一上级下名称相同", "its name under its parent"),
    "unique_name": ("同级唯一名称", "a name that no other has"),
}  # fmt: skip
VERIFIED: Labels = {
    "postings": ("分录", "postings"), "cells": ("本单位汇总数", "cells"),
    "totals": ("下级合计", "totals"),
    "digests": ("记录摘要", "digests"), "conflicts": ("冲突", "conflicts"),
    "balances": ("资金余额", "balances"), "streams": ("变更流", "streams"),
}  # fmt: skip
CHECKS: Labels = {
    "sqlite": ("数据库程序库", "sqlite"), "disk": ("磁盘", "disk"), "clock": ("时钟", "clock"),
    "files": ("可打开文件数", "files"), "folder": ("单位目录", "folder"),
    "private": ("文件权限", "private"), "key": ("签名密钥", "key"), "token": ("访问令牌", "token"),
    "port": ("监听地址", "port"), "store": ("数据库", "store"), "office": ("单位", "office"),
    "parent": ("上级", "parent"), "parent_key": ("上级密钥", "parent_key"),
}  # fmt: skip
_PROBLEM_ZH = "运行问题"  # any other check is a code that `silian explain` explains
_AUTO = "auto:"  # what the program did by itself, for a unit


def check_name(terminal: Terminal, check: str) -> str:
    """Return what was looked at."""
    return CHECKS.get(check, (_PROBLEM_ZH, ""))[0] if terminal.zh else check


def account_name(terminal: Terminal, account: str, peer: str) -> str:
    """Return an account's name, and for what: a category, or `peer`, the name of an office."""
    kind, _, about = account.partition(":")
    name = labelled(terminal, ACCOUNTS, kind)
    if not about:
        return name
    about = peer or labelled(terminal, CATEGORIES, about)
    return terminal.localized(f"{name}（{about}）", f"{name} ({about})")


def actor_name(terminal: Terminal, actor: str) -> str:
    """Return who did it; the unit next to it says where the program did so by itself."""
    return terminal.localized("系统", "automatic") if actor.startswith(_AUTO) else actor


def audience_name(terminal: Terminal, audience: str) -> str:
    """Return for whom a change is; one unit below keeps its number."""
    if terminal.zh:
        return audience_zh(audience) or "-"
    way, _, to = audience.partition(":")
    if way == "up":
        return f"up to {to}"
    if way == "down":
        return "all below" if to == "all" else f"down to {to}"
    return "this office" if way == "local" else audience or "-"


def labelled(terminal: Terminal, labels: Labels, code: str) -> str:
    """Return a code's label; an unknown one of a newer program stays as it is."""
    found = labels.get(code)
    return terminal.localized(*found) if found else code
