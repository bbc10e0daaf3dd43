"""Values of sheets: convert spreadsheet cells to stored values, by type. Pure.

Each reader takes the field and one cell as Excel or CSV gives it (str, int, float, bool, date,
datetime, or a kind of `sheet_cell`) and returns the stored value, or raises `Refused` with a code
and both texts. The texts are about the form: none of them contains the value itself; `validate`
quotes it where that is allowed. Each reader names the kinds of cell that it accepts.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from node.domain import days
from node.domain.english import counted
from node.domain.identity import check_identity, check_phone
from node.domain.number_format import is_date, is_percent, shown_text, unit_shown
from node.domain.numbers import EXACT, not_a_number, number_of
from node.domain.plain_text import unkeepable
from node.domain.quotation import without_quotes
from node.domain.refusal import Refused
from node.domain.register import Field
from node.domain.sheet_cell import EPOCH_1900, ERROR, MERGED, Formatted, Unknown
from sync.model.change import Value

INT_LIMIT = 2**63  # what both stores can hold
EXACT_MAX = 10**15  # from here a spreadsheet's number may have lost digits
SERIAL_FIRST, SERIAL_LAST = 3_000, 109_574
"""Excel day numbers read as dates: 1908 to 2199. Smaller ones are rather years like 2026."""
DATED_FROM = date(1900, 3, 1)  # a dated cell before it has a 0 or a time, not a day
MIDNIGHT = time()
SECOND = 1 / 86_400  # of a day; less is what a float leaves of no time at all
SUGGESTED_MAX = 8
UNIT_SHOWN_MAX = 10

SIGNS = {"元": "¥"}
"""How a unit is written before a number, in narrow form: ￥1,200."""
YES = frozenset({"1", "true", "yes", "y", "是", "有", "对", "√", "✓", "✔"})
NO = frozenset({"0", "false", "no", "n", "否", "无", "没有", "不是", "×", "✗", "✘"})
_ERROR_TEXT = re.compile(
    r"#[^\s#]+[!?]|#[^\W\d_]{1,3}/[^\W\d_]{1,4}\.?|#NV|#YOK|#GETTING_DATA|Err:\d{3}"
)
"""How every spreadsheet writes an error, whichever it is, in any language: `#REF!`, `#NAME?`,
`#N/A`, `#N/D`, LibreOffice's Err:502. "Not available" in German and Turkish has no mark at all.
"""
_TOO_NARROW = re.compile(r"#+")
_POWER_OF_TEN = re.compile(r"[+-]?\d+(?:[.,]\d+)?E[+-]\d+", re.IGNORECASE | re.ASCII)
"""What a spreadsheet shows of a long number: `3.30102E+11`. A code like A1E2 or 1E2 is none."""
_DAY_SHOWN = re.compile(
    r"(?:\d{2,4}年)?\d{1,2}月(?:\d{1,2}日)?|\d{1,2}-(?:{m})(?:-\d{2,4})?|(?:{m})-\d{1,2}"
    r"|(?:19|20)\d\d/\d{1,2}/\d{1,2}(?: \d{1,2}:\d\d(?::\d\d)?)?".replace(
        "{m}", "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
    ),
    re.IGNORECASE | re.ASCII,
)
"""What a spreadsheet makes of a code like 3-1 and shows as a day: `3月1日`, `1-Mar`, `2026/3/1`."""
NARROW = {0x3000: " ", 0xA0: " ", 0x200B: None, 0xFEFF: None} | {
    code: chr(code - 0xFEE0)
    for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))
}
"""Full-width digits and letters made narrow, odd spaces plain; Chinese punctuation stays."""

Reader = Callable[[Field, object], Value]


def read_value(field: Field, raw: object) -> Value:
    """Return the stored value of a cell; None for an empty one.

    Raises: Refused, with a code of this module, `identity` or the field's type.
    """
    if isinstance(raw, str):
        raw = _clean(raw)
        if raw.startswith(("#", "Err:")):
            _check_shown(raw)
    if raw is None or raw == "":
        return None
    if isinstance(raw, Unknown):
        raise _unknown(raw)
    if isinstance(raw, float) and not math.isfinite(raw):
        raise not_a_number() if math.isnan(raw) else _too_large()
    value = READERS[field.type](field, raw)
    _check_bounds(field, value)
    return value


def _clean(text: str) -> str:
    if text.isprintable():  # nearly every cell: no control character, no odd space
        return text.strip() if text.isascii() else text.translate(NARROW).strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").translate(NARROW)
    if odd := unkeepable(text):
        raise Refused(
            "control_character",
            f"holds a character that cannot be kept ({odd})",
            f"含有不可保存的字符（{odd}）",
            "Type the text again instead of pasting it.",
            "请重新输入，不要直接粘贴。",
        )
    return text.strip()


def _check_shown(text: str) -> None:
    """Refuse a text that is no value but what a spreadsheet shows in place of one."""
    if _ERROR_TEXT.fullmatch(text):
        raise _unknown(Unknown(ERROR))
    if _TOO_NARROW.fullmatch(text):
        raise Refused(
            "text_mangled",
            "shows only # signs, as a column does that is too narrow",
            "只有 # 号，是表格软件列宽不足时的显示",
            "Widen the column, then save the file again.",
            "请加大列宽后重新保存。",
        )


def _unknown(cell: Unknown) -> Refused:
    if cell.code == ERROR:
        return Refused(
            ERROR,
            "holds an error of the spreadsheet",
            "为表格公式错误",
            "Correct the formula, or paste the value.",
            "请修正公式，或以数值方式粘贴。",
        )
    if cell.code == MERGED:
        return Refused(
            MERGED,
            f"lies in the merged cell {cell.shown}: its own value is not known",
            f"位于合并单元格 {cell.shown} 内，无法确定其值",
            "Unmerge the cells and fill in each of them.",
            "请取消合并单元格，并逐格填写。",
        )
    return Refused(
        cell.code,
        "holds a formula that has no result yet",
        "为公式，尚无计算结果",
        "Open the file in Excel and save it, or paste the value; then send it again.",
        "请在表格软件中打开并保存文件，或以数值方式粘贴，再重新上传。",
    )


def _plain(raw: object) -> str:
    """Return a cell's text for everything but free text: all characters narrow."""
    if isinstance(raw, bool):
        return str(int(raw))
    if isinstance(raw, Formatted):
        return _shown_number(raw)
    if isinstance(raw, float):
        return format(raw, ".15g")  # as Excel shows it: the last digits of a float are noise
    return unicodedata.normalize("NFKC", str(raw)).strip()


