"""Sheets of a workbook that have a register: the visible ones with its header."""

from __future__ import annotations

from collections.abc import Sequence

from node.domain.register import Register, plain_header
from node.workbook.book import Book, Sheet
from node.workbook.errors import SheetNotFound
from node.workbook.headings import Fit, best_fit

NOT_READ = {
    "zh": "本页仅供说明，导入时不读取。",
    "en": "This sheet explains the others. An import does not read it.",
}
"""The first cell of a sheet that the program itself writes for people, or for its own lists."""


def explains_only(sheet: Sheet) -> bool:
    """Return whether a sheet states in its first cell that it is not read."""
    return bool(sheet.top) and sheet.top[0][1][:1] in [[text] for text in NOT_READ.values()]


def fit_of(sheet: Sheet, register: Register) -> Fit:
    """Return how well a sheet fits a register. Raises: WorkbookError when it is damaged."""
    return best_fit(sheet.top, register)


def sheets_with(book: Book, register: Register, asked: Sequence[str] = ()) -> list[Sheet]:
    """Return the sheets to read a register from: at least one, in the order of the workbook.

    Those that are `asked` for; else every visible one that has the register's whole header, or of
    these the ones named after the register, if any is; else the one that fits best, for the
    reader to report what it lacks. A hidden sheet is read only when it is named: nobody sees its
    content.
    Raises: SheetNotFound.
    """
    if asked:
        return [_named(book, name) for name in asked]
    visible = [sheet for sheet in book.sheets if sheet.visible]
    fits = {sheet.name: fit_of(sheet, register) for sheet in visible}
    whole = [sheet for sheet in visible if fits[sheet.name].whole]
    named = [sheet for sheet in visible if is_named_after(sheet, register)]
    if whole:
        return [sheet for sheet in whole if sheet in named] or whole
    if named:
        return named[:1]
    hidden = [each for each in book.sheets if not each.visible and fit_of(each, register).whole]
    best = max(visible, key=lambda sheet: fits[sheet.name].fields, default=None)
    if best is None or (hidden and not fits[best.name].is_part):
        raise _no_visible_sheet(register, hidden)
    return [best]


def is_named_after(sheet: Sheet, register: Register) -> bool:
    """Return whether a sheet's name is the register's, in either language."""
    names = (register.zh, register.en, register.name)
    return plain_header(sheet.name) in {plain_header(name) for name in names}


def _named(book: Book, name: str) -> Sheet:
    for sheet in book.sheets:
        if plain_header(sheet.name) == plain_header(name):
            return sheet
    listed = [sheet.name for sheet in book.sheets]
    raise SheetNotFound(
        f'There is no sheet "{name}"; there are: {", ".join(listed) or "none"}.',
        f"没有名为“{name}”的工作表，现有：{'、'.join(listed) or '无'}。",
        remedy_en="Choose one of them.",
        remedy_zh="请选择其中之一。",
    )


def _no_visible_sheet(register: Register, hidden: Sequence[Sheet]) -> SheetNotFound:
    if not hidden:
        return SheetNotFound(
            "The file has no visible sheet.",
            "文件中没有可见的工作表。",
            remedy_en=f"Unhide the sheet, or name the sheet to read: {register.zh}.",
            remedy_zh="请取消隐藏工作表后重试。",
        )
    listed = [sheet.name for sheet in hidden]
    return SheetNotFound(
        f"Only a hidden sheet has the header of {register.en}: {', '.join(listed)}.",
        f"只有隐藏的工作表含有“{register.zh}”的表头：{'、'.join(listed)}。",
        remedy_en="Unhide it, or choose it with --sheet.",
        remedy_zh="请取消隐藏，或用 --sheet 指定。",
    )
