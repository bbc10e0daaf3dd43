"""Number formats of Excel: what one makes of a number: the unit it adds, the text it shows. Pure.

A format has up to four sections, for positive, negative and zero numbers and for text. Only what
changes the meaning counts: units, per cent, thousands left out, added digits. Colours, padding,
separators and rounding do not. Source: ECMA-376 part 1, 18.8.31.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

GENERAL = "General"

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?'
    r"|[\\!](?P<escaped>.)"
    r"|_.|\*."  # room as wide as a character; a character repeated to fill the column
    r"|\[\$(?P<currency>[^\]-]*)[^\]]*\]"
    r"|\[(?P<bracket>[^\]]*)\]"
    r"|(?P<general>General|G/通用格式|@)"
    r"|(?P<exponent>E[+-])"
    r"|(?P<digits>[0#?.,]+)"
    r"|(?P<date>[ymdhsaegb]+)"
    r"|(?P<plain>.)",
    re.IGNORECASE | re.DOTALL,
)
_CLOCK = re.compile(r"h+|m+|s+", re.IGNORECASE)
_SIGNS = str.maketrans("", "", "+-() \u00a0\u2212")
"""What a section may have around its digits and still show the plain number."""
_MORE = "…"


@dataclass(frozen=True, slots=True)
class _Section:
    """One section: `pieces` are (text, whether it is digit placeholders) from the first digit on.

    `before` and `after` are the literal text around them, `unit` what they change of its meaning.
    """

    pieces: tuple[tuple[str, bool], ...]
    before: str
    after: str
    general: bool
    percent: bool
    date: bool
    conditional: bool
    hidden: bool  # nothing is shown
    odd: bool  # fractions, powers of ten, Chinese numerals: the number, but not its digits
    unit: str = ""

    @property
    def digits(self) -> str:
        return "".join(text for text, placeholders in self.pieces if placeholders)

    @property
    def interleaved(self) -> bool:
        return not all(placeholders for _, placeholders in self.pieces)

    @property
    def in_thousands(self) -> bool:
        """Whether thousands or millions are shown: a comma behind the last digit."""
        return self.digits.partition(".")[0].endswith(",") or self.digits.endswith(",")


def unit_shown(format_: str, number: float) -> str:
    """Return what a format adds to a number that changes its meaning: "万", "%"; "" for nothing.

    Thousands left out, text between the digits, and a number that is not shown are at least "…".
    """
    every = _sections(format_)
    if number and len(every) > 1 and _section(every, number).hidden:
        return _MORE  # `;;;` shows nothing at all; of a zero that is a habit
    chosen = every if any(s.conditional for s in every) else (_section(every, number),)
    return next((section.unit for section in chosen if section.unit), "")


def is_percent(format_: str, number: float) -> bool:
    """Return whether the format shows a hundred times the number."""
    return _section(_sections(format_), number).percent


def is_date(format_: str) -> bool:
    """Return whether a format shows a number as a day or a time."""
    return any(section.date for section in _sections(format_))


def shown_text(format_: str, number: float) -> str | None:
    """Return the text in which a format shows a number; None if that cannot be determined.

    Read are general formats, and zeros with text around or between them: 7 in `0000` is "0007".
    """
    every = _sections(format_)
    section = _section(every, number)
    if section.odd or section.percent or section.date or any(s.conditional for s in every):
        return None
    if section.general:
        shown = format(number, ".15g")
        return f"{section.before}{shown}{section.after}".strip()
    if number < 0 or not section.pieces or set(section.digits) - set("0#."):
        return None
    return _filled(section, Decimal(format(number, ".15g")))


def _filled(section: _Section, number: Decimal) -> str | None:
    places = section.digits.partition(".")[2]
    if round(number, len(places)) != number or "#" in places or (section.interleaved and places):
        return None  # it is shown rounded, or with as many places as it happens to have
    left = list(f"{number:.{len(places)}f}".replace(".", ""))
    shown: list[str] = []
    for text, placeholders in reversed(section.pieces):
        for mark in reversed(text) if placeholders else [text]:
            if not placeholders or mark == ".":
                shown.append(mark)
            elif left and (left != ["0"] or mark == "0"):
                shown.append(left.pop())
            elif mark == "0":
                shown.append("0")
    rest = "".join(left) if left != ["0"] else ""
    text = f"{section.before}{rest}{''.join(reversed(shown))}{section.after}".strip()
    return text or None  # a zero that is not shown is not an empty cell


def _unit(section: _Section) -> str:
    added = section.before + section.after + "%" * section.percent
    unit = unicodedata.normalize("NFKC", added).translate(_SIGNS)
    changed = section.date or section.in_thousands or section.interleaved
    return unit or _MORE * changed


def _section(sections: tuple[_Section, ...], number: float) -> _Section:
    if number < 0 and len(sections) > 1:
        return sections[1]
    return sections[2] if number == 0 and len(sections) > 2 else sections[0]


@lru_cache(maxsize=4096)
def _sections(format_: str) -> tuple[_Section, ...]:
    """Return the sections for numbers; the fourth, for text, is left out."""
    parts: list[list[re.Match[str]]] = [[]]
    for token in _TOKEN.finditer(format_):
        if token["plain"] == ";":
            parts.append([])
        else:
            parts[-1].append(token)
    return tuple(_read(tokens) for tokens in parts[:3])


def _read(tokens: list[re.Match[str]]) -> _Section:
    places = [i for i, token in enumerate(tokens) if token["digits"] or token["general"]]
    first, last = (places[0], places[-1]) if places else (len(tokens), -1)
    before = after = ""
    pieces: list[tuple[str, bool]] = []
    fraction = False
    for i, token in enumerate(tokens):
        plain = "" if token["plain"] == "%" else token["plain"]
        text = token["quoted"] or token["escaped"] or token["currency"] or plain or ""
        if token["digits"]:
            pieces.append((token["digits"], True))
        elif plain == "/" and first < i < last:
            fraction = True
        elif text and i < first:
            before += text
        elif text and i > last:
            after += text
        elif text:
            pieces.append((text, False))
    brackets = [token["bracket"].upper() for token in tokens if token["bracket"]]
    section = _Section(
        pieces=tuple(pieces),
        before=before,
        after=after,
        general=any(token["general"] for token in tokens),
        percent=any(token["plain"] == "%" for token in tokens),
        date=any(token["date"] for token in tokens) or any(map(_CLOCK.fullmatch, brackets)),
        conditional=any(bracket[:1] in ("<", ">", "=") for bracket in brackets),
        hidden=not tokens,
        odd=fraction
        or any(token["exponent"] for token in tokens)
        or any(bracket.startswith("DBNUM") for bracket in brackets),
    )
    return replace(section, unit=_unit(section))
