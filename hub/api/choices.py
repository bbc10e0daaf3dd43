"""Choices of a caller: every choice by its code or by its name in either language."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping

from hub.api.call_context import BadRequest, CallContext
from node.domain.assignment_rules import State
from node.domain.assignment_texts import STEP_ZH, step_verb

Choices = Mapping[str, tuple[str, str]]
"""Code -> its Chinese and its English name."""

BOXES: Choices = {
    "todo": ("待办", "To do"),
    "issued": ("本单位交办", "Issued"),
    "passing": ("途经本级", "Passing"),
    "all": ("全部", "All"),
}
DIRECTIONS: Choices = {
    "in": ("转入", "In"),
    "out": ("转出", "Out"),
    "waiting": ("待收", "Waiting"),
    "all": ("全部", "All"),
}
TRANSFER_STATES: Choices = {
    "in_transit": ("在途", "In transit"),
    "received": ("已到账", "Received"),
    "disputed": ("有争议", "Disputed"),
    "returned": ("已退回", "Returned"),
}
STEPS: Choices = {step: (text, step_verb(step)) for step, text in STEP_ZH.items()}
TAKES: Choices = {
    "shown": ("现值", "Shown"),
    "loser": ("另一值", "Loser"),
    "value": ("新值", "New value"),
}
CORRECTION_BOXES: Choices = {
    "asked": ("本单位提出", "Asked"),
    "to-answer": ("待答复", "To answer"),
    "all": ("全部", "All"),
}
ID_KINDS: Choices = {
    "record": ("记录", "Record"),
    "conflict": ("冲突", "Conflict"),
    "correction": ("更正申请", "Correction request"),
    "case": ("办件", "Case"),
    "quarantined_change": ("隔离的变更", "Quarantined change"),
    "assignment": ("任务", "Assignment"),
    "order": ("工单", "Order"),
    "transfer": ("划转", "Transfer"),
    "posting": ("记账", "Posting"),
}
_PERIODS: Choices = {"year": ("年度", "Year"), "month": ("月份", "Month")}
PLAN_STEPS: Choices = {"appropriate": ("安排", "Appropriate"), "release": ("下拨", "Release")}
LANGS: Choices = {"zh": ("中文", "Chinese"), "en": ("英文", "English")}
ANSWERS: Choices = {"accept": ("采纳", "Accept"), "refuse": ("不予采纳", "Refuse")}


def of_field(context: CallContext, register: str, field: str) -> Choices:
    """Return what a field of the catalogue may have."""
    return context.office.catalogue.registers[register].fields[field].choices


def work_states(context: CallContext) -> Choices:
    """Return the states of work."""
    known = context.office.catalogue.dimensions["state"].choices
    return {code: names for code, names in known.items() if code != State.NONE}


def dimensions_of(context: CallContext, indicator: str) -> Choices:
    """Return by what an indicator may be divided; nothing for an unknown indicator."""
    known = context.office.catalogue.indicators.get(indicator)
    if known is None:
        return {}
    named = context.office.catalogue.dimensions
    found = {name: (named[name].zh, named[name].en) for name in known.dimensions if name in named}
    return {**_PERIODS, **found, "unit": ("单位", "Unit")}


def code_of(text: str, choices: Choices) -> str | None:
    """Return the code that a text means: a code or a name, of any width, case and dash."""
    wanted = _plain(text)
    for code, names in choices.items():
        if wanted in map(_plain, (code, *names)):
            return code
    return None


def chosen(text: str, choices: Choices, what: tuple[str, str], option: str, field: str = "") -> str:
    """Return the code of a choice. `what`: its name in English and Chinese; `option`: --duty.

    `field`: of the request, where its name differs from the option's.

    Raises: BadRequest with what may have been meant, or with every choice.
    """
    code = code_of(text, choices)
    if code is not None:
        return code
    what_en, what_zh = what
    near = _near(text, choices)
    if near:
        remedy = f"Did you mean {_listed_en(near)}?"
        remedy_zh = f"是否应为：{_listed_zh(near, choices)}？"
    else:
        remedy = f"Take one of: {_listed_en(choices)}."
        remedy_zh = f"可选：{_listed_zh(choices, choices)}。"
    raise BadRequest(
        f"{text[:40]!r} is no {what_en} ({option})",
        f"“{text[:40]}”不是有效的{what_zh}（{option}）",
        remedy,
        remedy_zh,
        fields=[field or option.removeprefix("--")],
    )


def known(text: str, choices: Choices) -> str:
    """Return the code of a choice; return an unknown text unchanged, for the service to refuse."""
    return code_of(text, choices) or text


def _plain(text: str) -> str:
    narrow = unicodedata.normalize("NFKC", text).casefold().replace("-", "_")
    return "_".join(narrow.replace("_", " ").split())


def _near(text: str, choices: Choices) -> list[str]:
    spelled = {_plain(name): code for code, names in choices.items() for name in (code, *names)}
    near = difflib.get_close_matches(_plain(text), list(spelled), 3, 0.6)
    return list(dict.fromkeys(spelled[name] for name in near))


def _listed_en(codes: Iterable[str]) -> str:
    return ", ".join(codes)


def _listed_zh(codes: Iterable[str], choices: Choices) -> str:
    return "、".join(choices[code][0] for code in codes)
