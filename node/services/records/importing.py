"""Importing a clerk's sheets: one register's or a whole workbook, checked before any is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from node.domain.catalogue import Register
from node.domain.register import plain_header
from node.services.records.import_plan import Blank, ImportReport, Plan, Progress
from node.services.records.rules import maintained_register
from node.workbook.annotate import annotate
from node.workbook.book import Book, open_book
from node.workbook.errors import SheetNotFound
from node.workbook.limits import Limits
from node.workbook.reader import table_of
from node.workbook.writer import sheet_name

if TYPE_CHECKING:
    from node.office import Office

Mode = Literal["all", "valid"]
FIRST = ("household",)  # sheets that others refer to


@dataclass(frozen=True, slots=True)
class WorkbookReport:
    """Reports by sheet in the order of import; `skipped` are sheets that name no register."""

    reports: tuple[ImportReport, ...]
    skipped: tuple[str, ...]


def import_table(
    office: Office,
    name: str,
    data: bytes,
    filename: str,
    *,
    dry_run: bool = False,
    mode: Mode = "all",
    blank: Blank = "keep",
    sheet: str | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> ImportReport:
    """Import records of this office's unit from one sheet.

    `mode`: "all" takes nothing in unless every row is valid, "valid" takes in the valid rows.
    `blank`: what an empty cell does to a value that is stored. Fields without a column stay. A
    row that is stored already is no edit, so the same file can be imported again, also after it
    was broken off. `progress(rows done, rows)` is called after each commit.
    Raises: UnknownRegister, SystemRegister, NotKeptHere, a WorkbookError: nothing was taken in.
    """
    register = maintained_register(office, name)
    bounds = limits or Limits()
    table = table_of(open_book(data, filename, bounds), register, sheet, bounds)
    plan = Plan(office, register, table, blank)
    if not dry_run and (mode == "valid" or not plan.faults):
        plan.commit(progress)
    return plan.report()


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
) -> WorkbookReport:
    """Import every sheet that is named after a register, households first.

    As `import_table`; with "all" nothing is taken in unless every row of every sheet is valid.
    Raises: also SheetNotFound when no sheet is a register's, as in a CSV file.
    """
    bounds = limits or Limits()
    book = open_book(data, filename, bounds)
    chosen, skipped = _sheets(office, book)
    plans = [
        Plan(office, register, table_of(book, register, sheet, bounds), blank)
        for sheet, register in chosen
    ]
    if not dry_run and (mode == "valid" or not any(plan.faults for plan in plans)):
        rows = sum(len(plan.table.rows) for plan in plans)
        before = 0
        for plan in plans:
            plan.commit(_shifted(progress, before, rows))
            before += len(plan.table.rows)
    return WorkbookReport(tuple(plan.report() for plan in plans), tuple(skipped))


def annotated(data: bytes, report: ImportReport, lang: str = "zh") -> bytes:
    """Return the clerk's own file with the faults in it. Raises: NotAnnotatable."""
    return annotate(data, report.layout, report.faults, lang)


def _sheets(office: Office, book: Book) -> tuple[list[tuple[str, Register]], list[str]]:
    """Return (sheet, register) of the sheets to import, in order, and the names of the others."""
    by_label = {
        plain_header(label): register
        for register in office.catalogue.registers.values()
        if not register.system
        for label in (sheet_name(register, "zh"), sheet_name(register, "en"), register.name)
    }
    chosen: list[tuple[str, Register]] = []
    skipped: list[str] = []
    for sheet in book.sheets:
        register = by_label.get(plain_header(sheet.name))
        if register is None:
            skipped.append(sheet.name)
        else:
            chosen.append((sheet.name, maintained_register(office, register.name)))
    if not chosen:
        listed = "、".join(skipped)
        raise SheetNotFound(
            f"No sheet is named after a register; there are: {listed or 'none'}.",
            f"没有以台账命名的工作表，现有：{listed or '无'}。",
            remedy_en="Name each sheet after its register, or import one register by name.",
            remedy_zh="请以台账名称命名工作表，或指定要导入的台账。",
        )
    return sorted(chosen, key=lambda pair: pair[1].name not in FIRST), skipped


def _shifted(progress: Progress | None, before: int, rows: int) -> Progress | None:
    return None if progress is None else lambda done, _: progress(before + done, rows)
