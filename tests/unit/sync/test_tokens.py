"""Tokens: a copy and a backup are told from a store that is merely heard twice, late or again."""

from __future__ import annotations

from sync.tokens import Shown, Tokens

ONE, TWO = 1, 2  # processes
LIFE, NEXT_LIFE = 7, 8  # incarnations


def greeted(tokens: Tokens, token: bytes, process: int, fresh: bytes, life: int = LIFE) -> Tokens:
    assert tokens.judge(token, life) is Shown.EXPECTED
    return tokens.after(token, life, process, fresh)


def test_a_greeting_that_is_heard_twice_has_the_same_answer_twice() -> None:
    tokens = greeted(Tokens(), b"", ONE, b"a")
    tokens = greeted(tokens, b"a", ONE, b"b")
    again = greeted(tokens, b"a", ONE, b"c")
    assert again == tokens
    assert again.judge(b"b", LIFE) is Shown.EXPECTED


def test_a_first_greeting_that_is_heard_twice_is_no_copy() -> None:
    tokens = greeted(Tokens(), b"", ONE, b"a")
    assert greeted(tokens, b"", ONE, b"b") == tokens


def test_a_first_greeting_of_a_new_incarnation_that_is_heard_twice_is_no_copy() -> None:
    tokens = greeted(Tokens(), b"", ONE, b"a")
    tokens = greeted(tokens, b"a", ONE, b"b", NEXT_LIFE)
    assert greeted(tokens, b"a", ONE, b"c", NEXT_LIFE) == tokens
    restarted = greeted(tokens, b"a", TWO, b"c", NEXT_LIFE)  # the answer was lost, and it died
    assert restarted.newest == b"c"


def test_who_shows_a_token_that_another_process_took_back_is_a_copy() -> None:
    tokens = greeted(Tokens(), b"", ONE, b"a")
    tokens = greeted(tokens, b"a", ONE, b"b")
    tokens = greeted(tokens, b"a", TWO, b"c")  # from a copy that was made before
    assert tokens.judge(b"b", LIFE) is Shown.VOID


def test_of_two_that_showed_the_same_token_only_the_one_that_went_on_is_let_in() -> None:
    """The first store's answers were lost: it and its copy hold the same token (INV-25)."""
    tokens = greeted(Tokens(), b"", ONE, b"a")
    tokens = greeted(tokens, b"a", ONE, b"b")  # the answer is lost
    tokens = greeted(tokens, b"a", TWO, b"c")  # the copy
    tokens = greeted(tokens, b"c", TWO, b"d")
    assert tokens.judge(b"a", LIFE) is Shown.VOID, "taken for a backup, it took the name back"
    assert greeted(tokens, b"d", TWO, b"e").judge(b"a", LIFE) is Shown.VOID


def test_a_token_that_one_process_showed_is_no_copys_afterwards() -> None:
    tokens = greeted(Tokens(), b"", ONE, b"a")
    tokens = greeted(tokens, b"a", ONE, b"b")
    tokens = greeted(tokens, b"a", ONE, b"c")  # heard twice
    tokens = greeted(tokens, b"b", ONE, b"d")
    assert tokens.judge(b"a", LIFE) is Shown.STALE  # a backup's, as before


def test_who_goes_on_under_the_old_incarnation_after_another_was_reborn_is_a_copy() -> None:
    tokens = greeted(Tokens(), b"", ONE, b"a")
    tokens = greeted(tokens, b"a", TWO, b"b", NEXT_LIFE)
    assert tokens.judge(b"a", LIFE) is Shown.VOID


def test_a_token_that_nobody_remembers_is_a_backups() -> None:
    tokens = greeted(Tokens(), b"", ONE, b"a")
    assert tokens.judge(b"z", LIFE) is Shown.STALE


def test_once_forgotten_whoever_comes_next_is_right_and_all_others_are_copies() -> None:
    tokens = greeted(Tokens(), b"", ONE, b"a")
    tokens = greeted(tokens, b"a", ONE, b"b")
    tokens = greeted(tokens, b"a", TWO, b"c")
    for right, others in ((b"b", b"ac"), (b"c", b"ab"), (b"", b"abc")):
        chosen = greeted(tokens.forgotten(), right, 3, b"d", NEXT_LIFE)
        assert chosen.newest == b"d"
        for other in others:
            if bytes([other]) in (tokens.newest, tokens.before, *tokens.void):
                assert chosen.judge(bytes([other]), LIFE) is Shown.VOID


def test_who_was_here_last_and_goes_on_after_a_forgetting_takes_nothing_back_of_its_own() -> None:
    tokens = greeted(greeted(Tokens(), b"", ONE, b"a"), b"a", ONE, b"b").forgotten()
    late = greeted(tokens, b"a", ONE, b"c")  # a greeting that was under way for long
    assert not late.open
    assert late.judge(b"b", LIFE) is Shown.EXPECTED


def test_tokens_read_back_as_they_were_written() -> None:
    tokens = greeted(greeted(Tokens(), b"", ONE, b"a"), b"a", TWO, b"b")
    assert Tokens.from_text(tokens.to_text()) == tokens
    assert Tokens.from_text(tokens.forgotten().to_text()) == tokens.forgotten()
    assert Tokens.from_text(None) == Tokens()
