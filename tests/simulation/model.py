"""The plain reference: what was accepted, as lists and sums; nothing of the product's own folds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sync.change import Edit, RecordKey, Value
from sync.version import Version
from tests.simulation.clockwork import Violation

Heads = Mapping[str, frozenset[bytes]]


class Records:
    """Every accepted edit, and which values each replaced knowingly.

    The heads of a field, wherever all edits are known, are those that nobody replaced.
    """

    def __init__(self) -> None:
        self.count = 0
        self._written: dict[tuple[RecordKey, str], dict[Version, Value]] = defaultdict(dict)
        self._replaced: dict[tuple[RecordKey, str], set[Version]] = defaultdict(set)
        self._fields: dict[RecordKey, tuple[str, ...]] = {}

    def accept(self, edit: Edit, version: Version, before: Heads, after: Heads) -> None:
        self.count += 1
        key = edit.key
        self._fields[key] = tuple(after)
        for name, heads in after.items():
            place = (key, name)
            self._replaced[place] |= before.get(name, frozenset()) - heads
            if version in heads:
                self._written[place][version] = edit.values.get(name)
            elif name in edit.values:
                raise Violation("INV-15 an edit is a head at once", f"{key.register}.{name}")

    def expected(self) -> dict[RecordKey, dict[str, dict[Version, Value]]]:
        """Return record -> field -> version -> value of all that stands."""
        return {
            key: {
                name: {
                    v: value
                    for v, value in self._written[key, name].items()
                    if v not in self._replaced[key, name]
                }
                for name in names
            }
            for key, names in self._fields.items()
        }


class Books:
    """Every posting by any office: what became of each transfer, and of each fund's money."""

    def __init__(self) -> None:
        self.lines: dict[bytes, dict[str, Any]] = {}
        self._of_transfer: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._put_in: dict[tuple[str, int], int] = defaultdict(int)
        self._spent: dict[tuple[str, int], int] = defaultdict(int)
        self._held: dict[tuple[int, str, int], int] = defaultdict(int)
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
                self._held[line["unit"], *fund] += sign * amount
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
        held: dict[tuple[str, int], int] = defaultdict(int)
        for (_, fund, year), fen in self._held.items():
            held[fund, year] += fen
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
            there = held[fund] + self._spent[fund] + transit[fund]
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
