"""What a person reads of an error: what is wrong, then what to do, as two sentences."""

from __future__ import annotations

import pytest

from sync.model.errors import SilianError


@pytest.mark.parametrize(
    ("message", "lang", "text"),
    [
        ("no office here", "en", "no office here. Run init."),
        ("No office here.", "en", "No office here. Run init."),
        ("not valid:", "en", "not valid: Run init."),
        ("此目录不是单位目录", "zh", "此目录不是单位目录。请先建立。"),
        ("没有此单位。", "zh", "没有此单位。请先建立。"),
    ],
)
def test_a_message_and_its_remedy_are_two_sentences(message: str, lang: str, text: str) -> None:
    error = SilianError(message, message, remedy_en="Run init.", remedy_zh="请先建立。")
    assert error.text(lang) == text


def test_a_message_without_a_remedy_is_one_sentence() -> None:
    assert SilianError("gone", "无").text("en") == "gone"
