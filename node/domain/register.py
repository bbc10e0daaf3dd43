"""Registers: the kinds of records an office keeps, and their fields, as the catalogue has them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from node.domain.comparison_form import comparison_form
from node.domain.contribution import CellKey, Condition, Contribution, Day, difference, total
from node.domain.units import Level
from sync.model.change import Value

TYPES = ("text", "int", "bool", "date", "decimal", "choice", "set")
POLICIES = ("owner", "higher", "latest", "union", "max", "min", "manual")
SENSITIVITIES = ("public", "internal", "personal")
FORMS = ("", "id_number", "phone", "code")
RULE_KINDS = ("at_most", "id_birth")
NUMBER_TYPES = ("int", "decimal", "bool")
OBLIGATION = frozenset({"必填", "选填", "required", "optional"})
_BRACKETS = re.compile(r"\([^()]*\)")
TEXT_MAXIMUM = 200
"""Characters a text may have when its field does not say."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One column. `minimum` and `maximum` bound the stored value, or the length of a text.

    Stored: int and bool as int, decimal as int x 10**-scale, date as 'YYYY-MM-DD', choice as its
    code, set as sorted codes with commas, text as it is.
    """

    name: str
    zh: str
    en: str
    type: str
    required: bool = False
    owners: tuple[Level, ...] = ()
    policy: str = "owner"
    sensitivity: str = "internal"
    choices: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # code -> (zh, en)
    minimum: int | str | None = None
    maximum: int | str | None = None
    scale: int = 0
    pattern: str = ""
    form: str = ""  # id_number, phone, code: what a pattern cannot express
    unit: str = ""
    aliases: tuple[str, ...] = ()
    local: bool = False  # added by this office; upper offices relay it unread

    @property
    def is_number(self) -> bool:
        """Whether the store has an int for it; otherwise a text."""
        return self.type in NUMBER_TYPES

    @property
    def is_code(self) -> bool:
        """Whether it is a text that numbers something, so that no day or quotation mark is one."""
        return self.form == "code"

    @property
    def personal(self) -> bool:
        """Whether no fault, log or message may quote its value."""
        return self.sensitivity == "personal"

    @cached_property
    def code_of(self) -> Mapping[str, str]:
        """Code, and both labels (narrow, in small letters) -> the code of a choice."""
        return {
            unicodedata.normalize("NFKC", name).casefold(): code
            for code, labels in self.choices.items()
            for name in (code, *labels)
        }

    def label(self, lang: str = "zh") -> str:
        """Return its heading in `lang`."""
        return self.zh if lang == "zh" else self.en

    def headers(self) -> tuple[str, ...]:
        """Return every heading that a sheet may use for it."""
        return (self.name, self.zh, self.en, *self.aliases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A check over two fields: `kind` is at_most (a <= b) or id_birth (digits are the date)."""

    kind: str
    fields: tuple[str, str]
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """Fields that no two records in force of the city should share, taken together.

    `name` is "register.field+field": index entries and cases use it.
    """

    name: str
    fields: tuple[str, ...]
    where: Mapping[str, Condition] = field(default_factory=dict)

    @property
    def reads(self) -> frozenset[str]:
        """The fields whose change can change an index entry."""
        return frozenset({*self.fields, *self.where})

    def text(self, values: Mapping[str, Value]) -> str | None:
        """Return the values as they are compared; None for a record that is not compared."""
        parts = [comparison_form(values.get(name)) for name in self.fields]
        if not all(parts) or not all(c.holds(values.get(n)) for n, c in self.where.items()):
            return None
        return "\x1f".join(parts)


@dataclass(frozen=True, kw_only=True)
class Register:
    """One kind of record. `level` is the level of the offices that keep it; None is any.

    `audience` is "local", "up:<level>", "down:all", or "record": decided for each record by the
    service that writes it; then `audience_includes` ("up:<level>") is part of every decision.
    `key`: the fields that make the record's natural key; empty means the id is minted, or that
    there is one a unit (`singleton`). `system`: written by services only. `append_only`: what is
    written once is neither changed nor ended, by its writer neither. `end_reasons`: the usual ones
    for ending a record; people may use other words.
    """

    name: str
    zh: str
    en: str
    lane: str
    audience: str
    level: Level | None
    key: tuple[str, ...]
    fields: Mapping[str, Field]
    end_reasons: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # code -> (zh, en)
    contributions: tuple[Contribution, ...] = ()
    rules: tuple[Rule, ...] = ()
    uniques: tuple[Unique, ...] = ()
    singleton: bool = False
    system: bool = False
    append_only: bool = False
    source: str = ""
    audience_includes: str = ""

    @property
    def whole_up_to(self) -> str:
        """The "up:<level>" to which every record goes; empty when some stay below, or all do."""
        text = self.audience_includes if self.audience == "record" else self.audience
        return text if text.startswith("up:") else ""

    def end_reason(self, text: str) -> str:
        """Return the code of a usual reason given as code or label; other words as they are."""
        plain = plain_header(text)
        for code, labels in self.end_reasons.items():
            if plain in {plain_header(word) for word in (code, *labels)}:
                return code
        return text

    def contributions_of(self, values: Mapping[str, Value], day: Day) -> dict[CellKey, int]:
        """Return what one record adds to each cell on a day: ints, without zeros. Pure."""
        return total(self.contributions, values, day)

    def fold(
        self, before: Mapping[str, Value] | None, after: Mapping[str, Value] | None, day: Day
    ) -> dict[CellKey, int]:
        """Return what must be added to the cells for one edit; None means "no record".

        Any history of edits sums to the contributions of the records that remain.
        """
        old = self.contributions_of(before, day) if before is not None else {}
        new = self.contributions_of(after, day) if after is not None else {}
        return difference(old, new)

    @cached_property
    def contributing_fields(self) -> frozenset[str]:
        """The fields whose change can move a cell."""
        return frozenset().union(*(c.fields for c in self.contributions))

    @cached_property
    def days(self) -> frozenset[str]:
        """The fields whose day, once it has come, moves a cell."""
        return frozenset().union(*(c.days for c in self.contributions))

    def field_for(self, header: str) -> Field | None:
        """Return the field that a sheet's heading means, or None.

        Width, case, spaces, a mark of obligation and the field's own unit in brackets do not
        matter. Another unit does: a column in 万元 is not one in 元.
        """
        plain = plain_header(header)
        if plain in self._by_header:
            return self._by_header[plain]
        remarks = {text.strip("()") for text in _BRACKETS.findall(plain)}
        field = self._by_header.get(_BRACKETS.sub("", plain))
        if field and remarks <= {plain_header(field.unit), *OBLIGATION}:
            return field
        return None

    @cached_property
    def _by_header(self) -> dict[str, Field]:
        return dict(self.header_pairs())

    def header_pairs(self) -> Iterator[tuple[str, Field]]:
        """Yield each plain heading with its field; one heading may come twice for one field."""
        for each in self.fields.values():
            for text in each.headers():
                yield plain_header(text), each


def plain_header(text: str) -> str:
    """Return a heading without what clerks vary: width, case, spaces, dashes, asterisks, a colon at
    its end.
    """
    return re.sub(r"[*_]+|:+\Z", "", comparison_form(text))
