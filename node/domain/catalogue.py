"""The catalogue: every register, measure, derived rule and indicator of an office, from TOML files.

The shipped files are package data (node/catalogue/*.toml); an office may add files of its own, with
local registers and with fields for shipped ones. Everything is checked when it is loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path

from node.domain.catalogue_check import Sheaf, check
from node.domain.catalogue_toml import (
    Dimension,
    Measure,
    read_derived,
    read_dimension,
    read_field,
    read_indicator,
    read_measure,
    read_register,
)
from node.domain.contribution import CellKey, Contribution
from node.domain.derived import Derived, derive
from node.domain.disclosure import Plan, splits_for
from node.domain.indicators import Indicator
from node.domain.norms import Norms
from node.domain.register import Field, Register
from node.domain.toml_table import BadCatalogue, Table
from node.domain.units import Level

__all__ = [
    "BadCatalogue",
    "Catalogue",
    "CellKey",
    "Dimension",
    "Field",
    "Measure",
    "Register",
    "load_catalogue",
]

VERSION_HEX = 16
"""Length of a version: 64 bits are plenty to tell two catalogues apart."""


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """An office's registers, measures and indicators. `version`: a hash of the files' content."""

    version: str
    registers: Mapping[str, Register]
    dimensions: Mapping[str, Dimension]
    measures: Mapping[str, Measure]
    derived: Mapping[str, Derived]
    indicators: Mapping[str, Indicator]

    def derive(
        self, cells: Mapping[CellKey, int], norms: Norms | None = None
    ) -> dict[CellKey, int]:
        """Return all derived cells of one unit from all its own other cells (`derived.derive`)."""
        return derive(self.derived.values(), cells, norms or Norms())

    @cached_property
    def derived_reads(self) -> frozenset[str]:
        """The measures after whose change `derive` must run."""
        return frozenset(measure for rule in self.derived.values() for measure in rule.reads)

    @cached_property
    def derived_writes(self) -> frozenset[str]:
        """The measures that `derive` writes."""
        return frozenset(measure for rule in self.derived.values() for measure in rule.writes)

    @cached_property
    def disclosure_plans(self) -> Mapping[str, Plan]:
        """The measures that count persons of registers that stay in their office, and how their
        cells are divided before they leave it.
        """
        return {
            contribution.measure: self._plan(register, contribution)
            for register in self.registers.values()
            if register.audience == "local"
            for contribution in register.contributions
        }

    def _plan(self, register: Register, contribution: Contribution) -> Plan:
        numbers = [
            dimension
            for dimension, source in contribution.dims.items()
            if source.how == "year"
            or (source.how == "field" and register.fields[source.name].type == "int")
        ]
        each = [name for name, source in contribution.dims.items() if source.how == "each"]
        once = [
            other.measure
            for other in register.contributions
            if other.counts_once and other.counts_the_same_records_as(contribution)
        ]
        return Plan(
            measure=contribution.measure,
            dimensions=tuple(contribution.dims),
            splits=splits_for(
                self.indicators.values(), contribution.measure, contribution.dims, numbers
            ),
            each=each[0] if each else "",
            whole=once[0] if each and once else "",
        )

    def counted_by(self, measures: Iterable[str]) -> tuple[Register, ...]:
        """Return the registers that people fill in and whose records these measures count.

        A derived measure counts what its rule reads.
        """
        asked = set(measures)
        for rule in self.derived.values():  # no rule reads what another writes
            if not asked.isdisjoint(rule.writes):
                asked.update(rule.reads)
        return tuple(
            register
            for register in self.registers.values()
            if not register.system and any(c.measure in asked for c in register.contributions)
        )


def load_catalogue(extra: Iterable[Path] = ()) -> Catalogue:
    """Read the shipped files, then `extra` ones in their order, and check all of them together.

    Raises: BadCatalogue, naming file and key; correct the file. OSError for an unreadable file.
    """
    shipped = [f for f in files("node.catalogue").iterdir() if f.name.endswith(".toml")]
    texts = tuple((f.name, f.read_bytes()) for f in sorted(shipped, key=lambda f: f.name))
    return _parsed(texts, tuple((path.name, path.read_bytes()) for path in extra))


def parse_catalogue(
    shipped: Iterable[tuple[str, bytes]], extra: Iterable[tuple[str, bytes]] = ()
) -> Catalogue:
    """Build a catalogue from (file name, content) pairs. Raises: BadCatalogue."""
    sheaf = Sheaf()
    digest = hashlib.sha256()
    for local, group in ((False, shipped), (True, extra)):
        for name, content in group:
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
            _read(Table.parse(name, content), sheaf, local=local)
    check(sheaf)
    return Catalogue(
        version=digest.hexdigest()[:VERSION_HEX],
        registers=sheaf.registers,
        dimensions=sheaf.dimensions,
        measures=sheaf.measures,
        derived=sheaf.derived,
        indicators=sheaf.indicators,
    )


_parsed = lru_cache(maxsize=4)(parse_catalogue)  # the offices of one process share a catalogue


def _read(file: Table, sheaf: Sheaf, *, local: bool) -> None:
    for name, table in file.table("register").each_table():
        sheaf.put(sheaf.registers, name, read_register(name, table), table)
    for name, table in file.table("extend").each_table():
        sheaf.extend(name, _local_fields(table, local=local), table)
    for name, table in file.table("dimension").each_table():
        sheaf.put(sheaf.dimensions, name, read_dimension(name, table), table)
    for name, table in file.table("measure").each_table():
        sheaf.put(sheaf.measures, name, read_measure(name, table), table)
    for name, table in file.table("derived").each_table():
        sheaf.put(sheaf.derived, name, read_derived(name, table), table)
    for name, table in file.table("indicator").each_table():
        sheaf.put(sheaf.indicators, name, read_indicator(name, table), table)
    file.close()


def _local_fields(table: Table, *, local: bool) -> list[Field]:
    added = [
        replace(read_field(name, each, owners=tuple(Level)), local=local)
        for name, each in table.table("field").each_table()
    ]
    table.close()
    return added
