"""Effects: what a merged block changed, in the form that folds read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync.model.change import Value

Values = Mapping[str, Value]


@dataclass(slots=True)
class Effect:
    """Records of one register and unit that changed together.

    Either `columns` (all records are new: field i of record k) or `pairs` (values before and after
    of each record; None before its creation and after its end).
    """

    register: str
    unit: int
    ids: Sequence[bytes]
    fields: tuple[str, ...] = ()
    columns: Sequence[Sequence[Value]] = ()
    pairs: Sequence[tuple[Values | None, Values | None]] | None = None

    @property
    def created(self) -> bool:
        return self.pairs is None

    def changes(self) -> Iterator[tuple[bytes, Values | None, Values | None]]:
        """Yield (id, values before, values after) of each record."""
        if self.pairs is None:
            for record_id, row in zip(self.ids, zip(*self.columns, strict=True), strict=True):
                yield record_id, None, dict(zip(self.fields, row, strict=True))
        else:
            for record_id, (before, after) in zip(self.ids, self.pairs, strict=True):
                yield record_id, before, after
