"""How the .xls files here were written, once, with xlwt 1.3: `python make.py FOLDER`."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Any

import xlwt


def shown(format_: str) -> Any:
    return xlwt.easyxf(num_format_str=format_)


def marks(book: Any) -> None:
    sheet = book.add_sheet("社区用房")
    for column, heading in enumerate(["用房名称", "用途", "建筑面积", "地址", "备注"]):
        sheet.write(0, column, heading)
    for row, name in enumerate("甲乙丙丁戊己庚辛壬", start=1):
        sheet.write(row, 0, name)
        sheet.write(row, 1, "办公")
    sheet.write(1, 2, 1.2, shown('0.00"万"'))
    sheet.write(1, 3, 7, shown("0000"))
    sheet.write(2, 2, 0.5, shown("0%"))
    sheet.write(2, 3, xlwt.Formula('"二"&"号"'))
    sheet.write(3, 2, xlwt.Formula("1/0"))
    for row in (4, 5, 6, 7):
        sheet.write(row, 2, row)
    sheet.write_merge(4, 5, 3, 3, "一号楼")
    sheet.write_merge(6, 6, 3, 4, "横")
    sheet.write(7, 3, datetime.date(2024, 5, 1), shown("yyyy-mm-dd"))
    sheet.row(7).hidden = True
    sheet.write(7, 4, 45000)
    sheet.row(8).set_cell_error(2, 0x2A)
    sheet.write(9, 2, True)
    sheet.col(4).hidden = True
    for visibility in (1, 2):
        hidden = book.add_sheet(f"藏{visibility}")
        hidden.visibility = visibility
        hidden.write(0, 0, 1)


def days(book: Any) -> None:
    sheet = book.add_sheet("服务网点")
    for column, heading in enumerate(["网点名称", "网点类型", "开办日期"]):
        sheet.write(0, column, heading)
    for row, style in ((1, shown("General")), (2, shown("yyyy-mm-dd"))):
        sheet.write(row, 0, f"店{row}")
        sheet.write(row, 1, "网点")
        sheet.write(row, 2, 43951, style)


for make in (marks, days):
    for end in ("", "-1904"):
        made = xlwt.Workbook()
        made.dates_1904 = bool(end)
        make(made)
        made.save(str(Path(sys.argv[1]) / f"{make.__name__}{end}.xls"))
