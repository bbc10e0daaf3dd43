"""Texts for people about assignments: names of states and events, reasons of refusals."""

from __future__ import annotations

from collections.abc import Sequence

from node.domain.assignment_rules import Duty as D
from node.domain.assignment_rules import EventKind as K
from node.domain.assignment_rules import State as S

STATE_ZH: dict[S, str] = {
    S.NONE: "未起草",
    S.DRAFT: "草稿",
    S.SCREENING: "准入审核中",
    S.READY: "待派发",
    S.REFUSED: "不予准入",
    S.DISPATCHED: "已派发",
    S.DELIVERED: "已送达",
    S.CONSENTED: "社区已同意",
    S.CONSENT_EXPIRED: "征求意见逾期",
    S.DECLINED: "已拒绝",
    S.RETURNED: "已退回",
    S.ACCEPTED: "已接收",
    S.RELAYED: "已转派",
    S.IN_PROGRESS: "办理中",
    S.CLAIMED: "已报办结",
    S.VERIFIED: "已核实",
    S.APPRAISED: "已评价",
    S.CLOSED: "已结案",
    S.RECALLED: "已撤回",
}
KIND_ZH: dict[K, str] = {
    K.DRAFT: "起草",
    K.SUBMIT: "提交",
    K.ADMIT: "准入",
    K.REFUSE: "不予准入",
    K.SEND_BACK: "退回修改",
    K.DISPATCH: "派发",
    K.ADJUDICATE: "裁定派发",
    K.EXPIRE_CONSENT: "征求意见期满",
    K.EXTEND: "延期",
    K.RECALL: "撤回",
    K.TAKE_BACK: "同意退办",
    K.VERIFY: "核实",
    K.REWORK: "要求重办",
    K.APPRAISE_RESULT: "评价结果",
    K.CLOSE: "结案",
    K.RECEIPT: "签收",
    K.CONSENT: "同意承接",
    K.DECLINE: "拒绝",
    K.ACCEPT: "接收",
    K.RETURN: "退回",
    K.RELAY: "转派",
    K.PROGRESS: "报告进度",
    K.CLAIM: "报办结",
    K.HAND_BACK: "申请退办",
    K.APPRAISE_ORDER: "评价任务",
}

# How the verbs of people are named where they differ from the events that they write.
STEP_ZH: dict[str, str] = {
    **{kind.value: text for kind, text in KIND_ZH.items()},
    "appraise": "评价",
    "amend": "修改后重报",
}
DUTY_ZH: dict[D, str] = {
    D.UNDERTAKES: "社区承担",
    D.ASSISTS: "社区协助",
    D.UNLISTED: "目录外事项",
    D.DEPARTMENT: "部门承担",
    D.OFFICE: "机关之间",
}


def step_verb(step: str) -> str:
    """Return a step as the command line spells it."""
    return step.replace("_", "-")


def allowed_text(steps: Sequence[str] | None) -> tuple[str, str]:
    """Return in both languages which steps an office may take now; "" where nobody knows."""
    if steps is None:
        return "", ""
    if not steps:
        return "This office may take no step now.", "本单位现在没有可办理的操作。"
    listed = ", ".join(map(step_verb, steps))
    listed_zh = "、".join(f"{STEP_ZH[step]}（{step_verb(step)}）" for step in steps)
    return f"Allowed here now: {listed}.", f"本单位现在可办理：{listed_zh}。"


# code -> (en, zh, remedy en, remedy zh)
REASONS: dict[str, tuple[str, str, str, str]] = {
    "wrong_state": (
        "this step does not follow from that state",
        "当前状态不能进行此操作",
        "Take a step that the state allows.",
        "请选择当前状态允许的操作。",
    ),
    "overtaken": (
        "the other office had meanwhile moved it on",
        "对方单位已先行处理",
        "Nothing is lost: the step is kept in the record. Go on from the state shown.",
        "记录已保留，请按当前状态继续办理。",
    ),
    "wrong_writer": (
        "only the other office may take this step",
        "此操作只能由对方单位进行",
        "Ask the other office.",
        "请联系对方单位办理。",
    ),
    "incomplete": (
        "a reason, percentage (0 to 100), deadline or kind of duty is missing",
        "缺少理由、百分比（0至100）、期限或职责类别",
        "Fill in what is missing.",
        "请补充完整后重试。",
    ),
    "forked": (
        "its writer sent two different events under one number",
        "同一序号出现两条不同记录",
        "Have the writer's store checked: it may have been restored or copied.",
        "请检查该单位的数据库是否被恢复或复制。",
    ),
    "department_duty": (
        "a duty of the department must not be passed to a community",
        "应由政府部门独立履行的职责，不得转嫁给社区",
        "The department does this work itself.",
        "由该部门自行办理。",
    ),
    "needs_consent": (
        "work that a community only assists with needs its consent first",
        "协助事项须先征得社区同意",
        "Record the community's consent, or its refusal.",
        "请先登记社区同意或拒绝。",
    ),
    "no_consent_asked": (
        "consent is asked only of a community that assists",
        "仅社区协助事项需要征求同意",
        "Accept the work, or return it with a reason.",
        "请接收，或说明理由退回。",
    ),
    "fee_not_released": (
        "the fee that goes with this work has not been released",
        "随事转移的经费尚未到位",
        "Release the fee first.",
        "请先拨付经费。",
    ),
    "not_relayable": (
        "a community does not relay; it divides work among its own workers",
        "社区不得转派，可在本社区工作人员中分工",
        "Report progress instead.",
        "请直接报告进度。",
    ),
    "children_open": (
        "work relayed to other offices is not finished there",
        "转派的任务尚未全部办结",
        "Close or recall every part first.",
        "请先结案或撤回各项分任务。",
    ),
    "not_later": (
        "an extension must name a later deadline",
        "延期后的期限必须晚于原期限",
        "Choose a later day.",
        "请选择更晚的日期。",
    ),
    "binding": (
        "a ruling from above has settled who does this work",
        "上级已裁定由本单位办理",
        "Accept it; disagreement goes to the office that ruled.",
        "请接收；如有异议请向裁定单位提出。",
    ),
    "returned_too_often": (
        "it came back as often as the rules allow; an office above both must rule",
        "退回次数已达上限，须由共同上级裁定",
        "Ask the nearest office above both for a ruling.",
        "请报请双方共同的上级单位裁定。",
    ),
    "not_asked": (
        "the assignee did not ask to hand it back",
        "承办单位未申请退办",
        "Recall it instead, or wait for the request.",
        "可改为撤回，或等待对方申请。",
    ),
    "same_person": (
        "who claimed the work as done may not verify it",
        "报办结的人不得核实",
        "Let another person verify it.",
        "请由另一人核实。",
    ),
}
