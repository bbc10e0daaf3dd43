"""Completion after TAB: names that this office knows. On any failure it offers nothing.

Names of the catalogue are read without an office; units and ids are asked of the office of the
folder, served or not. A completion cannot report an error: the verb does.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hub.cli.tables import shortest
from hub.cli.terminal import default_lang
from sync.model.errors import SilianError

if TYPE_CHECKING:
    from hub.client.client import OfficeClient
    from node.domain.catalogue import Catalogue
    from node.domain.register import Field, Register

OFFERED_MAX = 60
WAIT_S = 0.2  # for another command that has the office open
Offer = tuple[str, str]  # what is typed, and what it means
Completer = Callable[[typer.Context, str], list[Offer]]


def _offering(find: Callable[[typer.Context, str], Iterable[Offer]]) -> Completer:
    """Return a completer that never fails: it offers what `find` yields, or nothing."""

    @wraps(find)
    def complete(ctx: typer.Context, incomplete: str) -> list[Offer]:
        try:
            found = [offer for offer in find(ctx, incomplete) if offer[0].startswith(incomplete)]
        except (SilianError, OSError):
            return []
        return found[:OFFERED_MAX]

    return complete


@_offering
def registers(_ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    for register in _catalogue().registers.values():
        if not register.system:
            yield from _either(register.name, register.zh, register.en, incomplete)


@_offering
def indicators(_ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    for indicator in _catalogue().indicators.values():
        yield from _either(indicator.id, indicator.zh, indicator.en, incomplete)


@_offering
def funds(_ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    choices = _catalogue().registers["posting"].fields["fund"].choices
    for code, (zh, en) in choices.items():
        yield from _either(code, zh, en, incomplete)


@_offering
def pairs(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer field= for each field of the register, and after it the options of a choice."""
    register = _register(ctx)
    if register is None:
        return
    name, equals, _ = incomplete.partition("=")
    if not equals:
        for field in register.fields.values():
            for stated, meant in _either(field.name, field.zh, field.en, incomplete):
                yield f"{stated}=", meant
        return
    chosen = register.fields.get(name) or register.field_for(name)
    for value, meant in _values(chosen) if chosen is not None else ():
        yield f"{name}={value}", meant


