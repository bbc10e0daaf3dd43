"""Notes of an import besides faults: what it left out, and what hidden cells it read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from node.domain.english import counted

ROWS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing that was left out, or read although it is hidden. `code` is stable.

    `sheet`, `column` (letter) and `rows` (the first few, as Excel shows them) say where, as far as
    it is there; `count` how many rows or values. `attention`: records of the register may be among
    what was left out, so that a script should look.
    """

    code: str
    en: str
    zh: str
    sheet: str = ""
    column: str = ""
    rows: tuple[int, ...] = ()
    count: int = 0
    attention: bool = False

    def text(self, lang: str = "zh") -> str:
        """Return the note in `lang` ("zh" or "en")."""
        return self.zh if lang == "zh" else self.en


def rows_above(rows: Sequence[int]) -> Note:
    return _of_rows(
        "rows_above_header", rows, "above the header was not read",
        "above the header were not read", "位于表头之上，未读取",
    )  # fmt: skip


def repeated_header(rows: Sequence[int]) -> Note:
    return _of_rows(
        "repeated_header", rows, "repeats the header and was not read",
        "repeat the header and were not read", "与表头相同，未读取",
    )  # fmt: skip


def rows_outside(rows: Sequence[int]) -> Note:
    return _of_rows(
        "row_outside", rows, "has values in unknown columns only and was not read",
        "have values in unknown columns only and were not read", "仅在未识别的列中有内容，未读取",
    )  # fmt: skip


def hidden_rows(rows: Sequence[int]) -> Note:
    n = len(rows)
    en = f"{counted(n, 'hidden row was', 'hidden rows were')} read ({_places_en(rows)})."
    return _note("hidden_rows", rows, en, f"读取了 {n} 个隐藏行（{_places_zh(rows)}）。")


def hidden_column(column: str, label_en: str, label_zh: str) -> Note:
    return Note(
        code="hidden_column",
        column=column,
        en=f"Column {column} ({label_en}) is hidden and was read.",
        zh=f"{column} 列（{label_zh}）为隐藏列，已读取。",
    )


def _of_column(code: str, column: str, rows: Sequence[int], *, en: str, zh: str) -> Note:
    """Return a note on a column. `rows`: those with a value that was not read, or not all of it."""
    shown = tuple(rows[:ROWS_SHOWN])
    return Note(code=code, column=column, rows=shown, count=len(rows), en=en, zh=zh)


def without_heading(column: str, rows: Sequence[int]) -> Note:
    n = len(rows)
    return _of_column(
        "column_without_heading", column, rows,
        en=f"Column {column} has {counted(n, 'value')} and no heading: ignored.",
        zh=f"{column} 列没有列名，其中 {n} 个值未读取。",
    )  # fmt: skip


def unknown_heading(
    column: str, heading: str, rows: Sequence[int], nearest: tuple[str, str] | None
) -> Note:
    """`nearest`: the field that it may have meant, in English and Chinese."""
    n = len(rows)
    maybe_en = f" {nearest[0]} may be meant." if nearest else ""
    maybe_zh = f"可能应为“{nearest[1]}”。" if nearest else ""
    return _of_column(
        "unknown_heading", column, rows,
        en=f'Column {column} ("{heading}") is not known: {counted(n, "value")} ignored.{maybe_en}',
        zh=f"{column} 列“{heading}”不是本台账的列，其中 {n} 个值未读取。{maybe_zh}",
    )  # fmt: skip


def running_number(column: str, heading: str, rows: Sequence[int]) -> Note:
    """Name a column that counts the rows of its sheet: 1, 2, 3."""
    n = len(rows)
    return _of_column(
        "running_number", column, rows,
        en=f'Column {column} ("{heading}") numbers the rows from 1 to {n}; the register has no '
        "such column, so it was left out.",
        zh=f"{column} 列“{heading}”为 1 至 {n} 的行序号，本台账没有此列，未读取。",
    )  # fmt: skip


