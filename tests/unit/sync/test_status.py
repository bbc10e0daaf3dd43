"""A refusal crosses the wire whole: its status, code and kind, both languages, the wrong fields."""

from __future__ import annotations

import re

import grpc
import pytest
from google.rpc import error_details_pb2 as details
from google.rpc import status_pb2
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.explain import refusals
from sync.link.failure import failed
from sync.model.errors import ErrorKind, FieldViolation, SilianError
from sync.rpc.status import (
    DETAILS_BYTES_MAX,
    RemoteRefusal,
    read_refusal,
    status_message,
    status_texts,
    to_grpc,
)

KEY = "grpc-status-details-bin"
HEADERS_BYTES_MAX = 8_192  # of an answer without a body; more is dropped


class Fallen(grpc.RpcError):
    """A failed call as the client sees it."""

    def __init__(self, status: grpc.StatusCode, text: str = "", detail: bytes = b"") -> None:
        self._status, self._text, self._detail = status, text, detail

    def code(self) -> grpc.StatusCode:
        return self._status

    def details(self) -> str:
        return self._text

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return ((KEY, self._detail),) if self._detail else ()


def refusal(code: str, kind: ErrorKind, **texts: str) -> SilianError:
    made = type("Refusal", (SilianError,), {"code": code, "kind": kind})
    found: SilianError = made("what happened", "发生了什么", **texts)
    return found


def sent(error: SilianError) -> Fallen:
    """Return the error of a call that was ended with a refusal."""
    ended = to_grpc(error)
    ((key, detail),) = ended.trailing_metadata
    assert key == KEY
    return Fallen(ended.code, ended.details, detail)


def received(error: SilianError) -> RemoteRefusal:
    found = read_refusal(sent(error))
    assert found is not None
    return found


def unpacked(error: SilianError) -> list[object]:
    """Return what a client in another language reads, in its order."""
    kinds = {
        kind.DESCRIPTOR.full_name: kind
        for kind in (
            details.ErrorInfo, details.RetryInfo, details.LocalizedMessage, details.BadRequest,
        )
    }  # fmt: skip
    found = []
    for packed in status_message(error).details:
        detail = kinds[packed.TypeName()]()
        assert packed.Unpack(detail)
        found.append(detail)
    return found


# -- the catalogue --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(refusals()))
def test_every_refusal_keeps_its_code_and_kind_over_the_wire(code: str) -> None:
    error = refusal(code, refusals()[code].kind)
    event = failed(sent(error))
    assert (event.code, event.retryable, event.reason) == (code, error.retryable, "what happened")
    again = received(error)
    assert (again.code, again.kind, again.retryable) == (code, error.kind, error.retryable)


def test_every_refusal_of_the_program_declares_a_kind_of_its_own() -> None:
    """None is a fault of the program because somebody forgot to say what it is."""
    undeclared = [
        code
        for code, known in refusals().items()
        if not any("kind" in vars(each) for each in known.__mro__ if each is not SilianError)
    ]
    assert undeclared == []


def test_refusals_of_one_code_are_of_one_kind() -> None:
    def below(known: type[SilianError]) -> list[type[SilianError]]:
        return [known, *(each for child in known.__subclasses__() for each in below(child))]

    codes = refusals()
    of_program = [
        known
        for known in below(SilianError)
        if known.__module__.startswith(("sync.", "node.", "hub.")) and hasattr(known, "code")
    ]
    assert {known for known in of_program if "code" in vars(known)} >= set(codes.values())
    assert [
        known
        for known in of_program
        if known.code in codes and known.kind is not codes[known.code].kind
    ] == []


def test_every_code_is_a_reason_as_google_rpc_asks_for_it() -> None:
    pattern = re.compile(r"[A-Z][A-Z0-9_]+[A-Z0-9]")  # google/rpc/error_details.proto
    odd = [c for c in refusals() if not pattern.fullmatch(c.upper()) or c != c.lower()]
    assert odd == []
    assert max(map(len, refusals())) <= 63


