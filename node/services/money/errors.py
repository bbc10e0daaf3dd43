"""Errors of money that come before the books: what was asked cannot be a posting at all."""

from __future__ import annotations

from node.domain.funds import FUNDS, Category
from node.domain.refusal import Refused
from sync.model.errors import ErrorKind, SilianError

# reason -> (en, zh, remedy en, remedy zh); {} is what was given
_REASONS: dict[str, tuple[str, str, str, str]] = {
    "amount": ("{} yuan", "{}元", "", ""),  # its reader explains what is wrong
    "fund": (
        "There is no fund {}",
        "没有资金“{}”",
        f"Give --fund one of: {'; '.join(f'{fund.id} ({fund.en})' for fund in FUNDS.values())}.",
        f"请用 --fund 选择：{'、'.join(f'{fund.id} {fund.zh}' for fund in FUNDS.values())}。",
    ),
    "not_planned": (
        "Fund {} is not given by a formula",
        "资金{}没有计算公式",
        "Give --fund F1, F2, F3 or F4.",
        "请用 --fund 选择 F1、F2、F3 或 F4。",
    ),
    "nobody": (
        "Nobody is named who confirms the arrival",
        "未注明确认到账的经办人",
        "Name the person; another than the one who released the money.",
        "请注明经办人，且不得与下拨人相同。",
    ),
    "character": (
        "The remark holds a character that cannot be kept ({})",
        "备注含有不可保存的字符（{}）",
        "Type the text again instead of pasting it.",
        "请重新输入，不要直接粘贴。",
    ),
    "year": (
        "{} is not a fiscal year",
        "{}不是有效的财政年度",
        "Give --year from 1990 to 2200.",
        "请用 --year 填写 1990 至 2200 之间的年度。",
    ),
    "category": (
        "There is no category of spending {}",
        "没有支出类别“{}”",
        f"Give --category one of: {', '.join(Category)}.",
        "请用 --category 选择：工资、福利奖金、社保、办公、活动、设施、服务、奖励、党务。",
    ),
    "transfer": (
        "{} is not a transfer's number",
        "{}不是有效的划转编号",
        "Give 16 bytes, or none for a new transfer.",
        "请填写16字节编号；新的划转可不填。",
    ),
    "note": (
        "The remark is longer than {} characters",
        "备注超过{}字",
        "Shorten it.",
        "请缩短。",
    ),
    "not_next": (
        "Money goes down one level at a time, and {} is further down",
        "资金须逐级下拨，{}不是直接下级",
        "Release it to the office between; that one passes it on.",
        "请先下拨给中间一级单位，由其继续下拨。",
    ),
    "no_payer": (
        "There is no office above that the money could go back to",
        "没有可退回的上级单位",
        "Reverse the appropriation instead.",
        "请改为冲正该笔安排。",
    ),
    "nothing_due": (
        "No match is due for {}",
        "{}年没有应配套的资金",
        "Receive the city's money first.",
        "请先确认市级资金到账。",
    ),
    "not_seen": (
        "The books of {} are not kept here",
        "本单位没有{}的账目",
        "Ask that office or one above it.",
        "请向该单位或其上级查询。",
    ),
}


class BadAllocation(SilianError):
    """The office cannot book this; `reason` is a stable code for the cause."""

    code = "bad_allocation"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, reason: str, detail: object = "", why: Refused | None = None) -> None:
        en, zh, remedy_en, remedy_zh = _REASONS[reason]
        if why is not None:
            en, zh = f"{en} {why.en}", f"{zh}{why.zh}"
            remedy_en, remedy_zh = why.suggestion_en, why.suggestion_zh
        text = str(detail)[:60]
        super().__init__(
            f"{en.format(text)}.",
            f"{zh.format(text)}。",
            remedy_en=remedy_en,
            remedy_zh=remedy_zh,
        )
        self.reason = reason
