"""Labels for codes of the office API: states, kinds, severities, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from hub.cli.terminal import Terminal
from node.domain.assignment_rules import Duty, EventKind, State
from node.domain.assignment_texts import DUTY_ZH, KIND_ZH, STATE_ZH

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


def account_name(terminal: Terminal, account: str) -> str:
    """Return an account's name, and for what: a category is named, a unit keeps its number."""
    kind, _, about = account.partition(":")
    name = labelled(terminal, ACCOUNTS, kind)
    if not about:
        return name
    about = labelled(terminal, CATEGORIES, about)
    return terminal.localized(f"{name}（{about}）", f"{name} ({about})")


def labelled(terminal: Terminal, labels: Labels, code: str) -> str:
    """Return a code's label; an unknown one of a newer program stays as it is."""
    found = labels.get(code)
    return terminal.localized(*found) if found else code
