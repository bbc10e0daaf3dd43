"""Numbers and amounts of money as people write them: one reader for sheets, commands and calls.

Whatever is not written plainly is refused, never guessed: "1,50" is neither 1.50 nor 150.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Context, Decimal

from node.domain.refusal import Refused

NUMBER_LENGTH_MAX = 40  # characters: more than any amount or count has
EXACT = Context(prec=2 * NUMBER_LENGTH_MAX)  # room for every digit: nothing is rounded on the way
AMOUNT_FEN_MAX = 10**15  # ten trillion yuan; sums of a whole tree stay within 63 bits
YUAN = "元"

_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?", re.ASCII)
_WIDE = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0xA0: " "}


def number_of(text: str, *, unit: str = "") -> Decimal:
    """Return a number: digits of either width, commas only between groups of three, one point.

    `unit`: may follow it. Raises: Refused.
    """
    narrow = _without(text.translate(_WIDE).strip(), unit)
    if not _NUMBER.fullmatch(narrow):
        raise not_a_number(grouped="," in narrow)
    if len(narrow) > NUMBER_LENGTH_MAX:
        raise _too_long(len(narrow))
    return Decimal(narrow.replace(",", ""))


def not_a_number(*, grouped: bool = False) -> Refused:
    if grouped:
        return Refused(
            "not_a_number",
            "may have commas only between groups of three digits",
            "逗号只能用于千位分隔",
            "Write 1200.50 or 1,200.50.",
            "请写作 1200.50 或 1,200.50。",
        )
    return Refused(
        "not_a_number",
        "is not a number",
        "不是数字",
        "Write digits only, like 1200 or 1,200.50.",
        "请只填数字，如 1200 或 1,200.50。",
    )


def _too_long(length: int) -> Refused:
    return Refused(
        "out_of_range",
        f"is a number of {length} characters, more than {NUMBER_LENGTH_MAX}",
        f"长达 {length} 个字符，超过 {NUMBER_LENGTH_MAX} 个",
        "Check the digits.",
        "请核对位数。",
    )


def whole_of(text: str, *, least: int, most: int) -> int:
    """Return a whole number within bounds. Raises: Refused."""
    number = number_of(text)
    if number != number.to_integral_value():
        raise Refused(
            "not_whole",
            "must be a whole number",
            "应为整数",
            "Leave out the decimals.",
            "请去掉小数部分。",
        )
    if not least <= number <= most:
        raise Refused(
            "out_of_range",
            f"is not between {least} and {most}",
            f"不在 {least} 至 {most} 之间",
            f"Write a whole number from {least} to {most}.",
            f"请填写 {least} 至 {most} 之间的整数。",
        )
    return int(number)


def fen_of(text: str, *, least: int = 0) -> int:
    """Return an amount written in yuan, as 1,234.50, in whole fen. Raises: Refused."""
    fen = number_of(text, unit=YUAN).scaleb(2, EXACT)
    if fen != fen.to_integral_value():
        raise Refused(
            "too_precise",
            "holds a part of a fen",
            "含有不足一分的零头",
            "Write at most two decimals, as 1234.50.",
            "最多保留两位小数，如 1234.50。",
        )
    return check_fen(int(fen), least=least)


def check_fen(fen: int, *, least: int = 1) -> int:
    """Return an amount in fen if there can be such a one. Raises: Refused."""
    if not least <= fen <= AMOUNT_FEN_MAX:
        raise Refused(
            "amount_out_of_range",
            f"is not an amount from {yuan(least)} to {yuan(AMOUNT_FEN_MAX)} yuan",
            f"不在 {yuan(least)} 至 {yuan(AMOUNT_FEN_MAX)} 元之间",
            "Check the amount, its sign and its digits.",
            "请核对金额、正负号和位数。",
        )
    return fen


def yuan(amount_fen: int) -> str:
    """Return an amount for people: 123456 fen is "1,234.56"."""
    sign = "-" if amount_fen < 0 else ""
    whole, rest = divmod(abs(amount_fen), 100)
    return f"{sign}{whole:,}.{rest:02d}"


def _without(text: str, unit: str) -> str:
    """Return a number's text without the unit behind it, which has several spellings: m², ㎡."""
    plain = unicodedata.normalize("NFKC", unit)
    for length in range(1, len(plain) + 1) if unit else ():
        if unicodedata.normalize("NFKC", text[-length:]) == plain:
            return text[:-length].rstrip()
    return text
