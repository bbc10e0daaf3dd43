"""No field of a call is dropped: whatever a request holds is read, or refused by its name."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from hub.api import choices
from hub.api.call_context import BadRequest, CallContext
from hub.api.service import METHODS
from node.config import OfficeConfig
from node.domain.catalogue import load_catalogue
from node.open import open_office
from node.services.enrolment.authority import found_city
from node.setup import init_office
from sync.model.errors import SilianError

NOW_MS = 1_780_000_000_000
ID = bytes(range(16)).hex()
# These are refused before all else where there is no line: this office has none.
SHANGCHENG = 261188245431088688  # 上城区
DIGEST = bytes(range(32))
NEED_A_LINE = {"SyncOffice", "CompareOffice"}
ASKED = sorted(n for n, m in METHODS.items() if m.duplex is None and n not in NEED_A_LINE)
# Read once the record, the conflict or the closing is found, and none is here.
LATER = {
    ("GetRecord", "history"),
    *(("CreateCorrection", name) for name in ("values", "reason", "actor", "due_on")),
    *(("ResolveConflict", name) for name in ("values", "reason", "actor", "preview")),
}  # fmt: skip
# What decides how a request is read; each way of it is tried.
VALUES_WHERE = [{"field": "name", "operator": "=", "value": "x"}]
FORMS: dict[str, list[dict[str, Any]]] = {
    "TransitionAssignment": [{"id": ID, "actor": "x", "step": step} for step in choices.STEPS],
    "ReceiveMoney": [{"actor": "x", "transfer": ID}, {"actor": "x"}],
    "ReturnMoney": [
        {"actor": "x", "reason": "r", "transfer": ID},
        {"actor": "x", "reason": "r", "fund": "F1", "year": 2026, "amount_fen": 5},
    ],
    "ListTransfers": [{"direction": direction} for direction in choices.DIRECTIONS],
    "ResolveConflict": [
        {"id": ID, "take": take, **alike}
        for take in choices.TAKES
        for alike in ({}, {"alike": True}, {"alike": True, "alike_by": "writers"})
    ],
    "AnswerCorrection": [{"id": ID, "actor": "x", "answer": answer} for answer in choices.ANSWERS],
    "UpdateRecord": [{"register": "premises", "id": ID}],
    "EndRecord": [{"register": "premises", "id": ID}],
    "RetryQuarantinedChanges": [{}, {"id": ID}],
    "ExportRecords": [{"register": "premises"}, {"register": "premises", "template": True}],
    "GetRollup": [{"indicator": "K5"}],
    "SearchUnits": [{"text": "上城区"}],
    "ListWorkTargets": [{}, {"register": "premises", "conditions": VALUES_WHERE}],
    "PlanMoney": [{"year": 2026, "step": step} for step in ("", *choices.PLAN_STEPS)],
    "KeepSealed": [{"unit_id": SHANGCHENG, "number": 7, "size": 7, "digest": DIGEST}],
    "IssueWorkOrder": [{"title": "t", "targets": ["上城区"], "actor": "x"}],
}
VALUES: dict[str, Any] = {
    "register": "premises", "unit": "上城区", "to": "上城区", "targets": ["上城区"],
    "units": ["上城区"], "which": "上城区", "fund": "F1",
    "as_of": "2026-02-01", "on": "2026-02-01", "due_on": "2026-12-01", "due_ms": NOW_MS + 10**10,
    "category": "office", "duty": "office", "nature": "ordinary", "box": "all", "direction": "all",
    "conditions": VALUES_WHERE, "places": [{"unit": "上城区"}],
    "history": "as-was", "indicator": "K5", "by": "unit", "format": "csv", "take": "shown",
    "alike_by": "values", "answer": "accept", "step": "accept", "kind": "spend", "lang": "en",
    "budget_fen": {"F1": 5}, "funds": ["F1"], "state": "received", "states": ["draft"],
    "year": 2026, "page_size": 5, "page_token": "0", "wait_ms": 1, "below": "上城区", "level": 3,
    "indicators": ["K5"], "months": ["2026-01"], "file": b"code,name",
    **dict.fromkeys(("id", "transfer", "new_transfer", "assignment", "posting", "work_order"), ID),
}  # fmt: skip


class Reading:
    """A request that notes which of its fields somebody looked at."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name in self.message.DESCRIPTOR.fields_by_name:
            self.read.add(name)
        return getattr(self.message, name)

    def HasField(self, name: str) -> bool:
        self.read.add(name)
        return self.message.HasField(name)

    def ListFields(self) -> Any:
        return self.message.ListFields()  # who counts the fields has not read them

    @property
    def unread(self) -> set[str]:
        return {field.name for field, _ in self.message.ListFields()} - self.read


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallContext]:
    folder, rng = tmp_path_factory.mktemp("city") / "here", random.Random(7)
    config = OfficeConfig(unit="杭州市", listen="127.0.0.1:7410")
    init_office(folder, config, load_catalogue(), rng=rng)
    office = open_office(folder, wall_ms=lambda: NOW_MS, rng=rng)
    found_city(office)
    yield CallContext(office)
    office.close()


def valued(field: FieldDescriptor) -> Any:
    if field.type == FieldDescriptor.TYPE_BOOL:
        return True
    if field.name in VALUES:
        return VALUES[field.name]
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {"name": "x"}
    if field.type == FieldDescriptor.TYPE_STRING:
        return ["x"] if field.is_repeated else "x"
    if field.type == FieldDescriptor.TYPE_BYTES:
        return DIGEST
    return 7


