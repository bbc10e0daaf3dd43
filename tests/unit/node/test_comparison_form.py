"""Spellings that are one key to a person are one key to the program, and no others are."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.comparison_form import comparison_form, key_form
from node.domain.register import Unique, plain_header

WIDE = {code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)} | {0x20: "\u3000"}

ALIKE = [
    ("3-1-101", "３－１－１０１"),
    ("3-1-101", "3－1－101"),
    ("3-1-101", " 3 -1- 101\u3000"),
    ("3-1-101", "3\u20101\u2011101".replace("1\u2011", "-1\u2011").replace("\u2010-", "\u2010")),
    ("3-1-101", "3–1—101"),
    ("3-1-101", "3——1——101"),
    ("3-1-101", "3−1﹣101"),
    ("3-1-101", "\ufeff3-1-\u200b101\u00ad"),
    ("3-1-103A", "3-1-103ａ"),
    ("3-1-é", "3-1-E\u0301"),
    ("１号楼(东)", "1号楼（东）"),
    ("#3/2", "＃３／２"),
    ("ﬁ", "FI"),
    ("カ", "ｶ"),
    ("Straße", "STRASSE"),
    ("0013", "‘0013"),
    ("0013", "“００１３”"),
    ("0013", " '0013"),
    ("0013", "´0013"),
    ("党员之家", "「党员之家」"),
]
DIFFERENT = [
    ("3-1-101", "31101"), ("3-1-101", "3-1-10l"), ("3~1", "3-1"), ("3.1", "3-1"), ("0007", "7"),
    ("一号楼", "1号楼"), ("东楼", "東楼"), ("A1E2", "A1E+2"), ("", "-"), ("3〜5", "3-5"),
    ("0013", "‘‘0013"), ("12", "1'2"), ("甲“乙”", "甲乙"), ("'", ""), ("‘’", ""),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_width_case_spaces_dashes_and_unicode_form_make_no_second_key(one: str, other: str) -> None:
    assert one != other
    assert comparison_form(one) == comparison_form(other)
    assert plain_header(one) == plain_header(other)  # headings are compared by the same form
    unique = Unique(name="r.f", fields=("f",))
    assert unique.text({"f": one}) == unique.text({"f": other})


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_texts_stay_apart(one: str, other: str) -> None:
    assert comparison_form(one) != comparison_form(other)


def test_numbers_and_empty_parts_of_a_key_stay_what_they_are() -> None:
    assert key_form((7, None, "Ａ 1")) == (7, None, "a1")
    assert key_form((7,)) != key_form(("7",))


@given(st.text())
def test_the_form_of_a_form_is_itself(text: str) -> None:
    assert comparison_form(comparison_form(text)) == comparison_form(text)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)), st.randoms())
def test_typed_text_in_any_width_case_and_spacing_has_one_form(text: str, chance) -> None:
    other = "".join(
        chance.choice((c, c.translate(WIDE), c.swapcase(), f"{c} ", f"\u3000{c}")) for c in text
    )
    assert comparison_form(other) == comparison_form(text)


@given(st.text())
def test_composed_and_decomposed_text_has_one_form(text: str) -> None:
    forms = {comparison_form(unicodedata.normalize(n, text)) for n in ("NFC", "NFD", "NFKC")}
    assert len(forms | {comparison_form(text)}) == 1
