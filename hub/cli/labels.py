"""Codes of the office API as people read them: states, kinds, severities, in both languages."""

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


def labelled(terminal: Terminal, labels: Labels, code: str) -> str:
    """Return a code as people read it; what a newer program sends stays as it is."""
    found = labels.get(code)
    return terminal.localized(*found) if found else code
