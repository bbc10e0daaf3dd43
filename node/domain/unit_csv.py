"""Read a CSV of units as dated records, or refuse the complete file with every fault.

Columns `code,name,level,parent_code`; other columns and blank lines are ignored. Levels are
city/district/street/community, 市/区/街道/社区 (also 街, 居) or 0-3. The root is the city: it
has no parent_code.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from node.domain import units
from node.domain.english import counted
from node.domain.unit_checks import UnitFault, UnitRow, tree_faults
from node.domain.units import Level, Unit
from sync.model.errors import ErrorKind, SilianError

__all__ = ["COLUMNS", "LEVEL_NAMES", "BadUnitFile", "UnitFault", "read_units"]

COLUMNS = ("code", "name", "level", "parent_code")
FAULTS_SHOWN_MAX = 10
"""Faults in the one-line text; `BadUnitFile.report` has them all."""

LEVEL_NAMES = {name: level for level in Level for name in (level.en, level.zh, str(int(level)))}
LEVEL_NAMES |= {"街": Level.STREET, "居": Level.COMMUNITY}  # as short lists have them
_CODE = re.compile(r"[0-9]{12}")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_UNFIT_IN_NAME = re.compile(
    r"[\x00-\x1f\x7f\ufffd/]"
)  # "/" separates a path, U+FFFD is a lost letter


class BadUnitFile(SilianError):
    """The file of units has faults; nothing was imported. Correct every line and read it again."""

    code = "bad_unit_file"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, source: str, faults: Iterable[UnitFault]) -> None:
        self.source = source
        self.faults = sorted(faults)
        shown = self.faults[:FAULTS_SHOWN_MAX]
        more = len(self.faults) - len(shown)
        super().__init__(
            f"{source}: {counted(len(self.faults), 'fault')}; nothing was imported. "
            + " ".join(f"Line {fault.line}: {fault.en}" for fault in shown)
            + (f" And {more} more." if more else ""),
            f"{source}：共 {len(self.faults)} 处错误，未导入任何内容。"
            + "".join(f"第 {fault.line} 行：{fault.zh}" for fault in shown)
            + (f"另有 {more} 处。" if more else ""),
            remedy_en="Correct the lines and import the file again.",
            remedy_zh="请改正后重新导入。",
        )

    def report(self, lang: str = "en") -> str:
        """Return every fault, one a line, as `source:line: code: text` in "en" or "zh"."""
        return "\n".join(
            f"{self.source}:{fault.line}: {fault.code}: {fault.zh if lang == 'zh' else fault.en}"
            for fault in self.faults
        )


def read_units(data: bytes, source: str, valid_from: date) -> tuple[Unit, ...]:
    """Return the units of a CSV file in file order, each open from `valid_from` on.

    Args: source names the file in the refusal.
    Raises: BadUnitFile with every fault by line, so that one round of corrections is enough.
    """
    faults: list[UnitFault] = []
    text = _decode(data, faults)
    rows, whole = _rows_of(text, faults) if text is not None else ([], False)
    if whole:  # an incomplete file lacks parents
        faults.extend(tree_faults(rows))
    ids = _mint(rows, valid_from, faults)
    if faults:
        raise BadUnitFile(source, faults)
    return tuple(_units_of(rows, ids, valid_from))


def _decode(data: bytes, faults: list[UnitFault]) -> str | None:
    """Return the text, with U+FFFD where a line is damaged; None if it is another encoding."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    lines = _LINE_END.split(data)
    damaged = [(number, byte) for number, raw in enumerate(lines, 1) if (byte := _bad_byte(raw))]
    if not damaged:
        return data.decode()
    foreign = [raw for raw in lines if not raw.isascii()]
    # No line beyond ASCII can be read: the file has another encoding, which is one fault.
    whole_file = len(damaged) == len(foreign) and len(damaged) > 1
    for number, byte in damaged[:1] if whole_file else damaged:
        faults.append(
            UnitFault(
                number,
                "not_utf8",
                f"byte {byte} is not UTF-8; save the file as 'CSV UTF-8' and read it again.",
                f"第 {byte} 个字节不是 UTF-8 编码；请另存为“CSV UTF-8（逗号分隔）”后重试。",
            )
        )
    return None if whole_file else data.decode(errors="replace")


