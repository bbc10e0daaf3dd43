"""The .xlsx file as a zip of XML: unpack it within limits, check it, and pack it again.

Two programs that read one zip can see two different files (a second directory, a size that lies).
So every part is inflated here, checked, and stored in a new zip: the spreadsheet libraries see
exactly what was checked. Python before 3.11.8 lets entries overlap (CVE-2024-0450): checked here.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from string import ascii_uppercase, digits
from xml.parsers import expat

from node.workbook.errors import (
    WorkbookEncrypted,
    WorkbookTooLarge,
    WorkbookUnreadable,
    WorkbookUnsafe,
    WorkbookUnsupported,
)
from node.workbook.limits import Limits

_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, then lengths of name and extra field
_FLAG_ENCRYPTED = 0x1
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_WIDE_DOCTYPE = re.compile(rb"<\0!\0(?:D\0O\0C|E\0N\0T)\0", re.IGNORECASE)  # either byte order


def clean_package(data: bytes, limits: Limits) -> bytes:
    """Return the .xlsx as a new, uncompressed zip with only checked parts.

    Macros, pictures and embedded files stay in it as dead bytes: nothing here runs or opens them.
    Raises: as `checked_parts`.
    """
    return pack(checked_parts(data, limits))


def checked_parts(data: bytes, limits: Limits) -> dict[str, bytes]:
    """Return the checked parts of the .xlsx by name.

    Failed formulas (#N/A) become text, because the reading library takes some for empty cells and
    stumbles over others.
    Raises: WorkbookUnreadable, WorkbookTooLarge, WorkbookUnsafe, WorkbookEncrypted; and
    WorkbookUnsupported for a zip that is not .xlsx (.xlsb, .ods, .docx).
    """
    parts = _unpack(data, limits)
    if "xl/workbook.xml" not in parts:
        raise WorkbookUnsupported(
            "The file is a zip archive, but not an .xlsx workbook.",
            "该文件不是 .xlsx 工作簿。",
            remedy_en="Open it in Excel and save it as .xlsx.",
            remedy_zh="请在 Excel 中打开并另存为 .xlsx。",
        )
    cells = 0
    for name, content in parts.items():
        _refuse_dtd(name, content)
        if b"sheetData" in content:
            rows, columns = sheet_extent(content)
            cells += check_extent(name, rows, columns, limits)
            if _ERROR_KIND.search(content):
                parts[name] = _ERROR_CELL.sub(rb'\1t="str"', content)
    check_cells(cells, limits)
    return parts


def sheet_extent(xml: bytes) -> tuple[int, int]:
    """Return (rows, columns) of the rectangle from A1 to the last cell that is not empty.

    The reading library allocates that complete rectangle, so it is measured first.
    Cells that Excel writes are counted by pattern; any other spelling takes a real XML parser.
    """
    cells = _CELL.findall(xml)
    if len(cells) != len(_CELL_OPEN.findall(xml)) + len(_PREFIXED_OPEN.findall(xml)):
        return _parsed_extent(xml)
    filled = b" ".join([ref for ref, empty in cells if not empty])
    rows = set(filled.translate(None, _LETTERS).split())
    columns = set(filled.translate(None, _DIGITS).split())
    return max(map(int, rows), default=0), max(map(column_number, columns), default=0)


def check_extent(where: str, rows: int, columns: int, limits: Limits) -> int:
    """Return rows x columns. Raises: WorkbookTooLarge when a sheet passes a bound."""
    if rows > limits.rows_max:
        raise too_large(
            f"{where}: {rows} rows, at most {limits.rows_max}",
            f"{where} 有 {rows} 行，最多 {limits.rows_max} 行",
        )
    if columns > limits.columns_max:
        raise too_large(
            f"{where}: {columns} columns, at most {limits.columns_max}",
            f"{where} 有 {columns} 列，最多 {limits.columns_max} 列",
        )
    return rows * columns


def check_cells(cells: int, limits: Limits) -> None:
    """Raises: WorkbookTooLarge when all sheets together pass the bound on cells."""
    if cells > limits.cells_max:
        raise too_large(
            f"{cells} cells over all sheets, at most {limits.cells_max}",
            f"各工作表共 {cells} 个单元格，最多 {limits.cells_max} 个",
        )


def too_large(en: str, zh: str) -> WorkbookTooLarge:
    """Return the error for a file over a limit, with its remedy."""
    return WorkbookTooLarge(
        f"The file is too large: {en}.",
        f"文件过大：{zh}。",
        remedy_en="Delete empty rows, columns and pictures, or split it into several files.",
        remedy_zh="请删除空行、空列和图片，或拆分为多个文件。",
    )


def unreadable(why_en: str, why_zh: str) -> WorkbookUnreadable:
    """Return the error for damaged bytes."""
    return WorkbookUnreadable(
        f"The file cannot be read: {why_en}.",
        f"无法读取文件：{why_zh}。",
        remedy_en="Open it in Excel, save it again as .xlsx and send that.",
        remedy_zh="请在 Excel 中打开，重新另存为 .xlsx 后再上传。",
    )


def encrypted() -> WorkbookEncrypted:
    """Return the error for a file that needs a password to open."""
    return WorkbookEncrypted(
        "The file is protected with a password.",
        "文件已加密。",
        remedy_en="Take the password off in Excel and save it again.",
        remedy_zh="请在 Excel 中取消密码后重新保存。",
    )


def _unsafe(why_en: str, why_zh: str) -> WorkbookUnsafe:
    return WorkbookUnsafe(
        f"The file is refused: {why_en}.",
        f"文件被拒绝：{why_zh}。",
        remedy_en="No office program writes such a file. Ask where it comes from, and save it "
        "again in Excel.",
        remedy_zh="正常办公软件不会生成此类文件，请核实来源，并在 Excel 中重新保存。",
    )


def _unpack(data: bytes, limits: Limits) -> dict[str, bytes]:
    # Before the directory is parsed: an object per entry is what a million empty entries cost.
    # The signature may also occur by chance or in an embedded workbook, hence the slack.
    if data.count(b"PK\x01\x02") > 4 * limits.entries_max:
        raise too_large("too many parts in the archive", "压缩包内文件过多")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries, directory_at = archive.infolist(), archive.start_dir
    except Exception as bad:  # zipfile raises half a dozen kinds on arbitrary bytes
        raise unreadable("it is not a whole zip archive", "压缩结构已损坏") from bad
    if len(entries) > limits.entries_max:
        raise too_large(
            f"{len(entries)} parts in the archive, at most {limits.entries_max}",
            f"压缩包内有 {len(entries)} 个文件，最多 {limits.entries_max} 个",
        )
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.unpacked_bytes_max:
        raise too_large(
            f"{unpacked} bytes unpacked, at most {limits.unpacked_bytes_max}",
            f"解压后 {unpacked} 字节，最多 {limits.unpacked_bytes_max} 字节",
        )
    if len({entry.filename for entry in entries}) != len(entries):
        raise _unsafe("two parts of the archive have one name", "压缩包内有重名文件")
    spans = _spans(data, entries, directory_at)
    return {
        entry.filename: _inflate(data[start:end], entry)
        for entry, (start, end) in zip(entries, spans, strict=True)
        if not entry.is_dir()
    }


def _spans(data: bytes, entries: list[zipfile.ZipInfo], directory_at: int) -> list[tuple[int, int]]:
    """Return the range of each entry's compressed bytes; refuse entries that share bytes."""
    spans: list[tuple[int, int]] = []
    for entry in entries:
        at = entry.header_offset
        header = data[at : at + _LOCAL_HEADER.size]
        if at < 0 or len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
            raise unreadable("a part of the archive is missing", "压缩包缺少内容")
        _, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        start = at + _LOCAL_HEADER.size + name_length + extra_length
        spans.append((start, start + entry.compress_size))
    order = sorted(range(len(entries)), key=lambda i: entries[i].header_offset)
    followers = [entries[i].header_offset for i in order[1:]] + [directory_at]
    for i, follower in zip(order, followers, strict=True):
        if spans[i][1] > follower:
            raise _unsafe("parts of the archive overlap", "压缩包内文件相互重叠")
    return spans


def _inflate(packed: bytes, entry: zipfile.ZipInfo) -> bytes:
    """Return the part's bytes, never more than its header says and the limit allows."""
    if entry.flag_bits & _FLAG_ENCRYPTED:
        raise encrypted()
    if entry.compress_type == zipfile.ZIP_STORED:
        content, whole = packed, True
    elif entry.compress_type == zipfile.ZIP_DEFLATED:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            content = inflater.decompress(packed, entry.file_size + 1)
        except zlib.error as bad:
            raise unreadable("a part of the archive is damaged", "压缩内容已损坏") from bad
        whole = inflater.eof
    else:
        raise unreadable("a part is compressed in an unknown way", "压缩方式不受支持")
    if not whole or len(content) != entry.file_size:
        raise _unsafe("a part is not as large as it says", "压缩包内文件大小与声明不符")
    if zlib.crc32(content) != entry.CRC:
        raise unreadable("a part of the archive is damaged", "压缩内容校验失败")
    return content


def _refuse_dtd(name: str, content: bytes) -> None:
    """Refuse DTDs and entities, and encodings in which the search would not find them."""
    if b"\0" in content[:4] and name.lower().endswith((".xml", ".rels", ".vml")):
        raise _unsafe("a part is not written in UTF-8", "内部文件未使用 UTF-8 编码")
    looks_like_xml = content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    if (looks_like_xml and _DOCTYPE.search(content)) or _WIDE_DOCTYPE.search(content):
        raise _unsafe("a part declares a document type or an entity", "内部文件含有 DTD 或实体声明")


def pack(parts: Mapping[str, bytes]) -> bytes:
    """Return an uncompressed zip of the parts."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


# The attributes' values may not hold ">", so that a pattern's end is the tag's end.
_CELL = re.compile(rb'<c r="([A-Z]{1,3}[0-9]{1,7})"(?: [A-Za-z:]+="[^"<>]*")*( ?/)?>')
_CELL_OPEN = re.compile(rb"<c[\s/>]")
_PREFIXED_OPEN = re.compile(rb":c[\s/>]")  # in a text too: then the parser is asked for nothing
_LETTERS, _DIGITS = ascii_uppercase.encode(), digits.encode()
_ERROR_KIND = re.compile(rb"""\bt\s*=\s*(?:"e"|'e')""")
_ERROR_CELL = re.compile(
    rb"""(<(?:[A-Za-z_][\w.-]*:)?c\s(?:[^<>"']|"[^"<]*"|'[^'<]*')*?)\bt\s*=\s*(?:"e"|'e')"""
)
_REFERENCE = re.compile(r"([A-Za-z]*)([0-9]{1,15})")


def _parsed_extent(xml: bytes) -> tuple[int, int]:
    """Measure with expat, placing cells as the reading library does: by reference or in order."""
    rows = columns = row = column = 0

    def opened(tag: str, attributes: dict[str, str]) -> None:
        nonlocal rows, columns, row, column
        name = tag.rpartition(":")[2]
        found = _REFERENCE.fullmatch(attributes.get("r", ""))
        if name == "row":
            row, column = int(found[2]) if found else row + 1, 0
        elif name == "c":
            column = column_number(found[1].upper().encode()) if found else column + 1
            rows, columns = max(rows, int(found[2]) if found else row), max(columns, column)

    parser = expat.ParserCreate()
    parser.StartElementHandler = opened
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError, LookupError) as bad:
        raise unreadable("a sheet is not well-formed", "工作表内容格式有误") from bad
    return rows, columns


def column_number(letters: bytes) -> int:
    """Return the column of Excel's letters, counted from 1."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number
