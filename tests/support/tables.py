"""One table of one file, read or imported in one call."""

from __future__ import annotations

from typing import Any

from node.domain.register import Register
from node.office import Office
from node.services.records.import_plan import ImportReport
from node.services.records.importing import import_register
from node.workbook.book import open_book
from node.workbook.limits import Limits
from node.workbook.reader import Table, table_of


def read_table(
    data: bytes, filename: str, register: Register, sheet: str | None = None,
    limits: Limits | None = None,
) -> Table:  # fmt: skip
    """Read the register's table from a file's bytes; without `sheet`: the first that has it."""
    bounds = limits or Limits()
    return table_of(open_book(data, filename, bounds), register, sheet, bounds)


def import_table(office: Office, name: str, data: bytes, filename: str, **how: Any) -> ImportReport:
    """Import a file with one table, and return the report on it."""
    (report,) = import_register(office, name, data, filename, **how).reports
    return report
