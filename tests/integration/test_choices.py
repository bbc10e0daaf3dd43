"""A choice is taken by what people call it, in either language; a wrong one gets a remedy."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from hub.api import choices as api_choices
from hub.api.call_context import BadRequest, CallContext
from hub.api.service import METHODS
from node.config import OfficeConfig
from node.domain.assignment_rules import Duty, EventKind, State
from node.domain.assignment_texts import DUTY_ZH, STATE_ZH
from node.domain.catalogue import load_catalogue
from node.domain.funds import FUNDS, Category
from node.domain.indicators import UnknownDimension
from node.domain.norms import Nature
from node.domain.posting import PostingKind
from node.open import open_office
from node.services.money.errors import BadAllocation
from node.services.money.views import Direction, TransferState
from node.services.work.views import Box
from node.setup import init_office

NOW_MS = 1_780_000_000_000


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallContext]:
    folder, rng = tmp_path_factory.mktemp("city") / "here", random.Random(7)
    init_office(folder, OfficeConfig(unit="杭州市"), load_catalogue(), rng=rng)
    office = open_office(folder, wall_ms=lambda: NOW_MS, rng=rng)
    yield CallContext(office)
    office.close()


def tables(context: CallContext) -> dict[str, tuple[api_choices.Choices, set[str]]]:
    """Return every table of choices, and the codes that it must name."""
    return {
        "duty": (api_choices.of_field(context, "work_order", "kind"), set(Duty)),
        "nature": (api_choices.of_field(context, "work_order", "nature"), set(Nature)),
        "category": (api_choices.of_field(context, "posting", "category"), set(Category)),
        "fund": (api_choices.of_field(context, "posting", "fund"), set(FUNDS)),
        "kind": (api_choices.of_field(context, "posting", "kind"), set(PostingKind)),
        "state": (api_choices.work_states(context), set(State) - {State.NONE}),
        "transfer": (api_choices.TRANSFER_STATES, set(TransferState)),
        "box": (api_choices.BOXES, set(Box)),
        "way": (api_choices.DIRECTIONS, {*Direction, "waiting"}),
        "step": (api_choices.STEPS, {*EventKind, "appraise", "amend"}),
    }


def test_every_choice_has_a_name_in_both_languages_and_no_two_share_one(
    context: CallContext,
) -> None:
    for name, (choices, codes) in tables(context).items():
        assert set(choices) == {str(code) for code in codes}, name
        for code, names in choices.items():
            for text in (code, *names, code.upper(), f" {names[0]} ", code.replace("_", "-")):
                assert api_choices.code_of(text, choices) == code, (name, text)


def test_work_is_called_alike_in_messages_and_in_the_catalogue(context: CallContext) -> None:
    duties = api_choices.of_field(context, "work_order", "kind")
    assert {code: names[0] for code, names in duties.items()} == DUTY_ZH
    states = api_choices.work_states(context)
    assert {code: names[0] for code, names in states.items()} == {
        state: text for state, text in STATE_ZH.items() if state is not State.NONE
    }


def test_money_is_booked_by_the_names_that_people_use(context: CallContext) -> None:
    stated = {"year": 2026, "amount_fen": 500, "actor": "x"}
    put = METHODS["AppropriateMoney"]
    line = put.answer(context, put.request(fund="社区年工作经费(市)", **stated)).posting
    spend = METHODS["SpendMoney"]
    request = spend.request(fund="work funds, city", category="办公", **stated)
    spent = spend.answer(context, request).posting
    assert (line.fund, spent.fund, spent.category) == ("F1", "F1", "office")


def test_a_wrong_choice_gets_the_nearest_or_all_and_the_option(context: CallContext) -> None:
    ls = METHODS["ListAssignments"]
    with pytest.raises(BadRequest) as near:
        ls.answer(context, ls.request(states=["decline"]))
    assert near.value.text("en").endswith("Did you mean declined, delivered?")
    assert "是否应为：已拒绝、已送达？" in near.value.text("zh")
    with pytest.raises(BadRequest) as far:
        ls.answer(context, ls.request(states=["zzz"]))
    for text, lang in (("--state", "en"), ("--state", "zh"), ("recalled", "en"), ("已撤回", "zh")):
        assert text in far.value.text(lang)
    assert "none" not in far.value.remedy_en.split(", ")
    spend = METHODS["SpendMoney"]
    with pytest.raises(BadAllocation) as refused:
        spend.answer(context, spend.request(fund="F1", year=2026, amount_fen=1, category="办公x",
                                         actor="x"))  # fmt: skip
    assert "--category" in refused.value.zh + refused.value.remedy_zh
    assert all(str(category) in refused.value.remedy_en for category in Category)


def test_a_figure_is_divided_by_what_people_call_its_dimension(context: CallContext) -> None:
    method = METHODS["GetRollup"]
    for by, code in (("单位", "unit"), ("资金", "fund"), ("Fund", "fund"), ("年度", "year")):
        asked = method.answer(context, method.request(indicator="K20", by=by))
        assert (
            asked.groups == method.answer(context, method.request(indicator="K20", by=code)).groups
        )
    with pytest.raises(UnknownDimension):
        method.answer(context, method.request(indicator="K20", by="性别"))


def test_a_list_of_a_fund_that_there_is_not_is_refused_and_not_empty(context: CallContext) -> None:
    for name in ("ListPostings", "ListBalances", "ListTransfers", "CheckConservation"):
        method = METHODS[name]
        with pytest.raises(BadAllocation):
            method.answer(context, method.request(fund="F99"))