def test_every_kind_has_a_status_of_grpc() -> None:
    assert [kind for kind in ErrorKind if kind.status not in grpc.StatusCode.__members__] == []


# -- what a client in another language reads ------------------------------------------------------


def test_a_refusal_is_written_in_the_standard_details() -> None:
    error = refusal(
        "overloaded", ErrorKind.RESOURCE_EXHAUSTED, remedy_en="Wait.", remedy_zh="请稍候。"
    )
    error.retry_after_ms = 1_500
    error.violations = (FieldViolation("fund", "no such fund", "没有该资金"),)
    assert status_message(error).code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert status_message(error).message == "what happened"
    info, again, *texts, bad = unpacked(error)
    assert isinstance(info, details.ErrorInfo)
    assert (info.reason, info.domain, dict(info.metadata)) == (
        "OVERLOADED", "silian", {"kind": "RESOURCE_EXHAUSTED"},
    )  # fmt: skip
    assert isinstance(again, details.RetryInfo)
    assert again.retry_delay.ToMilliseconds() == 1_500
    assert [(text.locale, text.message) for text in texts] == [
        ("en", "what happened"), ("en", "Wait."), ("zh", "发生了什么"), ("zh", "请稍候。"),
    ]  # fmt: skip
    assert isinstance(bad, details.BadRequest)
    (violation,) = bad.field_violations
    assert (violation.field, violation.description) == ("fund", "no such fund")
    assert violation.localized_message.locale == "zh"
    assert violation.localized_message.message == "没有该资金"


def test_only_what_may_be_repeated_carries_retry_info() -> None:
    for kind in ErrorKind:
        found = [d for d in unpacked(refusal("x_y", kind)) if isinstance(d, details.RetryInfo)]
        assert bool(found) is kind.retryable


# -- back again -----------------------------------------------------------------------------------

TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60)
FIELDS = st.builds(FieldViolation, st.text("abc._[]", min_size=1, max_size=20), TEXTS, TEXTS)


@given(
    kind=st.sampled_from(ErrorKind), en=TEXTS, zh=TEXTS, remedy_en=TEXTS, remedy_zh=TEXTS,
    wait_ms=st.integers(1, 10**6), violations=st.lists(FIELDS, max_size=3),
)  # fmt: skip
def test_a_refusal_of_usual_length_comes_back_as_it_was(
    kind, en, zh, remedy_en, remedy_zh, wait_ms, violations
):
    error = type("Refusal", (SilianError,), {"code": "some_code", "kind": kind})(
        en, zh, remedy_en=remedy_en, remedy_zh=remedy_zh
    )
    error.retry_after_ms = wait_ms if kind.retryable else None
    error.violations = tuple(violations)
    again = received(error)
    for name in (
        "code", "kind", "en", "zh", "remedy_en", "remedy_zh", "retry_after_ms", "violations",
    ):  # fmt: skip
        assert getattr(again, name) == getattr(error, name), name


LONG = st.builds(lambda text, times: text * times, TEXTS, st.integers(1, 500))


