"""Convert spreadsheet cells to stored values, by type. Pure.

Each reader takes the field and one cell as Excel or CSV gives it (str, int, float, bool, date,
datetime) and returns the stored value, or raises `Refused` with a code and both texts. The texts
do not contain the value; `validate` quotes it where that is allowed.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal

from node.domain.identity import check_identity, check_phone
from node.domain.refusal import Refused
from node.domain.register import Field
from sync.model.change import Value

INT_LIMIT = 2**63  # what both stores can hold
NUMBER_LENGTH_MAX = 40  # characters; a longer text is no number
EXACT = Context(prec=2 * NUMBER_LENGTH_MAX)  # enough for every digit: nothing is rounded
EXACT_MAX = 10**15  # from here a spreadsheet's number may have lost digits
SERIAL_FIRST, SERIAL_LAST = 3_000, 109_574
"""Excel day numbers read as dates: 1908 to 2199. Smaller ones are rather years like 2026."""
SERIAL_EPOCH = date(1899, 12, 30)  # Excel's day 0; Excel wrongly has a leap day in 1900
SUGGESTED_MAX = 8

YES = frozenset({"1", "true", "yes", "y", "是", "有", "对", "√", "✓", "✔"})
NO = frozenset({"0", "false", "no", "n", "否", "无", "没有", "不是", "×", "✗", "✘"})
EXCEL_ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}
)
NARROW = {0x3000: " ", 0xA0: " ", 0x200B: None, 0xFEFF: None} | {
    code: chr(code - 0xFEE0)
    for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))
}
"""Full-width digits and letters made narrow, odd spaces plain; Chinese punctuation stays."""

Reader = Callable[[Field, object], Value]

_UNKEEPABLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff"  # controls but line feed; halves of pairs
    "\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef"  # controls of the reading direction; non-characters
    + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
    + "]"
)
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?",
        r"(\d{4})()(\d{2})(\d{2})",
        r"(\d{4})(年)(\d{1,2})月(\d{1,2})[日号]?",
    )
)
_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?", re.ASCII)


def read_value(field: Field, raw: object) -> Value:
    """Return the stored value of a cell; None for an empty one.

    Raises: Refused, with a code of this module, `identity` or the field's type.
    """
    if isinstance(raw, str):
        raw = _clean(raw)
    if raw is None or raw == "":
        return None
    if isinstance(raw, float) and raw != raw:
        return None  # what a reader returns for no cell
    if isinstance(raw, str) and raw in EXCEL_ERRORS:
        raise Refused(
            "excel_error",
            "the cell holds an error of the spreadsheet",
            "单元格是表格公式错误",
            "Correct the formula, or paste the value.",
            "请修正公式，或以数值方式粘贴。",
        )
    value = READERS[field.type](field, raw)
    _check_bounds(field, value)
    return value


def _clean(text: str) -> str:
    if text.isprintable():  # nearly every cell: no control character, no odd space
        return text.strip() if text.isascii() else text.translate(NARROW).strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").translate(NARROW)
    odd = _UNKEEPABLE.search(text)
    if odd:
        raise Refused(
            "control_character",
            f"holds a character that cannot be kept (U+{ord(odd[0]):04X})",
            f"含有不可保存的字符（U+{ord(odd[0]):04X}）",
            "Type the text again instead of pasting it.",
            "请重新输入，不要直接粘贴。",
        )
    return text.strip()


def _plain(raw: object) -> str:
    """Return a cell's text for everything but free text: all characters narrow."""
    if isinstance(raw, bool):
        return str(int(raw))
    if isinstance(raw, float):
        return format(raw, ".15g")  # as Excel shows it: the last digits of a float are noise
    return unicodedata.normalize("NFKC", str(raw)).strip()


def _text(field: Field, raw: object) -> str:
    if field.form == "id_number":
        return check_identity(raw)
    if isinstance(raw, (date, time)) or (isinstance(raw, (int, float)) and abs(raw) >= EXACT_MAX):
        raise Refused(
            "text_mangled",
            "was turned into a date or a rounded number by the spreadsheet",
            "已被表格软件转成日期或近似数值",
            "Format the column as text, then type it again.",
            "请先将该列设为文本格式，再重新输入。",
        )
    text = raw if isinstance(raw, str) else _plain(raw)
    if field.form == "phone":
        return check_phone(text)
    if field.pattern and not re.fullmatch(field.pattern, text):
        raise Refused(
            "bad_format",
            f"must be like {field.pattern}",
            f"格式应为 {field.pattern}",
            "Compare with the template.",
            "请对照模板填写。",
        )
    return text


def _number(field: Field, raw: object) -> Decimal:
    text = _plain(raw)
    if field.unit:
        unit = unicodedata.normalize("NFKC", field.unit)
        text = text.removesuffix(unit).rstrip()
    if (
        isinstance(raw, (date, time))
        or len(text) > NUMBER_LENGTH_MAX
        or not _NUMBER.fullmatch(text)
    ):
        raise Refused(
            "not_a_number",
            "is not a number",
            "不是数字",
            "Write digits only, like 1200 or 1,200.50.",
            "请只填数字，如 1200 或 1,200.50。",
        )
    return Decimal(text.replace(",", ""))


