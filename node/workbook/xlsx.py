"""The parts of an .xlsx about all its sheets: their names, styles, date system."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import NamedTuple
from xml.parsers import expat

from node.workbook.limits import Limits
from node.workbook.marks import Marks, formats_of
from node.workbook.package import unreadable
from node.workbook.sheet_xml import BookFacts, read_marks

_YES = ("1", "true", "on")


class Element(NamedTuple):
    """An element of a small part: names without prefixes, `parent` likewise."""

    name: str
    parent: str
    attributes: Mapping[str, str]


def marks_by_sheet(parts: Mapping[str, bytes], limits: Limits) -> dict[str, Marks]:
    """Return the marks of each worksheet by its name. Raises: WorkbookError."""
    by_path = {_plain_path(name): content for name, content in parts.items()}
    workbook = _elements(by_path["xl/workbook.xml"])
    paths = {
        each.attributes.get("Id", ""): _target(each.attributes.get("Target", ""))
        for each in _elements(by_path.get("xl/_rels/workbook.xml.rels", b""))
        if each.attributes.get("Type", "").endswith("/worksheet")
    }
    facts = _facts(workbook, by_path.get("xl/styles.xml", b""))
    found: dict[str, Marks] = {}
    for each in workbook:
        if each.name != "sheet" or each.parent != "sheets":
            continue
        name = each.attributes.get("name", "")
        path = paths.get(_relation(each.attributes))
        if path is None:
            continue  # a chart, a macro sheet: the library does not read it either
        if path not in by_path or name in found:
            raise unreadable("a sheet is missing, or named twice", "缺少工作表，或工作表重名")
        found[name] = read_marks(by_path[path], facts, limits)
    return found


def _facts(workbook: list[Element], styles: bytes) -> BookFacts:
    def declared(element: str, attribute: str) -> bool:
        return any(
            each.name == element and each.attributes.get(attribute) in _YES for each in workbook
        )

    numbers: list[int] = []
    named: dict[int, str] = {}
    for each in _elements(styles):
        if each.name == "numFmt" and each.parent == "numFmts":
            named[_number(each, "numFmtId")] = each.attributes.get("formatCode", "")
        elif each.name == "xf" and each.parent == "cellXfs":
            numbers.append(_number(each, "numFmtId"))
    return BookFacts(
        formats=formats_of(numbers, named),
        epoch_1904=declared("workbookPr", "date1904"),
        stale=declared("calcPr", "fullCalcOnLoad"),
    )


def _number(element: Element, attribute: str) -> int:
    text = element.attributes.get(attribute, "0")
    return int(text) if text.isdecimal() else 0


def _elements(xml: bytes) -> list[Element]:
    """Return every element of a part in order; none of one that is not there."""
    found: list[Element] = []
    path = [""]

    def opened(tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        found.append(Element(name, path[-1], attributes))
        path.append(name)

    def closed(_tag: str) -> None:
        path.pop()

    parser = expat.ParserCreate()
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    try:
        if xml:
            parser.Parse(xml, True)
    except expat.ExpatError as bad:
        raise unreadable("its structure is damaged", "内部结构已损坏") from bad
    return found


def _relation(attributes: Mapping[str, str]) -> str:
    """Return the id of the part that a sheet is in, whatever the prefix of its namespace."""
    return next(
        (v for name, v in attributes.items() if name.rpartition(":")[1:] == (":", "id")), ""
    )


def _target(target: str) -> str:
    joined = target if target.startswith("/") else f"xl/{target}"
    return _plain_path(posixpath.normpath(joined))


def _plain_path(path: str) -> str:
    return path.replace("\\", "/").strip("/").casefold()
