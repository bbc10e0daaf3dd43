"""The plain reference: what was accepted, as lists and sums; nothing of the product's own folds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sync.model.change import Edit, RecordKey, Value
from sync.model.version import Version
from tests.simulation.clockwork import Violation

Heads = Mapping[str, frozenset[bytes]]
PRIVATE = frozenset({"household", "resident"})  # registers that never leave their office


@dataclass(frozen=True, slots=True)
class Written:
    """One accepted edit: what it wrote, and the heads that it knowingly replaced, by field."""

    writer: int
    key: RecordKey
    version: Version
    values: Mapping[str, Value]
    fields: tuple[str, ...]
    replaced: Heads
    created: bool


class Records:
    """Every accepted edit, and which values each replaced knowingly.

    The heads of a field, wherever all edits are known, are those that nobody replaced.
    """

    def __init__(self) -> None:
        self.edits: list[Written] = []

    @property
    def count(self) -> int:
        return len(self.edits)

    def accept(self, writer: int, edit: Edit, version: Version, before: Heads, after: Heads) -> int:
        """Note an edit; returns its number."""
        values: dict[str, Value] = {}
        replaced: dict[str, frozenset[bytes]] = {}
        for name, heads in after.items():
            if gone := before.get(name, frozenset()) - heads:
                replaced[name] = gone
            if version in heads:
                values[name] = edit.values.get(name)
            elif name in edit.values:
                raise Violation("INV-15 an edit is a head at once", f"{edit.key.register}.{name}")
        written = Written(writer, edit.key, version, values, tuple(after), replaced, not before)
        self.edits.append(written)
        return len(self.edits) - 1

    def expected(
        self, name_of: Callable[[int, Written], Version | None], names: Mapping[Version, Version]
    ) -> dict[RecordKey, dict[str, dict[Version, Value]]]:
        """Return record -> field -> version -> value of all that stands.

        `name_of`: under which version an edit counts; None: it went with the store that it was
        made in. `names`: what became of versions elsewhere.
        """
        current: dict[RecordKey, dict[str, dict[Version, Value]]] = {}
        born: dict[RecordKey, list[Version]] = defaultdict(list)
        gone: dict[tuple[RecordKey, str], set[Version]] = defaultdict(set)
        for number, edit in enumerate(self.edits):
            version = name_of(number, edit)
            if version is None:
                continue
            fields = current.setdefault(edit.key, {})
            for name in edit.fields:
                fields.setdefault(name, {})
            if edit.created:
                born[edit.key].append(version)
            for name, value in edit.values.items():
                fields[name][version] = value
            for name, versions in edit.replaced.items():
                gone[edit.key, name].update(names.get(v, v) for v in versions)
        for key, versions_born in born.items():  # a field that only a newer program knows, too
            for values in current[key].values():
                for version in versions_born:
                    values.setdefault(version, None)
        for (key, name), versions in gone.items():
            for version in versions:
                current[key][name].pop(version, None)
        return current


class Books:
    """Every posting by any office: what became of each transfer, and of each fund's money."""

    def __init__(self) -> None:
        self.lines: dict[bytes, dict[str, Any]] = {}
        self._of_transfer: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._put_in: dict[tuple[str, int], int] = defaultdict(int)
        self._spent: dict[tuple[str, int], int] = defaultdict(int)
        self._balances: dict[tuple[int, str, int], int] = defaultdict(int)
        self._moved: set[str] = set()

    def book(self, posting_id: bytes, line: dict[str, Any]) -> None:
        """Note a posting; one that is known must say the same as ever (INV-19)."""
        known = self.lines.setdefault(posting_id, line)
        if known is not line:
            if known != line:
                raise Violation("INV-19 a posting was rewritten", f"{known} {line}")
            return
        self._of_transfer[str(line["transfer"])].append(line)
        self._moved.add(str(line["transfer"]))
        fund, amount = (line["fund"], line["year"]), line["amount_fen"]
        for account, sign in ((line["debit"], 1), (line["credit"], -1)):
            if account == "held":
                self._balances[line["unit"], *fund] += sign * amount
            if account == "source":
                self._put_in[fund] -= sign * amount
            if str(account).startswith("spent"):
                self._spent[fund] += sign * amount

    def check(self) -> None:
        """Conservation at this moment, over all offices and all lines (INV-16, INV-18)."""
        for transfer in self._moved:
            self._resolved_once(transfer)
        self._moved.clear()
        transit: dict[tuple[str, int], int] = defaultdict(int)
        balances: dict[tuple[str, int], int] = defaultdict(int)
        for (_, fund, year), fen in self._balances.items():
            balances[fund, year] += fen
            if fen < 0:
                raise Violation("INV-17 overspent", f"{fund} {year}: {fen}")
        for line in self.lines.values():
            fund = (line["fund"], line["year"])
            if line["kind"] == "release":
                transit[fund] += line["amount_fen"]
            elif line["kind"] == "reclaim" or (
                line["kind"] == "receipt" and line["debit"] == "held"
            ):
                transit[fund] -= line["amount_fen"]
            elif line["kind"] == "return" and line["credit"] == "held":
                transit[fund] += line["amount_fen"]  # given back after its receipt
        for fund, put_in in self._put_in.items():
            there = balances[fund] + self._spent[fund] + transit[fund]
            if put_in != there:
                raise Violation("INV-16 conservation", f"{fund}: {put_in} put in, {there} there")

    def all_booked(self) -> None:
        """When it is quiet: whatever was sent back has been booked by its payer (INV-18)."""
        for transfer, lines in self._of_transfer.items():
            kinds = [line["kind"] for line in lines]
            if "return" in kinds and "reclaim" not in kinds:
                raise Violation("INV-18 sent back, not booked", f"{transfer}: {kinds}")

    def _resolved_once(self, transfer: str) -> None:
        lines = self._of_transfer[transfer]
        kinds = [line["kind"] for line in lines]
        released = sum(1 for k in kinds if k == "release")
        ended = [
            line for line in lines
            if line["kind"] == "return" or (line["kind"] == "receipt")
        ]  # fmt: skip
        if released > 1 or (released and len(ended) > 1):
            raise Violation("INV-18 resolved once", f"{transfer}: {kinds}")
        if kinds.count("reclaim") > kinds.count("return"):
            raise Violation("INV-18 reclaimed without a return", f"{transfer}: {kinds}")
