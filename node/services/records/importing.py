"""Importing a clerk's sheets: one register's or a whole workbook, checked before any is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from node.domain.catalogue import Register
from node.domain.english import counted
from node.domain.register import plain_header
from node.services.records.import_plan import Blank, Firsts, ImportReport, Plan, Progress
from node.services.records.rules import maintained_register
from node.workbook.annotate import annotate
from node.workbook.book import Book, Sheet, open_book
from node.workbook.errors import SheetNotFound
from node.workbook.limits import Limits
from node.workbook.notes import Note, sheet_left_out, sheets_not_chosen, sheets_without_header
from node.workbook.reader import table_of
from node.workbook.sheets import explains_only, fit_of, sheets_with
from node.workbook.writer import sheet_name
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.errors import SilianError

if TYPE_CHECKING:
    from node.office import Office

Mode = Literal["all", "valid"]
FIRST = ("household",)  # sheets that others refer to


class ImportBrokenOff(SilianError):
    """The store failed while rows were written; what is in stays in, and the file may come again.

    Its code is that of what failed.
    """

    def __init__(self, cause: SilianError, done: int, rows: int) -> None:
        super().__init__(
            f"{cause.en}; {done} of {counted(rows, 'row')} are in",
            f"{cause.zh}；{rows} 行中已写入 {done} 行",
            remedy_en=f"{cause.remedy_en} Then import the same file again: "
            "rows that are in stay as they are.".strip(),
            remedy_zh=f"{cause.remedy_zh}之后可重新导入同一文件，已写入的行不受影响。",
        )
        self.code = cause.code  # type: ignore[misc]  # of the error that it reports
        self.kind = cause.kind  # type: ignore[misc]
        self.retry_after_ms = cause.retry_after_ms


@dataclass(frozen=True, slots=True)
class WorkbookReport:
    """Reports by sheet in the order of import; `skipped` are sheets that were not read.

    `notes`: what a person should know of sheets that were not read.
    """

    reports: tuple[ImportReport, ...]
    skipped: tuple[str, ...]
    notes: tuple[Note, ...] = ()


def import_register(
    office: Office,
    name: str,
    data: bytes,
    filename: str,
    *,
    dry_run: bool = False,
    mode: Mode = "all",
    blank: Blank = "keep",
    sheets: Sequence[str] = (),
    progress: Progress | None = None,
    limits: Limits | None = None,
    by: Attribution = UNKNOWN,
) -> WorkbookReport:
    """Import records of this office's unit from every sheet that has the register's header.

    `sheets`: only these; otherwise as `sheets_with` chooses. `mode`: "all" writes nothing unless
    every row of them is valid, "valid" writes the valid rows. `blank`: what an empty cell does to
    a value that is stored. Fields without a column stay. A row that is stored already is no edit,
    so the same file can be imported again, also after it was broken off. `progress(rows done,
    rows)` is called after each commit. `by`: who imports.
    Raises: UnknownRegister, SystemRegister, NotKeptHere, a WorkbookError: nothing was written;
    ImportBrokenOff.
    """
    register = maintained_register(office, name)
    bounds = limits or Limits()
    book = open_book(data, filename, bounds)
    if book.decoded is not None:
        if sheets:
            raise _no_sheets()
        tables = [table_of(book, register, None, bounds)]
    else:
        chosen = [sheet.name for sheet in sheets_with(book, register, sheets)]
        tables = [table_of(book, register, sheet, bounds) for sheet in dict.fromkeys(chosen)]
    firsts: Firsts = {}
    plans = [Plan(office, register, table, blank, firsts) for table in tables]
    _commit(plans, dry_run, mode, progress, by)
    read = {table.sheet for table in tables}
    left = [sheet for sheet in book.sheets if sheet.name not in read]
    return WorkbookReport(
        tuple(plan.report() for plan in plans),
        (*(sheet.name for sheet in left), *book.others),
        _not_chosen(left, book.others)
        if sheets
        else tuple(_left_out(left, book.others, [register], partly=True)),
    )


def import_workbook(
    office: Office,
    data: bytes,
    filename: str,
    *,
    dry_run: bool = False,
    mode: Mode = "all",
    blank: Blank = "keep",
    progress: Progress | None = None,
    limits: Limits | None = None,
    by: Attribution = UNKNOWN,
) -> WorkbookReport:
    """Import every visible sheet that is named after a register, households first.

    As `import_register`; with "all" nothing is written unless every row of every sheet is valid.
    Raises: also SheetNotFound when no sheet is a register's, as in a CSV file.
    """
    bounds = limits or Limits()
    book = open_book(data, filename, bounds)
    chosen, left = _sheets(office, book)
    firsts: dict[str, Firsts] = {}
    plans = [
        Plan(
            office,
            register,
            table_of(book, register, sheet.name, bounds),
            blank,
            firsts.setdefault(register.name, {}),
        )
        for sheet, register in chosen
    ]
    _commit(plans, dry_run, mode, progress, by)
    known = [r for r in office.catalogue.registers.values() if not r.system]
    return WorkbookReport(
        tuple(plan.report() for plan in plans),
        (*(sheet.name for sheet in left), *book.others),
        tuple(_left_out(left, book.others, known)),
    )


def annotated(
    data: bytes, report: ImportReport, lang: str = "zh", notes: Sequence[Note] = ()
) -> bytes:
    """Return the clerk's own file with faults and notes in it; `notes`: more than the report's.

    Raises: NotAnnotatable.
    """
    return annotate(data, report.layout, report.faults, lang, notes=(*report.notes, *notes))


def _commit(
    plans: Sequence[Plan], dry_run: bool, mode: Mode, progress: Progress | None, by: Attribution
) -> None:
    """Write the plans one after the other. Raises: ImportBrokenOff."""
    if dry_run or (mode == "all" and any(plan.faults for plan in plans)):
        return
    rows = sum(len(plan.table.rows) for plan in plans)
    before = 0
    try:
        for plan in plans:
            plan.commit(_shifted(progress, before, rows, alone=len(plans) == 1), by)
            before += len(plan.table.rows)
    except SilianError as cause:
        done = sum(plan.rows_in() for plan in plans)
        raise ImportBrokenOff(cause, done, sum(plan.rows_good for plan in plans)) from cause


def _shifted(progress: Progress | None, before: int, rows: int, *, alone: bool) -> Progress | None:
    if progress is None or alone:
        return progress
    return lambda done, _: progress(before + done, rows)


def _sheets(office: Office, book: Book) -> tuple[list[tuple[Sheet, Register]], list[Sheet]]:
    """Return the sheets to import with their registers, in order, and the other sheets."""
    by_label = {
        plain_header(label): register
        for register in office.catalogue.registers.values()
        if not register.system
        for label in (sheet_name(register, "zh"), sheet_name(register, "en"), register.name)
    }
    chosen: list[tuple[Sheet, Register]] = []
    left: list[Sheet] = []
    for sheet in book.sheets:
        register = by_label.get(plain_header(sheet.name))
        if register is None or not sheet.visible:
            left.append(sheet)
        else:
            chosen.append((sheet, maintained_register(office, register.name)))
    if not chosen:
        listed = [sheet.name for sheet in left]
        listed_en, listed_zh = ", ".join(listed) or "none", "、".join(listed) or "无"
        raise SheetNotFound(
            f"No visible sheet is named after a register; there are: {listed_en}.",
            f"没有以台账命名的可见工作表，现有：{listed_zh}。",
            remedy_en="Name each sheet after its register, or import one register by name.",
            remedy_zh="请以台账名称命名工作表，或指定要导入的台账。",
        )
    return sorted(chosen, key=lambda pair: pair[1].name not in FIRST), left


def _left_out(
    left: Sequence[Sheet],
    others: Sequence[str],
    registers: Sequence[Register],
    *,
    partly: bool = False,
) -> list[Note]:
    """Return the notes on sheets that were not read: on each that may have records.

    `partly`: also a sheet with part of a header may. Of many registers one always has a part.
    """
    notes: list[Note] = []
    plain = list(others)
    for sheet in left:
        if explains_only(sheet):
            continue
        fits = [(fit_of(sheet, register), register) for register in registers]
        fit, register = max(fits, key=lambda pair: (pair[0].whole, pair[0].fields))
        if not (fit.whole or (partly and fit.is_part)):
            plain.append(sheet.name)
            continue
        notes.append(
            sheet_left_out(
                sheet.name,
                hidden=not sheet.visible,
                whole=fit.whole,
                label_en=register.en,
                label_zh=register.zh,
            )
        )
    return [*notes, sheets_without_header(plain)] if plain else notes


def _not_chosen(left: Sequence[Sheet], others: Sequence[str]) -> tuple[Note, ...]:
    names = [*(sheet.name for sheet in left if not explains_only(sheet)), *others]
    return (sheets_not_chosen(names),) if names else ()


def _no_sheets() -> SheetNotFound:
    return SheetNotFound(
        "A CSV file has no sheets to choose from.",
        "CSV 文件没有工作表可供选择。",
        remedy_en="Leave --sheet out.",
        remedy_zh="请去掉 --sheet。",
    )