def _bad_byte(raw: bytes) -> int:
    """Return the place of the first byte of a line that is not UTF-8, from 1; 0 if all are."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start + 1
    return 0


def _rows_of(text: str, faults: list[UnitFault]) -> tuple[list[UnitRow], bool]:
    """Return the rows, and whether the file could be read to its end."""
    records = _records(text, faults)
    header_line, header = next(records, (1, []))
    columns = [cell.strip().lower() for cell in header]
    for column in COLUMNS:
        if columns.count(column) != 1:
            found = ", ".join(columns)
            faults.append(
                UnitFault(
                    header_line,
                    "missing_column" if column not in columns else "repeated_column",
                    f"the header needs one column {column!r} (found: {found or 'nothing'}); "
                    f"the first line is {','.join(COLUMNS)}.",
                    f"表头须有且只有一列“{column}”（现有：{found or '无'}）；"
                    f"第一行应为 {','.join(COLUMNS)}。",
                )
            )
    if any(columns.count(column) != 1 for column in COLUMNS):
        return [], False
    places = [columns.index(column) for column in COLUMNS]
    rows = []
    for line, cells in records:
        if len(cells) != len(columns):
            faults.append(
                UnitFault(
                    line,
                    "wrong_cell_count",
                    f"has {counted(len(cells), 'cell')} where the header has {len(columns)}; a "
                    "comma too many or too few? Put a name that holds a comma in double quotes.",
                    f"有 {len(cells)} 个单元格，表头有 {len(columns)} 个；请检查逗号，"
                    "含逗号的名称须加英文双引号。",
                )
            )
            # Kept as far as possible, so that its children are not reported as orphans.
            cells = (cells + [""] * len(columns))[: len(columns)]
            first = cells[places[0]].strip()
            rows.append(UnitRow(line, first if _CODE.fullmatch(first) else None, None, None, None))
        else:
            rows.append(_row(line, [cells[place].strip() for place in places], faults))
    return rows, not any(fault.code == "bad_quotes" for fault in faults)


def _records(text: str, faults: list[UnitFault]) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank with the line it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            faults.append(
                UnitFault(
                    line,
                    "bad_quotes",
                    "a double quote is opened and not closed here, so what follows was not read; "
                    'remove it, or write it twice ("") inside a quoted name.',
                    "此处的英文双引号没有成对，之后的内容未能读取；请删去，"
                    '或在加引号的名称内写成两个（""）。',
                )
            )
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _row(line: int, cells: Sequence[str], faults: list[UnitFault]) -> UnitRow:
    code, name, level_name, parent_code = cells
    level = LEVEL_NAMES.get(level_name.lower())
    good_code = _code_or_fault(line, "code", code, faults)
    good_parent = _code_or_fault(line, "parent_code", parent_code, faults) if parent_code else ""
    good_name: str | None = name
    if not name:
        good_name = None
        faults.append(
            UnitFault(
                line,
                "empty_name",
                "has no name; write the office's name.",
                "名称为空；请填写单位名称。",
            )
        )
    elif _UNFIT_IN_NAME.search(name):
        good_name = None
        faults.append(
            UnitFault(
                line,
                "bad_name",
                f"the name {name!r} holds a slash, a line break or a damaged letter; retype it.",
                f"名称 {name!r} 含有斜杠、换行或乱码；请重新填写。",
            )
        )
    if level is None:
        faults.append(
            UnitFault(
                line,
                "unknown_level",
                f"{level_name!r} is no level; write city, district, street or community "
                "(or 市, 区, 街道, 社区, or 0 to 3).",
                f"“{level_name}”不是层级；请写 市、区、街道、社区"
                "（或 city、district、street、community，或 0 至 3）。",
            )
        )
    return UnitRow(line, good_code, good_name, level, good_parent)


def _code_or_fault(line: int, column: str, code: str, faults: list[UnitFault]) -> str | None:
    if _CODE.fullmatch(code):
        return code
    # 330100000000 becomes 3.301E+11 if a spreadsheet treats the column as numbers.
    is_number = "E+" in code.upper() or code.endswith(".0")
    faults.append(
        UnitFault(
            line,
            "bad_code",
            f"{column} {code!r} is not 12 digits; "
            + ("format the column as text in the spreadsheet." if is_number else "correct it."),
            f"{column} “{code}”不是 12 位数字；"
            + ("请在表格软件中把该列设为文本格式。" if is_number else "请改正。"),
        )
    )
    return None


def _mint(rows: Sequence[UnitRow], valid_from: date, faults: list[UnitFault]) -> dict[str, int]:
    """Return code -> unit id; refuse two codes with one id (odds near 2**-40 a city)."""
    ids: dict[str, int] = {}
    first: dict[int, UnitRow] = {}
    for row in rows:
        if row.code is None or row.code in ids:
            continue
        unit_id = ids[row.code] = units.unit_id_for(row.code, valid_from)
        other = first.setdefault(unit_id, row)
        if other is not row:
            faults.append(
                UnitFault(
                    row.line,
                    "id_collision",
                    f"{row.code} and line {other.line} would get one id; import on another date.",
                    f"{row.code} 与第 {other.line} 行会得到同一编号；请换一个生效日期导入。",
                )
            )
    return ids


def _units_of(rows: Sequence[UnitRow], ids: dict[str, int], valid_from: date) -> Iterator[Unit]:
    for row in rows:
        # A row with an unreadable cell has a fault, and a file with a fault does not get here.
        assert row.code is not None
        assert row.name is not None
        assert row.level is not None
        parent_id = ids[row.parent_code] if row.parent_code else None
        yield Unit(ids[row.code], row.code, row.name, row.level, parent_id, valid_from)