def _int(field: Field, raw: object) -> int:
    number = _number(field, raw)
    if number != number.to_integral_value():
        raise Refused(
            "not_whole",
            "must be a whole number",
            "应为整数",
            "Leave out the decimals.",
            "请去掉小数部分。",
        )
    return _storable(int(number))


def _decimal(field: Field, raw: object) -> int:
    scaled = _number(field, raw).scaleb(field.scale, EXACT)
    if scaled != scaled.to_integral_value():
        raise Refused(
            "too_precise",
            f"has more than {field.scale} decimal places",
            f"小数超过 {field.scale} 位",
            f"Round it to {field.scale} places.",
            f"请保留 {field.scale} 位小数。",
        )
    return _storable(int(scaled))


def _storable(number: int) -> int:
    if not -INT_LIMIT <= number < INT_LIMIT:
        raise Refused(
            "out_of_range",
            "is too large to be kept",
            "数值过大",
            "Check the digits.",
            "请核对位数。",
        )
    return number


def _date(_field: Field, raw: object) -> str:
    if isinstance(raw, datetime):
        return raw.date().isoformat()
    if isinstance(raw, date):
        return raw.isoformat()
    if isinstance(raw, (int, float)) and SERIAL_FIRST <= raw < SERIAL_LAST + 1:
        return (SERIAL_EPOCH + timedelta(days=int(raw))).isoformat()
    text = _plain(raw)
    found = next((match for pattern in _DATES if (match := pattern.fullmatch(text))), None)
    if found:
        try:
            return date(int(found[1]), int(found[3]), int(found[4])).isoformat()
        except ValueError:
            pass  # 2026-02-30: refused below as no day
    raise Refused(
        "not_a_date",
        "is not a date",
        "不是有效日期",
        "Write it like 2026-11-23, with four digits of the year.",
        "请按 2026-11-23 的格式填写，年份用四位数。",
    )


def _bool(_field: Field, raw: object) -> int:
    text = _plain(raw).casefold()
    if text in YES or text in NO:
        return int(text in YES)
    raise Refused(
        "not_yes_or_no",
        "is neither yes nor no",
        "应填是或否",
        "Write 是 or 否.",
        "请填“是”或“否”。",
    )


def _choice(field: Field, raw: object) -> str:
    return _code(field, _plain(raw))


def _set(field: Field, raw: object) -> str:
    members = re.split(r"[,、;|\n]", _plain(raw))
    return ",".join(sorted({_code(field, text.strip()) for text in members if text.strip()}))


def _code(field: Field, text: str) -> str:
    wanted = text.casefold()
    code = field.code_of.get(wanted)
    if code is None:
        near_en, near_zh = _nearest(field, wanted)
        raise Refused("not_a_choice", "is none of the choices", "不在可选项之中", near_en, near_zh)
    return code


def _nearest(field: Field, wanted: str) -> tuple[str, str]:
    """Return which choices to use, in both languages: the nearest, or all."""
    near = difflib.get_close_matches(wanted, list(field.code_of), n=3, cutoff=0.5)
    codes = list(dict.fromkeys(field.code_of[name] for name in near))
    pairs = [field.choices[code] for code in codes or list(field.choices)[:SUGGESTED_MAX]]
    zh, en = "、".join(pair[0] for pair in pairs), ", ".join(pair[1] for pair in pairs)
    if codes:
        return f"Did you mean {en} ({zh})?", f"是否应为：{zh}？"
    return f"Choose from: {en} ({zh}).", f"可选：{zh}。"


def _check_bounds(field: Field, value: Value) -> None:
    low, high = field.minimum, field.maximum
    if isinstance(value, str) and isinstance(high, int):
        if len(value) > high:
            raise Refused(
                "too_long",
                f"is longer than {high} characters",
                f"超过 {high} 个字",
                "Shorten it.",
                "请缩短。",
            )
        return
    below = low is not None and value is not None and value < low  # type: ignore[operator]
    above = high is not None and value is not None and value > high  # type: ignore[operator]
    if below or above:
        least, most = _shown(field, low), _shown(field, high)
        raise Refused(
            "out_of_range",
            f"must be from {least or '-'} to {most or '-'}",
            f"应在 {least or '-'} 至 {most or '-'} 之间",
            "Check the value.",
            "请核对。",
        )


def _shown(field: Field, bound: int | str | None) -> str:
    if field.scale and isinstance(bound, int):
        return format(Decimal(bound).scaleb(-field.scale).normalize(), "f")
    return "" if bound is None else str(bound)


READERS: dict[str, Reader] = {
    "text": _text,
    "int": _int,
    "decimal": _decimal,
    "date": _date,
    "bool": _bool,
    "choice": _choice,
    "set": _set,
}
