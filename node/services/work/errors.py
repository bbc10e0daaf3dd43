"""Refusals of work assignments beside those of the state machine (`IllegalEvent`)."""

from __future__ import annotations

from sync.model.errors import SilianError


class UnknownAssignment(SilianError):
    """This office holds no such assignment or order; take the number from a list."""

    code = "unknown_assignment"

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

    def __init__(self, whose: str) -> None:
        super().__init__(
            f"Only {whose} may take this step.",
            f"此操作只能由{whose}进行。",
            remedy_en="Ask that office; this one sees the assignment but has no part in it.",
            remedy_zh="请联系该单位办理；本单位只能查看。",
        )


# reason -> (en, zh, remedy en, remedy zh); {} is what the order said
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
        "Choose a later day.",
        "请选择更晚的日期。",
    ),
    "office_duty": (
        "Work for a community must say whose duty it is",
        "交社区办理的事项须注明责任类型",
        "Say whether the community undertakes it, assists, or it is not in the catalogue.",
        "请注明：社区承担、社区协助或目录外事项。",
    ),
    "fee_missing": (
        "Heavy, long or temporary work for a community needs a fee",
        "工作量大、持续时间长的行政事务或临时性工作须费随事转",
        "State the fee for each community.",
        "请填写每个社区的随事经费。",
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

    def __init__(self, reason: str, detail: str = "") -> None:
        en, zh, remedy_en, remedy_zh = _ORDERS[reason]
        super().__init__(
            f"{en.format(detail)}.",
            f"{zh.format(detail)}。",
            remedy_en=remedy_en,
            remedy_zh=remedy_zh,
        )
        self.reason = reason
