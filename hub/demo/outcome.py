"""The outcome of the demonstration as one document, and whether it is sound."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from hub.demo import measure
from hub.demo.enrolment import Enrolment
from hub.demo.faults import Trouble
from hub.demo.money import MoneyMoved
from hub.demo.network import Network
from hub.demo.progress import StepTime
from hub.demo.sheets import GENERATED_EN, GENERATED_ZH
from node.domain.conservation import FundLine
from node.domain.units import Level
from sync.wire.office.v1.common_pb2 import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything that was measured once the network had settled."""

    enrolment: Enrolment
    hosts: str  # "namespaces" or "loopback"
    hosts_why: tuple[str, str]  # in Chinese and English
    records: measure.Records
    assignments: measure.Assignments
    moved: MoneyMoved
    funds: list[FundLine]
    conflicts: measure.Conflicts
    rollups: dict[tuple[str, str], measure.Asked]
    reports: measure.Reports
    verified: list[measure.Verified]
    trouble: Trouble
    declined: dict[str, str]  # unit code -> reason
    carried_bytes: dict[str, int]  # line -> both ways

    @property
    def different(self) -> int:
        """How many kept sums differed from the records when they were recomputed."""
        return sum(each.different for each in self.verified)

    @property
    def sound(self) -> bool:
        """Whether nothing is missing, and every sum is what it must be."""
        missing = self.records.missing + self.records.different + self.records.personal_above
        unbalanced = any(line.difference_fen for line in self.funds)
        return not (missing or unbalanced or self.different or self.enrolment.uncertified)


def document(
    network: Network, outcome: Outcome, steps: list[StepTime], seconds: float
) -> dict[str, Any]:
    """Return what `silian demo --json` prints, as docs/demo.md describes it."""
    compared: Counter[str] = Counter()
    for each in outcome.verified:
        compared.update(each.compared)
    return {
        "note": {"zh": GENERATED_ZH, "en": GENERATED_EN},
        "street": network.street.code,
        "offices": _offices(network),
        "processes": len(network.processes.names()),
        "hosts": {
            "kind": outcome.hosts,
            "why": dict(zip(("zh", "en"), outcome.hosts_why, strict=True)),
        },
        "enrolment": {
            "authority": outcome.enrolment.authority,
            "joined": [asdict(each) for each in outcome.enrolment.joined],
            "uncertified": outcome.enrolment.uncertified,
        },
        "records": asdict(outcome.records),
        "assignments": {**asdict(outcome.assignments), "declined_because": outcome.declined},
        "funds": [asdict(line) for line in outcome.funds],
        "refused": [asdict(each) for each in outcome.moved.refused],
        "conflicts": {
            "open": outcome.conflicts.open,
            "losers_kept": outcome.conflicts.losers_kept,
            "list": [
                {
                    "id": each.id,
                    "register": each.register,
                    "unit_code": each.unit.code,
                    "field": each.field,
                    "shown": {"value": value_of(each.shown.value), "by": each.shown.unit.code},
                    "loser": {"value": value_of(each.loser.value), "by": each.loser.unit.code},
                    "must_look": each.assignee.code,
                    "seen_at": outcome.conflicts.shown_at[each.id],
                }
                for each in outcome.conflicts.shown
            ],
        },
        "rollup": [_rollup(key, reply) for key, reply in outcome.rollups.items()],
        "verify": {
            "compared": compared.total(),
            "different": outcome.different,
            "offices": len(outcome.verified),
            "by_check": dict(compared),
        },
        "faults": [
            {**asdict(each), "seconds": round(each.seconds, 2)} for each in outcome.trouble.faults
        ],
        "lines": outcome.carried_bytes,
        "sound": outcome.sound,
        "seconds": round(seconds, 1),
        "steps": [
            {"step": s.name, "seconds": round(s.seconds, 2), "cpu_s": round(s.cpu_s, 2)}
            for s in steps
        ],
    }


def value_of(value: Value) -> str | int | None:
    """Return a wire value as it is."""
    kind = value.WhichOneof("kind")
    if kind is None:
        return None
    return value.text if kind == "text" else value.integer


def _offices(network: Network) -> dict[str, int]:
    counted = Counter(place.unit.level for place in network.all())
    return {level.name.lower(): counted[level] for level in Level}


def _rollup(key: tuple[str, str], asked: measure.Asked) -> dict[str, Any]:
    figure = asked.figure
    return {
        "indicator": key[0],
        "unit_code": key[1],
        "numerator": figure.numerator if figure.HasField("numerator") else None,
        "denominator": figure.denominator if figure.HasField("denominator") else None,
        "expected": asked.expected,
        "reported": asked.reported,
        "complete": asked.complete,
        "display": figure.display,
    }