def answered(context: CallContext, name: str, given: dict[str, Any]) -> None:
    """Make a call, and read its answer to the end where it streams."""
    method = METHODS[name]
    reply = method.answer(context, method.request(**given))
    if method.stream is not None:
        list(reply)


def odd_values(field: FieldDescriptor) -> list[Any]:
    """Return values of the field's type that hardly any call accepts."""
    if field.type == FieldDescriptor.TYPE_STRING:
        odd: list[Any] = ["a\0b", "不存在的", "2999-99-99"]
        return [[each] for each in odd] if field.is_repeated else odd
    if field.type == FieldDescriptor.TYPE_BYTES:
        return [b"short"]
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return [{"name": "a\0b"}] if field.message_type.fields[1].type == 9 else []
    if field.type in (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_INT32):
        return [-7]
    return []


def dropped(context: CallContext, name: str, given: dict[str, Any]) -> set[str]:
    """Make a call; return the fields that nobody read, though the call was not refused for them."""
    method = METHODS[name]
    request = Reading(method.request(**given))
    work: Any = method.unary or method.stream
    try:
        reply = work(context, request)
        if method.stream is not None:
            list(reply)
    except BadRequest:
        return set()
    except SilianError:
        pass  # refused for what it asks, after it was read
    return request.unread - {field for method, field in LATER if method == name}


@pytest.mark.parametrize("name", ASKED)
def test_any_two_fields_of_a_request_are_read_or_refused(context: CallContext, name: str) -> None:
    fields = METHODS[name].request.DESCRIPTOR.fields
    found = []
    for base in FORMS.get(name, [{}]):
        free = [f for f in fields if f.name not in base and (name, f.name) not in LATER]
        for some in (*((f,) for f in free), *itertools.combinations(free, 2)):
            given = base | {field.name: valued(field) for field in some}
            if missing := dropped(context, name, given):
                found.append((sorted(given), sorted(missing)))
    assert not found[:5]


def test_a_step_that_takes_no_percentage_refuses_one(context: CallContext) -> None:
    method = METHODS["TransitionAssignment"]
    with pytest.raises(BadRequest) as refused:
        method.answer(context, method.request(id=ID, step="accept", actor="x", percent=0))
    assert "percent" in refused.value.en
    assert "percent" in refused.value.zh
    assert [each.field for each in refused.value.violations] == ["percent"]


def test_every_field_that_a_step_would_drop_is_a_violation(context: CallContext) -> None:
    method = METHODS["TransitionAssignment"]
    with pytest.raises(BadRequest) as refused:
        method.answer(
            context, method.request(id=ID, step="accept", actor="x", percent=0, due_ms=NOW_MS)
        )
    assert {each.field for each in refused.value.violations} == {"percent", "due_ms"}


@pytest.mark.parametrize("name", ASKED)
def test_a_violation_names_a_field_of_its_request(context: CallContext, name: str) -> None:
    """Whatever a call refuses, what it calls wrong is a field that the caller can find."""
    method = METHODS[name]
    found = set()
    for base in FORMS.get(name, [{}]):
        for field in method.request.DESCRIPTOR.fields:
            for value in odd_values(field):
                try:
                    answered(context, name, {**base, field.name: value})
                except SilianError as error:
                    found |= {each.field.partition(".")[0] for each in error.violations}
    assert found <= {field.name for field in method.request.DESCRIPTOR.fields}


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("ListAssignments", {"box": "toodo"}, "box"),
        ("ListAssignments", {"states": ["drafft"]}, "states"),
        ("ListTransfers", {"direction": "sideways"}, "direction"),
        ("GetAssignment", {"id": b"short"}, "id"),
        ("ReceiveMoney", {"actor": "x", "transfer": "short"}, "transfer"),
        ("GetRollup", {"indicator": "K5", "as_of": "yesterday"}, "as_of"),
        (
            "IssueWorkOrder",
            {"title": "t", "targets": ["上城区"], "actor": "x", "due_ms": -5},
            "due_ms",
        ),
        ("CloseCase", {"id": ID, "reason": "a\0b", "actor": "x"}, "reason"),
        ("CloseCase", {"id": ID, "reason": " ", "actor": "x"}, "reason"),
        ("ExportRecords", {"register": "premises", "lang": "fr"}, "lang"),
        ("ExportRecords", {"register": "premises", "format": "pdf"}, "format"),
    ],
)  # fmt: skip
def test_a_field_with_a_wrong_value_is_named(
    context: CallContext, name: str, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(SilianError) as refused:
        answered(context, name, given)
    assert [each.field for each in refused.value.violations] == [field]
    assert refused.value.violations[0].en
    assert refused.value.violations[0].zh


@pytest.mark.parametrize("text", ["a\0b", "\x1b[2J", "\u202egnp.exe", "\ufffe"])
def test_a_text_that_no_store_or_screen_can_hold_is_refused_by_its_field(
    context: CallContext, text: str
) -> None:
    method = METHODS["AppropriateMoney"]
    stated = {"fund": "F1", "year": 2026, "amount_fen": 1, "actor": "x"}
    with pytest.raises(BadRequest) as refused:
        method.answer(context, method.request(note=text, **stated))
    assert "note" in refused.value.en
    assert text not in refused.value.text("zh")
