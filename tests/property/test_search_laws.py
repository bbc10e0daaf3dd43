"""What a list shows is what a person would pick by hand, in that order, page by page."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.office import Office
from node.services.records import edits
from node.services.records.rules import InvalidRecord
from node.services.records.search import BadToken, Condition
from node.services.records.views import RecordView
from tests.unit.node.offices import COMMUNITY, Clock, new_office

NAMES = ("一号楼", "二号楼", "文体中心", "A座", "a座西", "100%房", "下_划线", "东'西")
USES = {"office": "办公", "activity": "活动", "service": "服务"}
ROOMS = 40


@dataclass(frozen=True, repr=False)
class CallContext:
    office: Office
    rows: list[RecordView]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallContext]:
    office = new_office(tmp_path_factory.mktemp("search") / "c", COMMUNITY, Clock())
    rng = random.Random(1)
    for n in range(ROOMS):
        values = {
            "name": f"{rng.choice(NAMES)}{n}", "use": rng.choice(list(USES)),
            "area_m2": str(rng.choice([0, 5, 5.5, 10, 99.99])),
            "address": rng.choice(["", "东路1号", "西路2号", "Dong Lu"]),
            "tenure": rng.choice(["", "owned", "rented"]),
        }  # fmt: skip
        edits.create(office, "premises", {k: v for k, v in values.items() if v})
    rows = edits.list_records(office, "premises", limit=500).records
    yield CallContext(office, list(rows))
    office.close()


def area(value: float) -> int:
    return round(value * 100)


def holds(view: RecordView, one: Condition) -> bool:
    """Say what a person would say."""
    value = view.values[one.field]
    if one.field == "area_m2":
        assert isinstance(value, int)
        if ".." in one.value:
            low, high = one.value.split("..")
            return (not low or value >= area(float(low))) and (
                not high or value <= area(float(high))
            )
        other = area(float(one.value))
        return {
            "=": value == other, "!=": value != other, ">=": value >= other, "<=": value <= other,
            ">": value > other, "<": value < other,
        }[one.operator]  # fmt: skip
    if one.operator == "~":
        if one.field == "use":
            return one.value.casefold() in (str(value) + USES[str(value)]).casefold()
        return value is not None and one.value.casefold() in str(value).casefold()
    same = (value or "") == one.value if one.value else value is None
    return same if one.operator == "=" else not same


parts = st.sampled_from(
    ["楼", "号", "a", "A", "%", "_", "'", "1", "东", "座", "没有", "100%", "路"]
)
uses = st.sampled_from(["办", "活动", "servi", "x"])
conditions = st.one_of(
    st.builds(
        Condition, st.just("area_m2"), st.sampled_from(["=", "!=", ">=", "<=", ">", "<"]),
        st.sampled_from(["0", "5", "5.5", "7", "10", "99.99"]),
    ),
    st.builds(
        Condition, st.just("area_m2"), st.just("="),
        st.sampled_from(["0..5", "5..", "..5.5", "5.5..10", "10..5", ".."]),
    ),
    st.builds(Condition, st.sampled_from(["name", "address"]), st.just("~"), parts),
    st.builds(Condition, st.just("use"), st.just("~"), uses),
    st.builds(
        Condition, st.just("tenure"), st.sampled_from(["=", "!="]),
        st.sampled_from(["", "owned", "rented"]),
    ),
    st.builds(
        Condition, st.just("address"), st.sampled_from(["=", "!="]),
        st.sampled_from(["", "东路1号"]),
    ),
)  # fmt: skip
sorts = st.lists(
    st.sampled_from(["name", "-name", "area_m2", "-area_m2", "address", "-address", "-tenure"]),
    max_size=2, unique_by=lambda key: key.lstrip("-"),
)  # fmt: skip
LOOSE = settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])


def place(view: RecordView, sort: list[str]) -> tuple[object, ...]:
    """Return what a record is ordered by: no value last, whichever way."""
    found: list[object] = []
    for key in sort:
        value = view.values[key.lstrip("-")]
        found.append(value is None)
        found.append(Down(value) if key.startswith("-") else Up(value))
    return (*found, view.unit, view.id)


class Up:
    def __init__(self, value: object) -> None:
        self.value: object = "" if value is None else value

    def __lt__(self, other: Up) -> bool:
        return self.value < other.value  # type: ignore[operator]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Up) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)


class Down(Up):
    def __lt__(self, other: Up) -> bool:
        return self.value > other.value  # type: ignore[operator]


@LOOSE
@given(chosen=st.lists(conditions, max_size=3), sort=sorts, limit=st.integers(1, 50))
def test_pages_together_are_what_holds_in_the_order_asked_for(context, chosen, sort, limit):
    wanted = sorted(
        (view for view in context.rows if all(holds(view, one) for one in chosen)),
        key=lambda view: place(view, sort),
    )
    found: list[RecordView] = []
    after = ""
    while True:
        page = edits.list_records(
            context.office, "premises", conditions=chosen, sort=sort, limit=limit, after=after
        )
        assert page.total == len(wanted)
        found += page.records
        after = page.next
        if not after:
            break
    assert [view.id for view in found] == [view.id for view in wanted]


@LOOSE
@given(words=st.lists(parts, min_size=1, max_size=3))
def test_every_word_is_found_in_one_of_the_texts(context, words):
    wanted = {
        view.id
        for view in context.rows
        if all(
            any(
                word.casefold() in str(view.values[n] or "").casefold() for n in ("name", "address")
            )
            for word in words
        )
    }
    page = edits.list_records(context.office, "premises", search=" ".join(words), limit=500)
    assert {view.id for view in page.records} == wanted


@LOOSE
@given(limit=st.integers(1, 30), word=st.sampled_from(["楼", "1", "座"]))
def test_a_search_over_all_registers_is_that_over_each_in_turn(context, limit, word):
    names = [r.name for r in context.office.catalogue.registers.values() if not r.system]
    wanted = [
        view.id
        for name in names
        for view in edits.list_records(context.office, name, search=word, limit=500).records
    ]
    found: list[bytes] = []
    after = ""
    while True:
        page = edits.search_all(context.office, word, limit=limit, after=after)
        assert page.total == len(wanted)
        assert len(page.records) <= limit
        found += (view.id for view in page.records)
        after = page.next
        if not after:
            break
    assert found == wanted


@LOOSE
@given(text=st.text(max_size=20), operator=st.sampled_from(["=", "!=", "~", ">=", "<", "like", ""]),
       field=st.sampled_from(["name", "area_m2", "use", "checked_on", "tenure", "用途", "没有"]),
       )  # fmt: skip
def test_any_condition_finds_something_or_is_refused_in_a_sentence(context, text, operator, field):
    refused = None
    try:
        asked = [Condition(field, operator, text)]
        assert edits.list_records(context.office, "premises", conditions=asked).total <= ROOMS
    except InvalidRecord as error:
        refused = error
    if refused is not None:
        assert refused.faults[0].en.endswith(".")
        assert refused.faults[0].suggestion_zh


@LOOSE
@given(token=st.one_of(st.text(max_size=40), st.binary(max_size=20).map(bytes.hex)), sort=sorts)
def test_any_text_is_a_token_or_is_refused_as_one(context, token, sort):
    try:
        edits.list_records(context.office, "premises", sort=sort, after=token)
        edits.search_all(context.office, "楼", after=token)
    except BadToken:
        return


def test_records_that_come_between_two_pages_shift_none_of_the_others(tmp_path):
    office = new_office(tmp_path / "c", COMMUNITY, Clock())
    hall = {"use": "office", "area_m2": "1"}
    for name in "bdfhj":
        edits.create(office, "premises", {**hall, "name": name})
    first = edits.list_records(office, "premises", sort=["name"], limit=3)
    for name in "aceg":
        edits.create(office, "premises", {**hall, "name": name})
    second = edits.list_records(office, "premises", sort=["name"], limit=3, after=first.next)
    assert [view.values["name"] for view in (*first.records, *second.records)] == list("bdfghj")
    with pytest.raises(BadToken):
        edits.list_records(office, "premises", sort=["name", "use"], after=first.next)
    office.close()
