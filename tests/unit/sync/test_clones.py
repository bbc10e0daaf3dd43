"""Tokens: a clone and a backup are recognised; a store that calls twice, late or again is not."""

from __future__ import annotations

from sync.codec.signing import Signer
from sync.recovery.clones import DRAWN_BYTES, TokenCheck, Tokens, issue, number_of

ONE, TWO = 1, 2  # processes
INCARNATION, NEXT_INCARNATION = 7, 8  # incarnations


def after_handshake(
    tokens: Tokens, token: bytes, process: int, fresh: bytes, incarnation: int = INCARNATION
) -> Tokens:
    assert tokens.check(token, incarnation) is TokenCheck.EXPECTED
    return tokens.after(token, incarnation, process, fresh)


def test_a_repeated_handshake_gets_the_same_answer() -> None:
    tokens = after_handshake(Tokens(), b"", ONE, b"a")
    tokens = after_handshake(tokens, b"a", ONE, b"b")
    again = after_handshake(tokens, b"a", ONE, b"c")
    assert again == tokens
    assert again.check(b"b", INCARNATION) is TokenCheck.EXPECTED


def test_a_repeated_first_handshake_is_no_clone() -> None:
    tokens = after_handshake(Tokens(), b"", ONE, b"a")
    assert after_handshake(tokens, b"", ONE, b"b") == tokens


def test_a_repeated_first_handshake_of_a_new_incarnation_is_no_clone() -> None:
    tokens = after_handshake(Tokens(), b"", ONE, b"a")
    tokens = after_handshake(tokens, b"a", ONE, b"b", NEXT_INCARNATION)
    assert after_handshake(tokens, b"a", ONE, b"c", NEXT_INCARNATION) == tokens
    restarted = after_handshake(
        tokens, b"a", TWO, b"c", NEXT_INCARNATION
    )  # the answer was lost, and it died
    assert restarted.newest == b"c"


def test_a_token_revoked_by_another_process_marks_a_clone() -> None:
    tokens = after_handshake(Tokens(), b"", ONE, b"a")
    tokens = after_handshake(tokens, b"a", ONE, b"b")
    tokens = after_handshake(tokens, b"a", TWO, b"c")  # from a copy that was made before
    assert tokens.check(b"b", INCARNATION) is TokenCheck.REVOKED


def test_of_two_processes_with_the_same_token_only_the_one_that_continued_is_accepted() -> None:
    """The first store's answers were lost: it and its copy hold the same token (INV-25)."""
    tokens = after_handshake(Tokens(), b"", ONE, b"a")
    tokens = after_handshake(tokens, b"a", ONE, b"b")  # the answer is lost
    tokens = after_handshake(tokens, b"a", TWO, b"c")  # the copy
    tokens = after_handshake(tokens, b"c", TWO, b"d")
    assert tokens.check(b"a", INCARNATION) is TokenCheck.REVOKED, (
        "taken for a backup, it took the name back"
    )
    assert after_handshake(tokens, b"d", TWO, b"e").check(b"a", INCARNATION) is TokenCheck.REVOKED


def test_a_token_repeated_by_one_process_is_stale_and_marks_no_clone() -> None:
    tokens = after_handshake(Tokens(), b"", ONE, b"a")
    tokens = after_handshake(tokens, b"a", ONE, b"b")
    tokens = after_handshake(tokens, b"a", ONE, b"c")  # received twice
    tokens = after_handshake(tokens, b"b", ONE, b"d")
    assert tokens.check(b"a", INCARNATION) is TokenCheck.STALE  # a backup's, as before


def test_a_store_that_continues_the_old_incarnation_after_a_new_one_began_is_a_clone() -> None:
    tokens = after_handshake(Tokens(), b"", ONE, b"a")
    tokens = after_handshake(tokens, b"a", TWO, b"b", NEXT_INCARNATION)
    assert tokens.check(b"a", INCARNATION) is TokenCheck.REVOKED


