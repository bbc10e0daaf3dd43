"""Values: what a field may have, beyond its kind. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync.model.change import Value

DAY_CHARS = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """What a value may be beyond its kind. None and False bound nothing; no value is always fit.

    `choices`: the codes; with `many`, of each of several with commas between. `day`: it is a date,
    'YYYY-MM-DD'. `required`: whoever writes it always gives a value.
    """

    minimum: int | str | None = None
    maximum: int | str | None = None
    length_max: int | None = None  # characters
    choices: frozenset[str] | None = None
    many: bool = False
    pattern: str = ""
    day: bool = False
    required: bool = False

    def admit(self, column: Iterable[Value]) -> bool:
        """Return whether all these values, which are of the field's kind, are within the limits."""
        if self._bounds_length_only:  # most fields: no list of their values is made
            if self.length_max is None:
                return True
            texts: Iterable[str] = filter(None, column)  # type: ignore[arg-type]
            return len(max(texts, key=len, default="")) <= self.length_max
        given = [value for value in column if value is not None and value != ""]
        if not given:
            return True
        if self.minimum is not None and min(given) < self.minimum:  # type: ignore[operator]
            return False
        if self.maximum is not None and max(given) > self.maximum:  # type: ignore[operator]
            return False
        if self.length_max is not None and max(map(len, given)) > self.length_max:  # type: ignore[arg-type]
            return False
        if self.choices is not None:
            return self._members(set(given)) <= self.choices
        if self.day and not all(is_day(str(value)) for value in set(given)):
            return False
        if not self.pattern:
            return True
        return all(re.fullmatch(self.pattern, str(value)) for value in set(given))

    @property
    def _bounds_length_only(self) -> bool:
        others = (self.minimum, self.maximum, self.choices)
        return others == (None, None, None) and not (self.day or self.pattern)

    def _members(self, texts: set[Value]) -> set[Value]:
        return {code for text in texts for code in str(text).split(",")} if self.many else texts


ANY = Limits()


@dataclass(frozen=True, slots=True)
class NaturalId:
    """A record's id is made of these fields by `of`, so an edit changes none of them."""

    fields: tuple[str, ...]
    of: Callable[..., bytes]


@lru_cache(maxsize=65_536)
def is_day(text: str) -> bool:
    """Return whether a text is a day as days are stored."""
    try:
        return len(text) == DAY_CHARS and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