@given(
    texts=st.tuples(LONG, LONG, LONG, LONG),
    violations=st.lists(st.builds(FieldViolation, LONG, LONG, LONG), max_size=12),
)
def test_no_refusal_is_too_long_for_a_trailer(texts, violations):
    error = SilianError(texts[0], texts[1], remedy_en=texts[2], remedy_zh=texts[3])
    error.code = "workbook_column_duplicated"  # type: ignore[misc]
    error.kind = ErrorKind.RESOURCE_EXHAUSTED  # type: ignore[misc]
    error.retry_after_ms = 10**9
    error.violations = tuple(violations)
    status = status_message(error)
    size = status.ByteSize()
    assert size <= DETAILS_BYTES_MAX
    base64, escaped, names = -(-size // 3) * 4, 3 * len(status.message.encode()), 300
    assert base64 + escaped + names <= HEADERS_BYTES_MAX
    assert received(error).code == "workbook_column_duplicated"


def test_a_refusal_that_repeats_a_long_text_still_arrives_whole_in_code_and_kind() -> None:
    error = SilianError("名" * 9_000, "长" * 9_000, remedy_en="x" * 9_000)
    error.code = "unknown_unit"  # type: ignore[misc]
    error.kind = ErrorKind.NOT_FOUND  # type: ignore[misc]
    again = received(error)
    assert (again.code, again.kind) == ("unknown_unit", ErrorKind.NOT_FOUND)
    assert again.en.endswith("…")
    assert again.remedy_en.endswith("…")
    assert again.remedy_zh == ""


def test_of_more_wrong_fields_than_fit_the_first_arrive() -> None:
    error = refusal("invalid_record", ErrorKind.INVALID_ARGUMENT)
    error.violations = tuple(FieldViolation(f"f{n}", "x" * 300, "长" * 300) for n in range(50))
    arrived = [each.field for each in received(error).violations]
    assert 5 < len(arrived) < 50
    assert arrived == [f"f{n}" for n in range(len(arrived))]


# -- from elsewhere -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ErrorKind)
def test_a_kind_of_a_newer_program_is_judged_by_its_status_and_whether_it_passes(
    kind: ErrorKind,
) -> None:
    status = status_message(refusal("from_tomorrow", kind))
    info = details.ErrorInfo(
        reason="FROM_TOMORROW", domain="silian", metadata={"kind": "OF_TOMORROW"}
    )
    status.details[0].Pack(info)
    found = read_refusal(
        Fallen(grpc.StatusCode[kind.status], "what happened", status.SerializeToString())
    )
    assert found is not None
    assert (found.code, found.kind.status) == ("from_tomorrow", kind.status)
    assert found.retryable is kind.retryable


@pytest.mark.parametrize(
    "detail",
    [
        b"\xff\xff",
        status_pb2.Status(code=3, message="another").SerializeToString(),
        status_pb2.Status(code=5, message="gone").SerializeToString(),
    ],
)
def test_details_that_are_damaged_or_not_ours_leave_the_status_to_judge(detail: bytes) -> None:
    event = failed(Fallen(grpc.StatusCode.NOT_FOUND, "gone", detail))
    assert (event.code, event.retryable, event.reason) == (
        "not_found",
        False,
        "the office is not at this address (gone)",
    )


def test_a_reason_of_another_domain_is_no_refusal_of_an_office() -> None:
    status = status_pb2.Status(code=14, message="down")
    status.details.add().Pack(details.ErrorInfo(reason="STALE_EDIT", domain="a.proxy"))
    error = Fallen(grpc.StatusCode.UNAVAILABLE, "down", status.SerializeToString())
    assert read_refusal(error) is None
    assert failed(error).code == "unavailable"


def test_why_a_call_ended_is_given_in_plain_sentences_of_both_languages() -> None:
    text = "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to "
    error = Fallen(grpc.StatusCode.UNAVAILABLE, f"{text}connect to remote host: Connection refused")
    event = failed(error)
    assert (event.reason, event.reason_zh) == ("cannot be reached (Connection refused)", "无法连接")
    for code in grpc.StatusCode:
        en, zh = status_texts(Fallen(code))
        assert all((en, zh)), code
        assert code.name.lower() not in en


def test_a_broken_link_is_retryable_and_a_message_too_large_is_distinguished():
    assert failed(Fallen(grpc.StatusCode.UNAVAILABLE)).retryable
    assert failed(grpc.RpcError()).retryable
    assert not failed(Fallen(grpc.StatusCode.PERMISSION_DENIED)).retryable
    large = Fallen(grpc.StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 8)")
    assert failed(large).oversized
    assert not failed(Fallen(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")).oversized