def test_an_unknown_token_marks_a_backup() -> None:
    tokens = after_handshake(Tokens(), b"", ONE, b"a")
    assert tokens.check(b"z", INCARNATION) is TokenCheck.STALE


def test_after_a_reset_the_next_handshake_is_accepted_and_all_others_are_clones() -> None:
    tokens = after_handshake(Tokens(), b"", ONE, b"a")
    tokens = after_handshake(tokens, b"a", ONE, b"b")
    tokens = after_handshake(tokens, b"a", TWO, b"c")
    for right, others in ((b"b", b"ac"), (b"c", b"ab"), (b"", b"abc")):
        chosen = after_handshake(tokens.reset(), right, 3, b"d", NEXT_INCARNATION)
        assert chosen.newest == b"d"
        for other in others:
            if bytes([other]) in (tokens.newest, tokens.before, *tokens.revoked):
                assert chosen.check(bytes([other]), INCARNATION) is TokenCheck.REVOKED


def test_a_process_that_continues_after_a_reset_does_not_revoke_its_own_token() -> None:
    tokens = after_handshake(after_handshake(Tokens(), b"", ONE, b"a"), b"a", ONE, b"b").reset()
    late = after_handshake(tokens, b"a", ONE, b"c")  # a handshake that was under way for long
    assert not late.accept_next
    assert late.check(b"b", INCARNATION) is TokenCheck.EXPECTED


def test_tokens_round_trip() -> None:
    tokens = after_handshake(after_handshake(Tokens(), b"", ONE, b"a"), b"a", TWO, b"b")
    assert Tokens.from_text(tokens.to_text()) == tokens
    assert Tokens.from_text(tokens.reset().to_text()) == tokens.reset()
    assert Tokens.from_text(None) == Tokens()


SIGNER = Signer(bytes(32))
CHILD, PARENT_INCARNATION = 33, 5


def issued(number: int) -> bytes:
    return issue(SIGNER, CHILD, PARENT_INCARNATION, number, bytes(DRAWN_BYTES))


def test_a_token_issued_after_the_newest_shows_that_the_parent_was_restored() -> None:
    backup = Tokens().issued(b"", INCARNATION, ONE, issued(1))
    later = backup.issued(issued(1), INCARNATION, ONE, issued(2))
    assert (backup.number, later.number) == (1, 2)
    assert backup.check(issued(2), INCARNATION, 2) is TokenCheck.AHEAD
    assert backup.check(issued(2), INCARNATION + 1, 2) is TokenCheck.AHEAD, "whatever it writes as"
    assert later.issued(issued(2), INCARNATION, ONE, issued(3)).check(
        issued(1), INCARNATION, 1
    ) is TokenCheck.STALE  # fmt: skip


def test_an_answer_that_was_lost_gives_no_number_twice() -> None:
    tokens = Tokens().issued(b"", INCARNATION, ONE, issued(1))
    tokens = tokens.issued(issued(1), INCARNATION, ONE, issued(2))
    again = tokens.issued(issued(1), INCARNATION, ONE, issued(3))  # the same process: `newest`
    assert (again.newest, again.number) == (issued(2), 2)
    assert Tokens.from_text(again.to_text()) == again


def test_only_the_parents_own_tokens_for_this_child_have_a_number() -> None:
    token = issued(7)
    key = SIGNER.public_key
    assert number_of(key, CHILD, PARENT_INCARNATION, token) == 7
    raised = (8).to_bytes(8, "big") + token[8:]
    others = [
        (Signer(bytes([1] * 32)).public_key, CHILD, PARENT_INCARNATION, token),
        (key, CHILD + 1, PARENT_INCARNATION, token), (key, CHILD, PARENT_INCARNATION + 1, token),
        (key, CHILD, PARENT_INCARNATION, raised), (key, CHILD, PARENT_INCARNATION, token[:16]),
        (key, CHILD, PARENT_INCARNATION, b""), (b"", CHILD, PARENT_INCARNATION, token),
    ]  # fmt: skip
    assert [number_of(*other) for other in others] == [0] * len(others)
