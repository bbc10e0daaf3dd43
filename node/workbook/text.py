"""CSV text: detect its encoding; add the apostrophe that stops Excel from running a cell."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from node.workbook.errors import EncodingUnknown

SEPARATORS = (",", "\t", ";")

# Excel runs a cell that starts with one of these (OWASP ASVS 1.2.10). Text that already starts with
# apostrophes before one of them gets another, so that removing one always restores the text.
_RUNS = re.compile("'*[=+\\-@\t\r\0]")
_GUARDED = re.compile("'+[=+\\-@\t\r\0]")

# Three-byte UTF-8 characters that decoded before the first bad byte: in GB18030 such a run is as
# good as impossible, so a file with this many is damaged UTF-8, not GB18030.
_UTF8_SURE = 4
_THREE_BYTE = re.compile(rb"[\xe3-\xe9][\x80-\xbf]{2}")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file and its encoding (Python's name).

    `utf8_failed_at` is the first byte (counted from 0) that is not UTF-8, or None.
    """

    text: str
    encoding: str
    utf8_failed_at: int | None = None


def decode(data: bytes) -> Decoded:
    """Decode a CSV file: by its BOM if it has one, else strict UTF-8, else strict GB18030.

    Chinese Excel saves "CSV" as GB18030 and "Unicode text" as UTF-16 with a BOM.
    Raises: EncodingUnknown naming the byte at which each failed; save as "CSV UTF-8".
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            try:
                return Decoded(data[len(bom) :].decode(encoding), _WITH_BOM.get(encoding, encoding))
            except UnicodeDecodeError as bad:
                raise _unknown(f"{encoding}: byte {len(bom) + bad.start}") from bad
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as bad_utf8:
        at = bad_utf8.start
        if len(_THREE_BYTE.findall(data[:at])) >= _UTF8_SURE:
            raise _unknown(f"utf-8: byte {at}") from bad_utf8
        try:
            return Decoded(data.decode("gb18030"), "gb18030", at)
        except UnicodeDecodeError as bad_gb:
            where = f"utf-8: byte {at}; gb18030: byte {bad_gb.start}"
            raise _unknown(where) from bad_gb


def guard(text: str) -> str:
    """Return `text` so that a spreadsheet shows it and does not run it; `unguard` undoes it."""
    return "'" + text if _RUNS.match(text) else text


def unguard(text: str) -> str:
    """Return what `guard` was given: unguard(guard(t)) == t for every t."""
    return text[1:] if _GUARDED.match(text) else text


_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WITH_BOM = {"utf-8": "utf-8-sig"}


def _unknown(where: str) -> EncodingUnknown:
    return EncodingUnknown(
        f"The file's text cannot be read ({where}).",
        f"无法识别文件的文字编码（{where}）。",
        remedy_en='Open it in Excel and save it as "CSV UTF-8" or as .xlsx.',
        remedy_zh="请在 Excel 中打开，另存为“CSV UTF-8”或 .xlsx。",
    )
