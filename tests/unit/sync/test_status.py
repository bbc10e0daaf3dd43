"""A refusal crosses the wire whole: its status, its code, both languages, whether to try again."""

from __future__ import annotations

import grpc
import pytest

from hub.cli.explain import refusals
from sync.link.status import (
    _CODES,
    DETAIL_KEY,
    FALLBACK,
    STATUS_BY_CODE,
    detail_of,
    failed,
    status_of,
)
from sync.model.errors import SilianError


class Fallen(grpc.RpcError):
    """A failed call as the client sees it."""

    def __init__(self, status: grpc.StatusCode, text: str = "", detail: bytes = b"") -> None:
        self._status, self._text, self._detail = status, text, detail

    def code(self) -> grpc.StatusCode:
        return self._status

    def details(self) -> str:
        return self._text

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return ((DETAIL_KEY, self._detail),) if self._detail else ()


def refusal(code: str, *, retryable: bool) -> SilianError:
    kind = type("Refusal", (SilianError,), {"code": code, "retryable": retryable})
    found: SilianError = kind("what happened", "发生了什么")
    return found


@pytest.mark.parametrize("code", sorted(STATUS_BY_CODE))
@pytest.mark.parametrize("retryable", [True, False])
def test_a_refusal_keeps_its_code_and_whether_it_is_retryable_over_the_wire(code, retryable):
    error = refusal(code, retryable=retryable)
    event = failed(Fallen(status_of(error), "x", detail_of(error)))
    assert (event.code, event.retryable, event.reason) == (code, retryable, "what happened")


# Raised where a store is opened, a process started or a client dials: no call ends with them.
NEVER_ON_A_WIRE = {
    "bad_catalogue", "bad_log_level", "cannot_listen", "exposed", "internal", "link_closed",
    "newer_schema", "office_busy", "older_schema", "unreachable",
}  # fmt: skip


def test_every_refusal_of_the_program_declares_its_status() -> None:
    """The fallback is for codes of another program: a new refusal says here what it is."""
    assert set(refusals()) - STATUS_BY_CODE.keys() == NEVER_ON_A_WIRE
    assert STATUS_BY_CODE.keys() - refusals().keys() == set()


def test_no_refusal_has_two_statuses() -> None:
    listed = [code for codes in _CODES.values() for code in codes]
    assert len(listed) == len(set(listed))


def test_a_refusal_without_a_status_of_its_own_falls_back():
    assert status_of(refusal("never_heard_of", retryable=False)) is FALLBACK


def test_a_refusal_that_repeats_a_long_text_still_arrives_whole_in_code_and_kind() -> None:
    error = SilianError("名" * 9_000, "长" * 9_000, remedy_en="x" * 9_000, remedy_zh="" * 2)
    error.code = "unknown_unit"  # type: ignore[misc]
    detail = detail_of(error)
    assert len(detail) < 6_200
    event = failed(Fallen(status_of(error), "x", detail))
    assert event.code == "unknown_unit"
    assert event.reason.endswith("…")


def test_a_broken_link_is_retryable_and_a_message_too_large_is_distinguished():
    assert failed(Fallen(grpc.StatusCode.UNAVAILABLE)).retryable
    assert not failed(Fallen(grpc.StatusCode.PERMISSION_DENIED)).retryable
    large = Fallen(grpc.StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 8)")
    assert failed(large).oversized
    assert not failed(Fallen(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")).oversized
