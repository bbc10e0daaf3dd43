"""Names for codes: registers, fields, funds and indicators may be named as people name them.

Every call goes through `coded` before it is done, so a label in either language (居民, 姓名) is as
good as a code (resident, name) wherever a request names one. An unknown name stays unchanged, and
the service that gets it refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from google.protobuf.message import Message

from hub.api.call_context import BadRequest, CallContext
from node.domain.catalogue import Catalogue
from node.domain.funds import FUNDS
from node.domain.register import Register, plain_header

M = TypeVar("M", bound=Message)
BY_FIELD = ("values", "where")  # maps of a request whose keys are fields of its register


def coded(context: CallContext, request: M) -> M:
    """Return a request with codes for names. Raises: BadRequest, for one field named twice."""
    catalogue = context.office.catalogue
    has = request.DESCRIPTOR.fields_by_name
    found: dict[str, str] = {}
    for what in ("register", "fund", "indicator"):
        if what in has and (stated := getattr(request, what)):
            code = _CODES[what](catalogue, stated)
            if code != stated:
                found[what] = code
    named = found.get("register", getattr(request, "register", ""))
    register = catalogue.registers.get(named)
    maps = {
        what: fields_coded(register, getattr(request, what))
        for what in BY_FIELD
        if what in has and register is not None
    }
    if not found and all(getattr(request, what) == kept for what, kept in maps.items()):
        return request
    other = type(request)()
    other.CopyFrom(request)
    for what, code in found.items():
        setattr(other, what, code)
    for what, kept in maps.items():
        other.ClearField(what)
        getattr(other, what).update(kept)
    return other


def fields_coded(register: Register, values: Mapping[str, str]) -> dict[str, str]:
    """Return values by the codes of their fields. Raises: BadRequest, for one field named twice."""
    found: dict[str, str] = {}
    for stated, value in values.items():
        code = field_code(register, stated)
        if code in found:
            raise BadRequest(
                f"{code} is given twice", f"“{stated}”重复给出",
                "Give each field once.", "每个字段只填写一次。", fields=[f"values.{stated}"],
            )  # fmt: skip
        found[code] = value
    return found


def field_code(register: Register, stated: str) -> str:
    """Return the field's name for a heading, label or other name of it; else the text itself."""
    field = register.fields.get(stated) or register.field_for(stated)
    return field.name if field is not None else stated


def register_code(catalogue: Catalogue, stated: str) -> str:
    """Return a register's name for its label; else the text itself."""
    if stated in catalogue.registers:
        return stated
    return _one(stated, ((r.name, (r.name, r.zh, r.en)) for r in catalogue.registers.values()))


def _fund_code(catalogue: Catalogue, stated: str) -> str:
    labels = catalogue.registers["posting"].fields["fund"].choices
    return _one(stated, ((f.id, (f.id, f.zh, f.en, *labels.get(f.id, ()))) for f in FUNDS.values()))


def indicator_code(catalogue: Catalogue, stated: str) -> str:
    if stated in catalogue.indicators:
        return stated
    return _one(stated, ((i.id, (i.id, i.zh, i.en)) for i in catalogue.indicators.values()))


_CODES: dict[str, Any] = {
    "register": register_code, "fund": _fund_code, "indicator": indicator_code,
}  # fmt: skip


def _one(stated: str, names: Iterable[tuple[str, Iterable[str]]]) -> str:
    """Return the only code with this name, whatever the width and case of letters."""
    plain = plain_header(stated)
    fits = {code for code, called in names if plain in map(plain_header, called)}
    return fits.pop() if len(fits) == 1 else stated
