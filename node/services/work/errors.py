"""Errors of work assignments besides those of the state machine (`IllegalEvent`)."""

from __future__ import annotations

from collections.abc import Sequence

from node.domain.assignment_texts import allowed_text
from node.domain.refusal import Refused
from sync.model.errors import ErrorKind, SilianError


class UnknownAssignment(SilianError):
    """This office holds no such assignment or order; take the number from a list."""

    code = "unknown_assignment"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, number: bytes) -> None:
        super().__init__(
            f"This office holds no assignment {number.hex()}.",
            f"本单位没有编号为 {number.hex()} 的任务。",
            remedy_en="List the assignments and take the number from there.",
            remedy_zh="请从任务列表中选取编号。",
        )


class NotYours(SilianError):
    """The step belongs to another office."""

    code = "not_your_assignment"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, whose: str, steps: Sequence[str] = ()) -> None:
        allowed, allowed_zh = allowed_text(steps)
        super().__init__(
            f"Only {whose} may take this step.",
            f"此操作只能由{whose}进行。",
            remedy_en=f"Ask that office. {allowed}",
            remedy_zh=f"请联系该单位办理。{allowed_zh}",
        )


# reason -> (en, zh, remedy en, remedy zh); {} is what the order has
_ORDERS: dict[str, tuple[str, str, str, str]] = {
    "no_targets": (
        "An order needs at least one office to do it",
        "任务至少要有一个承办单位",
        "Name the offices.",
        "请选择承办单位。",
    ),
    "out_of_line": (
        "{} is neither above nor below this office",
        "{}不是本单位的上级或下级",
        "Ask the nearest office above both to issue it.",
        "请报请双方共同的上级单位交办。",
    ),
    "no_title": (
        "An order needs a title",
        "任务须有标题",
        "Write one line that says what is to be done.",
        "请用一行文字写明要办的事。",
    ),
    "too_long": (
        "{} is longer than an order can carry",
        "{}超出长度限制",
        "Shorten it, or issue two orders.",
        "请缩短内容，或分成两件任务。",
    ),
    "deadline_past": (
        "The deadline {} has passed already",
        "期限{}已过",
        "Give --due a later day.",
        "请用 --due 填写更晚的日期。",
    ),
    "amount": ("{} yuan", "{}元", "", ""),  # its reader explains what is wrong
    "days": (
        "{} is no number of days",
        "{}不是有效的天数",
        "Give a whole number from 0 to 36500.",
        "请填写 0 至 36500 之间的整数。",
    ),
    "character": (
        "{} holds a character that cannot be kept",
        "{}含有不可保存的字符",
        "Type the text again instead of pasting it.",
        "请重新输入，不要直接粘贴。",
    ),
    "office_duty": (
        "Work for a community must say whose duty it is",
        "交社区办理的事项须注明责任类型",
        "Give --duty undertakes, assists, or unlisted for what is not in the catalogue.",
        "请用 --duty 注明：社区承担、社区协助或目录外事项。",
    ),
    "fee_missing": (
        "Heavy, long or temporary work for a community needs a fee",
        "工作量大、持续时间长的行政事务或临时性工作须费随事转",
        "Give --fee: yuan for each community.",
        "请用 --fee 填写每个社区的随事经费（元）。",
    ),
    "order_exists": (
        "The order {} says something else already",
        "任务{}已存在且内容不同",
        "Issue it under a new number.",
        "请使用新的编号。",
    ),
    "not_above": (
        "This office has no ruling to give here",
        "本单位无权对此裁定",
        "The gate is the city's; a dispute is settled by the nearest office above both.",
        "准入由市级审核；争议由双方共同的上级单位裁定。",
    ),
}


class BadOrder(SilianError):
    """The order cannot be issued as it stands; `reason` is a stable word for why."""

    code = "bad_order"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(
        self,
        reason: str,
        detail: str | tuple[str, str] = "",
        why: Refused | None = None,
        steps: Sequence[str] | None = None,
    ) -> None:
        """`detail`: what the texts name, in one language or both; `why`: a reader's refusal."""
        en, zh, remedy_en, remedy_zh = _ORDERS[reason]
        stated_en, stated_zh = (detail, detail) if isinstance(detail, str) else detail
        if why is not None:
            en, zh = f"{en} {why.en}", f"{zh}{why.zh}"
            remedy_en, remedy_zh = why.suggestion_en, why.suggestion_zh
        allowed, allowed_zh = allowed_text(steps)
        super().__init__(
            f"{en.format(stated_en)}.",
            f"{zh.format(stated_zh)}。",
            remedy_en=f"{remedy_en} {allowed}".strip(),
            remedy_zh=f"{remedy_zh}{allowed_zh}",
        )
        self.reason = reason
