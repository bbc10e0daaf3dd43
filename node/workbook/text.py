"""CSV text: detect its encoding; add the apostrophe that stops Excel from running a cell."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from node.workbook.errors import EncodingUnknown

# Excel runs a cell that starts with one of these (OWASP ASVS 1.2.10), in Chinese also the wide one.
_RUNS = "=＝+\\-@\t\r\0"

# Programs mark a text, or a code, so that Excel makes no number of it: by one apostrophe before
# it, by a grave accent, by a formula of it alone: '0007, `0007, ="0007". The mark is no part of it.
# What has an apostrophe further on is a quotation, unless the whole is a code: '0007'.
_FIRST = ("'", "`", "=")
_CODE = r"(?=[^\s]*[0-9\uff10-\uff19])[0-9A-Za-z\uff01-\uff5e#./_+\-]+"
_MARKED = re.compile(
    rf"""'(?P<text>[^']+)|`(?P<code>{_CODE})|'(?P<closed>{_CODE})'"""
    r"""|="(?P<formula>(?:[^"]|"")*)\"""",
    re.DOTALL,
)

# What is written with an apostrophe before it, so that taking one off gives the text back: in CSV
# also what would run. Text that has such apostrophes already gets another.
_MARK = rf"""'[^']+\Z|`{_CODE}\Z|'{_CODE}'\Z|="(?:[^"]|"")*"\Z"""
_GUARDED = {
    True: re.compile(rf"'*(?:[{_RUNS}]|{_MARK})"),
    False: re.compile(rf"'*(?:{_MARK})"),
}

# What a spreadsheet calculates when it opens a CSV: an equals sign (in Chinese input also a wide
# one) before a name, a number, a text or a bracket; a call of a function also behind +, - and @.
_FORMULA = re.compile(
    r"""[=＝]\s*[\w"'(+\-$@{\[#\uff08]|[+\-@]\s*[A-Za-z][A-Za-z0-9.]*\(.*\)\Z""", re.DOTALL
)

# Three-byte UTF-8 characters that decoded before the first bad byte: in GB18030 such a run is as
# good as impossible, so a file with this many is damaged UTF-8, not GB18030.
_UTF8_SURE = 4
_THREE_BYTE = re.compile(rb"[\xe3-\xe9][\x80-\xbf]{2}")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file and its encoding (Python's name)."""

    text: str
    encoding: str


def decode(data: bytes) -> Decoded:
    """Decode a CSV file: by its BOM if it has one, else strict UTF-8, else strict GB18030.

    Chinese Excel saves "CSV" as GB18030 and "Unicode text" as UTF-16 with a BOM. Other programs
    leave the BOM out: UTF-16 is known by its line ends, two bytes each.
    Raises: EncodingUnknown naming the byte at which each failed; save as "CSV UTF-8".
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            try:
                return Decoded(data[len(bom) :].decode(encoding), _WITH_BOM.get(encoding, encoding))
            except UnicodeDecodeError as bad:
                raise _unknown(f"{encoding}: byte {len(bom) + bad.start}") from bad
    for encoding, line_end in _WIDE:
        if 2 * data.count(line_end) > data.count(b"\n"):  # a single NUL in a text does not do it
            try:
                return Decoded(data.decode(encoding), encoding)
            except UnicodeDecodeError as bad:
                raise _unknown(f"{encoding}: byte {bad.start}") from bad
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as bad_utf8:
        at = bad_utf8.start
        if len(_THREE_BYTE.findall(data[:at])) >= _UTF8_SURE:
            raise _unknown(f"utf-8: byte {at}") from bad_utf8
        try:
            return Decoded(data.decode("gb18030"), "gb18030")
        except UnicodeDecodeError as bad_gb:
            where = f"utf-8: byte {at}; gb18030: byte {bad_gb.start}"
            raise _unknown(where) from bad_gb


def guard(text: str, *, runs: bool = True) -> str:
    """Return `text` so that it is shown, and not run, and comes back by `unguard`.

    `runs`: whether what is written can run a text that looks like a formula, as CSV can.
    """
    return "'" + text if _GUARDED[runs].match(text) else text


def unguard(text: str, *, runs: bool = True) -> str:
    """Return what `guard` was given: unguard(guard(t)) == t for every t.

    From a text that `guard` did not write, marks that mean text come off.
    """
    if text[:1] not in _FIRST:
        return text
    if text[0] == "'" and _GUARDED[runs].match(text, 1):
        return text[1:]
    found = _MARKED.fullmatch(text)
    if found is None:
        return text
    plain = found["text"] or found["code"] or found["closed"]
    return found["formula"].replace('""', '"') if plain is None else plain


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet that opens this as a CSV cell takes it for a formula."""
    return _FORMULA.match(text.strip()) is not None


_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = (("utf-16-le", b"\n\0"), ("utf-16-be", b"\0\n"))
_WITH_BOM = {"utf-8": "utf-8-sig"}


def _unknown(where: str) -> EncodingUnknown:
    return EncodingUnknown(
        f"The file's text cannot be read ({where}).",
        f"无法识别文件的文字编码（{where}）。",
        remedy_en='Open it in Excel and save it as "CSV UTF-8" or as .xlsx.',
        remedy_zh="请在 Excel 中打开，另存为“CSV UTF-8”或 .xlsx。",
    )
