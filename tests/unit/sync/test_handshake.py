"""The table of the handshake: the first check that applies gives the verdict, and each can."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from sync.link.handshake import CHECKS, DuplicateProcess, Facts, Hello, decide
from sync.link.messages import Verdict
from sync.link.possession import Possession
from sync.link.sessions import ACCEPTS, Call, SessionState
from sync.model.change import StreamHead
from sync.model.limits import PROTOCOL_MAX
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.recovery.clones import Tokens

CHILD, LEVEL, INCARNATION = 7, 2, 70
NEWEST, REVOKED = b"newest", b"revoked"
STREAM = StreamKey(INCARNATION, "up:city", Lane.BULK)

WELCOME = Facts(
    hello=Hello(
        unit=CHILD, level=LEVEL, incarnation=INCARNATION, protocol_min=1,
        protocol_max=PROTOCOL_MAX, log_position=9, heads={STREAM: StreamHead(3, b"3")},
        token=NEWEST, public_key=b"key",
    ),
    level=LEVEL,
    tokens=Tokens(INCARNATION, NEWEST, revoked=(REVOKED,)),
    durable={Lane.BULK: 9},
    ours={STREAM: StreamHead(3, b"3")},
    key=b"key",
)  # fmt: skip

# What a child, or what is known of it, must be like for a check to apply.
CASES = {
    "not_our_child": {"level": None},
    "other_level": {"level": LEVEL + 1},
    "no_common_protocol": {"protocol_min": PROTOCOL_MAX + 1, "protocol_max": PROTOCOL_MAX + 1},
    "key_not_shown": {"possession": Possession.FALSE},
    "key_to_be_shown": {"possession": Possession.DUE},
    "key_refused": {"pinned": b"another".hex()},
    "key_changed": {"key": b"another"},
    "other_process_alive": {"duplicate": DuplicateProcess.ALIVE},
    "other_process_pinged": {"duplicate": DuplicateProcess.UNKNOWN},
    "parent_recovers": {"recovering": True},
    "parent_is_behind": {"is_missing_any": True},
    "token_revoked": {"token": REVOKED},
    "child_is_behind": {"heads": {}},
    "incarnation_retired": {"retired": True},
    "token_stale": {"token": b"of a backup"},
    "snapshot_needed": {"truncated": True},
    "accepted": {},
}
HELLO_FIELDS = {"protocol_min", "protocol_max", "token", "heads"}


def facts_with(*cases: str) -> Facts:
    facts = WELCOME
    for case in reversed(cases):
        for name, value in CASES[case].items():
            if name in HELLO_FIELDS:
                facts = replace(facts, hello=replace(facts.hello, **{name: value}))
            else:
                facts = replace(facts, **{name: value})
    return facts


def test_every_check_of_the_handshake_has_a_case() -> None:
    assert [check.name for check in CHECKS] == list(CASES)


def test_a_token_that_this_parent_issued_later_makes_no_child_a_restored_one() -> None:
    facts = facts_with("token_stale")
    assert decide(replace(facts, token_number=1)).name == "parent_is_behind"
    assert decide(replace(facts, tokens=replace(facts.tokens, number=1), token_number=1)).name == (
        "token_stale"
    )


@pytest.mark.parametrize(
    ("token", "expected"),
    [(b"of a backup", "token_stale"), (NEWEST, "accepted"), (b"", "accepted")],
)
def test_a_backup_that_goes_on_under_a_new_key_is_found_by_its_token(token, expected) -> None:
    """Its log has other entries under the numbers that its parent has counted."""
    hello = replace(WELCOME.hello, incarnation=71, continues=INCARNATION, token=token)
    assert decide(replace(WELCOME, hello=hello)).name == expected


@pytest.mark.parametrize("case", CASES)
def test_each_check_can_decide_a_handshake_alone(case: str) -> None:
    assert decide(facts_with(case)).name == case


@pytest.mark.parametrize(("first", "second"), list(combinations(CASES, 2)))
def test_of_two_checks_that_apply_the_first_decides(first: str, second: str) -> None:
    assert decide(facts_with(first, second)).name == first


def test_a_position_past_the_end_of_its_log_shows_that_a_child_was_restored() -> None:
    beyond = replace(WELCOME, durable={Lane.BULK: 10})
    assert decide(beyond).verdict is Verdict.RESTORED


def test_other_bytes_under_a_known_number_show_that_a_child_was_restored() -> None:
    other = replace(WELCOME, ours={STREAM: StreamHead(3, b"other")})
    assert decide(other).verdict is Verdict.RESTORED


@pytest.mark.parametrize("pinned", ["", b"key".hex()])
def test_a_child_without_a_key_is_not_let_in(pinned: str) -> None:
    keyless = replace(WELCOME, hello=replace(WELCOME.hello, public_key=b""), pinned=pinned)
    assert decide(keyless).name == "key_refused"


def test_a_key_given_by_its_first_digits_fits_the_whole_key() -> None:
    assert decide(replace(WELCOME, pinned=b"key".hex()[:4])).verdict is Verdict.ACCEPTED


# -- what a child may ask for within a session ----------------------------------------------------


def test_a_restored_child_may_take_back_what_it_lost_and_nothing_else() -> None:
    assert ACCEPTS[SessionState.RESTORED] == {Call.REPLAY}
    assert ACCEPTS[SessionState.RESTORED_SNAPSHOT] == {Call.REPLAY, Call.SNAPSHOT}


def test_records_go_only_to_a_child_that_expects_them() -> None:
    given = {state for state in SessionState if Call.SNAPSHOT in ACCEPTS[state]}
    assert given == {state for state in SessionState if state.snapshot_follows}


def test_an_accepted_child_may_ask_for_everything_else() -> None:
    for state in (SessionState.ACCEPTED, SessionState.ACCEPTED_SNAPSHOT):
        assert ACCEPTS[state] | {Call.SNAPSHOT} == set(Call)