def _shown_number(cell: Formatted) -> str:
    """Return the text in which a cell shows its number, for fields that keep texts and codes."""
    text = shown_text(cell.format, cell.number)
    if text is None:
        raise Refused(
            "text_mangled",
            "is a number that its cell's format shows in another way",
            "为数值，单元格格式使其显示内容与实际内容不同",
            "Format the column as text, then type what should stand there.",
            "请先将该列设为文本格式，再输入应填的内容。",
        )
    return text


def _text(field: Field, raw: object) -> str:
    if field.form and isinstance(raw, str):
        raw = without_quotes(raw)
    if field.form == "id_number":
        return check_identity(raw)
    if isinstance(raw, str):
        text = raw
        shown = (_POWER_OF_TEN, _DAY_SHOWN) if field.is_code else (_POWER_OF_TEN,)
        mangled = any(form.fullmatch(text) for form in shown)
    elif isinstance(raw, bool):
        text, mangled = str(raw).upper(), False  # as a spreadsheet shows it
    elif isinstance(raw, int | float | Formatted):
        text = _plain(raw)
        mangled = abs(raw.number if isinstance(raw, Formatted) else raw) >= EXACT_MAX
    else:
        text, mangled = "", True
    if mangled:
        raise Refused(
            "text_mangled",
            "was turned into a date or a rounded number by the spreadsheet",
            "已被表格软件转成日期或近似数值",
            "Format the column as text, then type it again.",
            "请先将该列设为文本格式，再重新输入。",
        )
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
    factor = 1
    unit = unicodedata.normalize("NFKC", field.unit)
    sign = SIGNS.get(unit, unit)
    if isinstance(raw, Formatted):
        added = unit_shown(raw.format, raw.number)
        if added not in ("", unit, sign):
            raise _with_unit(added)
        factor = 100 if is_percent(raw.format, raw.number) else 1
        raw = raw.number
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        raise not_a_number()
    text = raw.strip() if isinstance(raw, str) else _plain(raw)  # ² is no 2
    if unit and unicodedata.normalize("NFKC", text[: len(sign)]) == sign:
        text = text[len(sign) :].strip()
    return EXACT.multiply(number_of(text, unit=field.unit), Decimal(factor))