def time_left_out(column: str, label_en: str, label_zh: str, rows: Sequence[int]) -> Note:
    """Name a column of days whose values had a time of day behind them."""
    n = len(rows)
    return _of_column(
        "time_left_out", column, rows,
        en=f"Column {column} ({label_en}): the day of {counted(n, 'value')} was read, the time of "
        f"day behind it was not ({_places_en(rows)}).",
        zh=f"{column} 列（{label_zh}）：{n} 个值只读取日期，"
        f"其后的时刻未读取（{_places_zh(rows)}）。",
    )  # fmt: skip


def no_rows() -> Note:
    return Note(
        code="no_rows",
        en="There is no row below the header: nothing was imported. Fill in the file and save it.",
        zh="表头以下没有数据行，未导入任何内容。请填写并保存文件后重试。",
    )


def merged_read(areas: Sequence[str]) -> Note:
    n = len(areas)
    listed = ", ".join(areas[:ROWS_SHOWN]) + (", ..." if n > ROWS_SHOWN else "")
    listed_zh = "、".join(areas[:ROWS_SHOWN]) + ("等" if n > ROWS_SHOWN else "")
    return Note(
        code="merged_cells",
        count=n,
        en=f"{counted(n, 'merged cell was', 'merged cells were')} read for every row: {listed}.",
        zh=f"{n} 个合并单元格按每行同值读取：{listed_zh}。",
    )


def sheet_left_out(sheet: str, *, hidden: bool, whole: bool, label_en: str, label_zh: str) -> Note:
    """Name a sheet that has the register's header, or with `whole` false part of it."""
    if hidden:
        en, zh = f'Hidden sheet "{sheet}"', f"隐藏的工作表“{sheet}”"
    else:
        en, zh = f'Sheet "{sheet}"', f"工作表“{sheet}”"
    part_en, part_zh = ("the", "") if whole else ("part of the", "部分")
    return Note(
        code="hidden_sheet" if hidden else "sheet_left_out",
        sheet=sheet,
        attention=not hidden,
        en=f"{en} has {part_en} header of {label_en} and was not read. Choose it with --sheet.",
        zh=f"{zh}含有“{label_zh}”的{part_zh}表头，未读取。如需读取，请用 --sheet 指定。",
    )


def sheets_without_header(names: Sequence[str]) -> Note:
    return Note(
        code="sheets_without_header",
        count=len(names),
        en=f"Sheets without such a header were not read: {', '.join(names)}.",
        zh=f"以下工作表没有对应表头，未读取：{'、'.join(names)}。",
    )


def sheets_not_chosen(names: Sequence[str]) -> Note:
    """Name the sheets that a person left out by choosing others: nothing to look at."""
    return Note(
        code="sheets_not_chosen",
        count=len(names),
        en=f"{counted(len(names), 'sheet was', 'sheets were')} not chosen and not read: "
        f"{', '.join(names)}.",
        zh=f"{len(names)} 张工作表未被选择，未读取：{'、'.join(names)}。",
    )


def _of_rows(code: str, rows: Sequence[int], one: str, many: str, zh: str) -> Note:
    places = _places_en(rows)
    en = f"{places[0].upper()}{places[1:]} {one if len(rows) == 1 else many}."
    return _note(code, rows, en, f"{_places_zh(rows)}{zh}。")


def _note(code: str, rows: Sequence[int], en: str, zh: str) -> Note:
    return Note(code=code, rows=tuple(rows[:ROWS_SHOWN]), count=len(rows), en=en, zh=zh)


def _places_en(rows: Sequence[int]) -> str:
    more = " and more" if len(rows) > ROWS_SHOWN else ""
    return f"row{'s' if len(rows) > 1 else ''} {_listed(rows, ', ')}{more}"


def _places_zh(rows: Sequence[int]) -> str:
    return f"第 {_listed(rows, '、')} 行{'等' if len(rows) > ROWS_SHOWN else ''}"


def _listed(rows: Iterable[int], between: str) -> str:
    return between.join(str(row) for row in list(rows)[:ROWS_SHOWN])
