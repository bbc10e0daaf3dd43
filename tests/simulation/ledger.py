"""What really occurred: each fault, refusal, conflict and verdict; what never did is missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from tests.simulation.plan import AIMED, GROUPS, IN_MODE, Mode
from tests.simulation.poison import REASONS

DEATHS = ("in_transaction", "before_commit", "after_commit")
OFTEN = (  # what offices write for so often that each death at it occurs in a run of CI
    "serve Hello", "serve Push", "apply", "hear Hello", "registers", "work", "money", "tick",
)  # fmt: skip
# What a run of CI must have met at least once; a kind that never occurs is tested by nobody.
EXPECTED: dict[str, frozenset[str]] = {
    "operation": frozenset(kind for group in GROUPS.values() for kind in group),
    "network": frozenset(
        {
            "drop request",
            "drop reply",
            "duplicate",
            "late",
            "corrupt request",
            "corrupt reply",
            "timeout",
            "refused",
        }
    ),
    "verdict": frozenset(
        {
            "ACCEPTED",
            "SNAPSHOT",
            "RESTORED",
            "CLONE",
            "WRONG_PARENT",
            "UPGRADE_FIRST",
            "BACK_OFF",
        }
    ),
    "snapshot": frozenset({"chunk", "whole", "log cut", "handed up"}),
    "quarantine": frozenset(REASONS),
    "quarantine state": frozenset({"applied", "closed"}),
    "bundle": frozenset(
        {"brought something new", "was known already", "a damaged one was refused", "refused"}
    ),
    "case": frozenset({"open", "raised", "closed", "settled"}),
    "retention": frozenset({"cut", "reduced", "a stub at rest"}),
    "copy": frozenset({"the copy went on", "the first went on"}),
    "recovery": frozenset({"a parent was shown what it had lost"}),
    "died": frozenset(f"{point}: {operation}" for point in DEATHS for operation in OFTEN),
    "conflict": frozenset({"open", "auto_resolved", "resolved", "superseded", "deleted"}),
    "link failed": frozenset({"session_unknown", "store_unavailable"}),
}

# What a run with certificates must have met besides.
OF_CERTIFICATES: dict[str, frozenset[str]] = {
    "certificates": frozenset(
        {"renewed", "renewal failed", "a key revoked", "an office enrolled again"}
    ),
}


class Ledger:
    """Counts by (class, kind); ledgers of many runs add up."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def note(self, what: str, kind: str, count: int = 1) -> None:
        self.counts[what, kind] += count

    def add(self, other: Ledger) -> None:
        self.counts.update(other.counts)

    def missing(self, mode: Mode = "fast") -> list[str]:
        """Return what should have occurred in this mode and did not."""
        return self.missing_of(EXPECTED | {"fault": AIMED | frozenset(IN_MODE[mode])})

    def missing_of(self, expected: Mapping[str, Collection[str]]) -> list[str]:
        """Return those of these kinds that did not occur."""
        return [
            f"{what}: {kind}"
            for what, kinds in sorted(expected.items())
            for kind in sorted(kinds)
            if not self.counts[what, kind]
        ]

    def lines(self) -> Iterable[str]:
        """Yield the table, one class after the other."""
        for what in sorted({w for w, _ in self.counts}):
            kinds = sorted((k, n) for (w, k), n in self.counts.items() if w == what)
            yield f"{what}: " + ", ".join(f"{kind} {n}" for kind, n in kinds)