def _with_unit(unit: str) -> Refused:
    """Return the refusal of a number that its format shows in another unit than the field's."""
    unit = unit[:UNIT_SHOWN_MAX]
    return Refused(
        "not_a_number",
        f'is shown with "{unit}" by its cell\'s format',
        f"的单元格格式显示为带“{unit}”的数值",
        "Write the whole number in digits, and take the unit out of the cell's format.",
        "请填写完整数字，并去掉单元格格式中的单位。",
    )


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
            f"has more than {counted(field.scale, 'decimal place')}",
            f"小数超过 {field.scale} 位",
            f"Round it to {counted(field.scale, 'place')}.",
            f"请保留 {field.scale} 位小数。",
        )
    return _storable(int(scaled))


def _storable(number: int) -> int:
    if not -INT_LIMIT <= number < INT_LIMIT:
        raise _too_large()
    return number


def _too_large() -> Refused:
    return Refused(
        "out_of_range",
        "is too large to be kept",
        "数值过大",
        "Check the digits.",
        "请核对位数。",
    )


def _date(_field: Field, raw: object) -> str:
    if without_time(raw) is not raw:
        raise days.with_time()
    if isinstance(raw, datetime):
        raw = raw.date()
        if raw < DATED_FROM:
            raise days.not_a_date()
    if isinstance(raw, date):
        return days.check_day(raw).isoformat()
    if _counts_days(raw):
        number, epoch = _serial(raw)
        return (epoch + timedelta(days=int(number))).isoformat()
    return days.day_of(_plain(raw)).isoformat()


def without_time(raw: object) -> object:
    """Return a cell without the time of day behind its day; the same object if it has none."""
    if isinstance(raw, str):
        plain = days.without_time(raw)
        return raw if plain == raw else plain
    if isinstance(raw, datetime):
        midnight = raw.time().replace(microsecond=0) == MIDNIGHT
        return raw if midnight or raw.date() < DATED_FROM else raw.date()
    number, _ = _serial(raw)
    if not _counts_days(raw) or number % 1 < SECOND:
        return raw
    return replace(raw, number=int(number)) if isinstance(raw, Formatted) else int(number)


def _counts_days(raw: object) -> bool:
    """Return whether a cell has the number of a day."""
    return SERIAL_FIRST <= _serial(raw)[0] < SERIAL_LAST + 1


def _serial(raw: object) -> tuple[float, date]:
    """Return the number of a cell that may count days, and the day that 0 means; else 0."""
    if isinstance(raw, Formatted):
        plain = is_date(raw.format) or not unit_shown(raw.format, raw.number)
        return (raw.number if plain else 0), raw.epoch
    return (raw if isinstance(raw, int | float) else 0), EPOCH_1900


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
    members = [text.strip() for text in re.split(r"[,、;|\n]", _plain(raw))]
    named = list(filter(None, members)) or [""]  # commas alone are no members, and not empty
    return ",".join(sorted({_code(field, text) for text in named}))


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
                f"is longer than {counted(high, 'character')}",
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
