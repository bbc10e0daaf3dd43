"""Quotation marks of any script around a text that is a number or a code."""

from __future__ import annotations

import unicodedata

_CATEGORIES = ("Pi", "Pf", "Sk")  # quotation marks, and accents that stand alone
_OTHERS = frozenset("'\"＇＂‚„′″‵‶〝〞「」『』ʹʻʼˈ")  # those that Unicode counts as other marks


def is_quote(mark: str) -> bool:
    return mark in _OTHERS or unicodedata.category(mark) in _CATEGORIES


def _begins_with_quote(text: str) -> bool:
    return is_quote(text[0]) or unicodedata.combining(text[0]) > 0


ASCII_QUOTES = tuple(mark for mark in map(chr, range(128)) if is_quote(mark))


def without_quotes(text: str) -> str:
    """Return a text without the quotation marks around it, or the apostrophe before it, of any
    script: ‘0013, “0013”. Chinese input makes such a one where Excel's own was meant.

    A text with marks further inside stays as it is. Of an accent that Unicode has split in a space
    and a mark, the mark counts.
    """
    if not text or not _begins_with_quote(text):
        return text
    plain = text[1:]
    if plain and is_quote(plain[-1]):
        plain = plain[:-1]
    return text if not plain or any(map(is_quote, plain)) else plain.strip()
