"""Identity numbers (GB 11643-1999) and telephone numbers, and what spreadsheets do to them."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from node.domain.english import counted
from node.domain.refusal import Refused

LENGTH = 18
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS = "10X98765432"
"""Check digit by the weighted sum of the first 17 digits modulo 11. Source: GB 11643-1999, 6."""


def check_identity(raw: object) -> str:
    """Return an 18-digit identity number as text, X in capitals.

    A number that Excel stored as a number has lost its last digits, so it is refused even if it
    could be printed with 18 digits.
    Raises: Refused with id_mangled, id_length, id_characters, id_birth or id_checksum.
    """
    text = unicodedata.normalize("NFKC", str(raw)).strip()
    text = re.sub(r"[\s-]", "", text).upper()
    if not isinstance(raw, str) or re.fullmatch(r"\d(\.\d+)?E\+?\d+", text):
        raise _mangled()
    if re.fullmatch(r"\d{18}\.0+", text):
        raise _mangled()
    if not re.fullmatch(r"[0-9]*[0-9X]", text):
        raise _refused("id_characters", "holds other characters than digits", "含有数字以外的字符")
    if len(text) != LENGTH:
        raise _refused(
            "id_length", f"has {counted(len(text), 'digit')}, not 18", f"有{len(text)}位，应为18位"
        )
    if not re.fullmatch(r"[0-9]{17}[0-9X]", text):
        raise _refused("id_characters", "holds an X before its end", "X 只能在最后一位")
    if text[-1] != check_digit(text[:17]):
        if text.endswith("000"):
            raise _mangled()  # fifteen digits survive in Excel, the rest become zeros
        raise _refused("id_checksum", "has a wrong check digit", "校验码错误")
    if birth_of(text) is None:
        raise _refused("id_birth", "holds no date in digits 7 to 14", "第7至14位不是有效日期")
    return text


def check_digit(first17: str) -> str:
    """Return the 18th character for 17 digits."""
    total = sum(int(digit) * weight for digit, weight in zip(first17, WEIGHTS, strict=True))
    return CHECK_DIGITS[total % 11]


def birth_of(identity: str) -> str | None:
    """Return the birth date in an identity number as 'YYYY-MM-DD'; None if it is no date."""
    try:
        return date(int(identity[6:10]), int(identity[10:12]), int(identity[12:14])).isoformat()
    except ValueError:
        return None


def check_phone(text: str) -> str:
    """Return a telephone number: 5 to 20 digits, with + - ( ) and spaces as people write them.

    Raises: Refused with bad_phone.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    digits = re.sub(r"\D", "", plain)
    if not re.fullmatch(r"[0-9+()\- ]{5,20}", plain) or len(digits) < 5:
        raise Refused(
            "bad_phone",
            "is no telephone number",
            "不是电话号码",
            "Write 5 to 20 digits; format the column as text.",
            "请填5至20位数字，并将该列设为文本格式。",
        )
    return plain


def _refused(code: str, en: str, zh: str) -> Refused:
    return Refused(code, en, zh, "Compare with the identity card.", "请对照身份证核对。")


def _mangled() -> Refused:
    return Refused(
        "id_mangled",
        "was turned into a number by the spreadsheet and has lost digits",
        "已被表格软件转成数值，末尾数字丢失",
        "Format the column as text, then type the number again.",
        "请先将该列设为文本格式，再重新输入号码。",
    )