@_offering
def fields(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the fields of the register; after a comma the next one."""
    register = _register(ctx)
    before, comma, last = incomplete.rpartition(",")
    for field in register.fields.values() if register is not None else ():
        for stated, meant in _either(field.name, field.zh, field.en, last):
            yield f"{before}{comma}{stated}", meant


@_offering
def units(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    with _office(ctx) as office:
        found = (
            office.search_units(text=incomplete, page_size=OFFERED_MAX).units
            if incomplete
            else (office.list_units().units)
        )
        for unit in found:
            yield (unit.code if incomplete.isdigit() else unit.name), unit.path


def ids(kind: str) -> Completer:
    """Return what offers the things of a kind: by name where they have one, else by id."""

    def find(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
        with _office(ctx) as office:
            yield from _LISTED[kind](office, ctx, incomplete)

    return _offering(find)


def _records(office: OfficeClient, ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    register = _register(ctx)
    if register is None:
        return
    named = "name" if "name" in register.fields else register.key[0] if register.key else ""
    page = office.list_records(
        register=register.name,
        search=incomplete if named else "",
        subtree=True,
        page_size=OFFERED_MAX,
    )
    for record in page.records:
        name = record.values[named].text if named in record.values else ""
        yield name or record.id, record.unit.name


def _conflicts(office: OfficeClient, *_: Any) -> Iterator[Offer]:
    page = office.list_conflicts(page_size=OFFERED_MAX)
    yield from _short((c.id, f"{c.register} {c.field} {c.unit.name}") for c in page.conflicts)


def _corrections(office: OfficeClient, *_: Any) -> Iterator[Offer]:
    page = office.list_corrections(page_size=OFFERED_MAX)
    yield from _short((c.id, f"{c.asker.name}: {c.reason}") for c in page.corrections)


def _cases(office: OfficeClient, *_: Any) -> Iterator[Offer]:
    yield from _short((c.id, f"{c.kind} {c.owner.name}") for c in office.list_cases().cases)


def _quarantined(office: OfficeClient, *_: Any) -> Iterator[Offer]:
    page = office.list_quarantined_changes(page_size=OFFERED_MAX)
    yield from _short((h.id, f"{h.register} {h.reason}") for h in page.quarantined_changes)


def _assignments(office: OfficeClient, *_: Any) -> Iterator[Offer]:
    page = office.list_assignments(page_size=OFFERED_MAX)
    yield from _short((a.id, f"{a.title} {a.assignee.name}") for a in page.assignments)


def _orders(office: OfficeClient, *_: Any) -> Iterator[Offer]:
    page = office.list_assignments(page_size=OFFERED_MAX)
    yield from _short({a.work_order: a.title for a in page.assignments}.items())


def _transfers(office: OfficeClient, *_: Any) -> Iterator[Offer]:
    page = office.list_transfers(direction="waiting", page_size=OFFERED_MAX)
    yield from _short((t.id, f"{t.fund} {t.sender.name}") for t in page.transfers)


def _postings(office: OfficeClient, *_: Any) -> Iterator[Offer]:
    page = office.list_postings(page_size=OFFERED_MAX)
    yield from _short((p.id, f"{p.kind} {p.fund} {p.note}") for p in page.postings)


_LISTED: dict[str, Callable[..., Iterator[Offer]]] = {
    "record": _records, "conflict": _conflicts, "correction": _corrections, "case": _cases,
    "quarantined_change": _quarantined, "assignment": _assignments, "order": _orders,
    "transfer": _transfers, "posting": _postings,
}  # fmt: skip


def _short(found: Iterable[tuple[str, str]]) -> Iterator[Offer]:
    listed = list(found)
    digits = shortest([id_text for id_text, _ in listed])
    pairs_ = zip(digits, listed, strict=True)
    return ((short, " ".join(meant.split())) for short, (_, meant) in pairs_)


OF: dict[str, Completer] = {
    "registers": registers, "indicators": indicators, "funds": funds, "pairs": pairs,
    "fields": fields, "units": units, **{f"ids:{kind}": ids(kind) for kind in _LISTED},
}  # fmt: skip
"""By the name under which `hub.cli.verb` asks for one."""


def _either(code: str, zh: str, en: str, incomplete: str) -> Iterator[Offer]:
    """Offer the code, or the Chinese name to whoever has begun one."""
    if incomplete and not incomplete.isascii():
        yield zh, code
    else:
        yield code, zh if default_lang() == "zh" else en


def _values(field: Field) -> Iterator[Offer]:
    for code, (zh, en) in field.choices.items():
        yield code, f"{zh} {en}"
        yield zh, code
    if field.type == "bool":
        yield from (("是", "yes"), ("否", "no"))


def _register(ctx: typer.Context) -> Register | None:
    """Return the register that the line names earlier."""
    known = _catalogue().registers.values()
    for stated in (str(ctx.params.get("register") or ""), *_arguments()):
        for register in known:
            if not register.system and stated in (register.name, register.zh, register.en):
                return register
    return None


def _arguments() -> list[str]:
    """Return the arguments of the line: an option whose value is completed leaves them unread."""
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    try:
        return shlex.split(line)
    except ValueError:  # a quotation mark is open
        return line.split()


def _catalogue() -> Catalogue:
    from node.domain.catalogue import load_catalogue

    return load_catalogue()


@contextmanager
def _office(ctx: typer.Context) -> Iterator[OfficeClient]:
    from hub.client.client import OfficeClient

    words = _arguments()
    typed = words[words.index("--dir") + 1 :][:1] if "--dir" in words else []
    folder = (typed or [ctx.params.get("dir") or os.environ.get("SILIAN_DIR") or "."])[0]
    with OfficeClient.connect(Path(str(folder)), busy_wait_s=WAIT_S) as office:
        yield office
