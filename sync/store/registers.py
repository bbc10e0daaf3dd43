"""The typed table of each register: built from its schema, read and written by column.

A field `x` is stored as `f_x`, and its version as `v_x`. `v_x` is null while the field is as it was
at the record's creation, so a new record stores one version and not one for each field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    inspect,
    text,
)

from sync.merge.record import Head, Heads, RecordState, shown_value
from sync.model.change import Value
from sync.model.schema import Kind, RegisterSchema, Schema
from sync.model.version import incarnation_of
from sync.store.sql import execute, pieces

Levels = Mapping[int, int]  # incarnation -> level of its unit


@dataclass(frozen=True)
class RegisterTable:
    """One register's table and the statements on it."""

    schema: RegisterSchema
    table: Table

    @cached_property
    def insert(self) -> str:
        names = ["unit", "id", "created", *(f"f_{n}" for n in self.schema.names)]
        marks = ",".join("?" * len(names))
        return (
            f"INSERT INTO {self.table.name} ({','.join(names)}) VALUES ({marks}) "
            "ON CONFLICT DO NOTHING"
        )

    def update(self, fields: Sequence[str]) -> str:
        """Return a statement that sets `fields` if each has the given version; it reads no row."""
        sets = ",".join(f"f_{n}=?,v_{n}=?" for n in fields)
        matches = " AND ".join(f"coalesce(v_{n},created)=?" for n in fields)
        return (
            f"UPDATE {self.table.name} SET {sets} "
            f"WHERE unit=? AND id=? AND causal_length=? AND {matches}"
        )

    @cached_property
    def columns(self) -> tuple[str, ...]:
        names = self.schema.names
        return (
            "id", "created", "causal_length", "causal_length_version", "survived_delete",
            *(f"f_{n}" for n in names), *(f"v_{n}" for n in names),
        )  # fmt: skip

    @cached_property
    def save(self) -> str:
        columns = ("unit", *self.columns)
        marks = ",".join("?" * len(columns))
        sets = ",".join(f"{c}=excluded.{c}" for c in columns[2:])
        return (
            f"INSERT INTO {self.table.name} ({','.join(columns)}) VALUES ({marks}) "
            f"ON CONFLICT (unit, id) DO UPDATE SET {sets}"
        )

    def rows(
        self, tx: Connection, unit: int, ids: Sequence[bytes], columns: Sequence[str]
    ) -> Iterator[Sequence[Any]]:
        """Yield the named columns of those records that exist, in no particular order."""
        named, found = ",".join(columns), []
        for part in pieces(ids):
            marks = ",".join("?" * len(part))
            statement = f"SELECT {named} FROM {self.table.name} WHERE unit=? AND id IN ({marks})"
            found.append(execute(tx, statement, (unit, *part)).fetchall())
        return chain.from_iterable(found)

    def states(
        self,
        tx: Connection,
        unit: int,
        ids: Sequence[bytes],
        levels: Levels,
        losers: Mapping[bytes, Mapping[str, tuple[Head, ...]]],
    ) -> dict[bytes, RecordState]:
        """Return our copies of those records that exist."""
        return {
            bytes(row[0]): self.state_of(row, levels, losers.get(bytes(row[0]), {}))
            for row in self.rows(tx, unit, ids, self.columns)
        }

    def state_of(
        self, row: Sequence[Any], levels: Levels, losers: Mapping[str, tuple[Head, ...]]
    ) -> RecordState:
        """Build a copy from a row of `columns`."""
        created = bytes(row[1])
        names = self.schema.names
        count = len(names)
        fields: dict[str, Heads] = {}
        for i, name in enumerate(names):
            stamp = row[5 + count + i]
            version = created if stamp is None else bytes(stamp)
            head = Head(version, row[5 + i], levels.get(incarnation_of(version), 3))
            kept = losers.get(name, ())
            # If several heads are shown as one value (UNION), the shown head's own is stored, too.
            own = next((h for h in kept if h.version == version), head)
            fields[name] = Heads(own, tuple(h for h in kept if h.version != version))
        survived_delete = frozenset(
            (name, bytes.fromhex(version))
            for name, _, version in (part.partition(":") for part in (row[4] or "").split(","))
            if name
        )
        causal_length_version = created if row[3] is None else bytes(row[3])
        return RecordState(created, row[2], causal_length_version, fields, survived_delete)

    def row_of(self, unit: int, record_id: bytes, state: RecordState) -> tuple[Any, ...]:
        """Return the parameters of `save` for a copy."""
        by_name = self.schema.by_name
        empty = Heads(Head(state.created, None, 3))
        heads = [state.fields.get(n, empty) for n in self.schema.names]
        values = (shown_value(by_name[n], h) for n, h in zip(self.schema.names, heads, strict=True))
        stamps = (None if h.shown.version == state.created else h.shown.version for h in heads)
        causal_length_version = (
            None if state.causal_length_version == state.created else state.causal_length_version
        )
        survived_delete = (
            ",".join(f"{name}:{v.hex()}" for name, v in sorted(state.survived_delete)) or None
        )
        return (
            unit,
            record_id,
            state.created,
            state.causal_length,
            causal_length_version,
            survived_delete,
            *values,
            *stamps,
        )


class RegisterTables:
    """The tables of every register of a schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.metadata = MetaData()
        self._tables = {
            r.name: RegisterTable(r, _table(self.metadata, r)) for r in schema.registers.values()
        }

    def __getitem__(self, register: str) -> RegisterTable:
        return self._tables[register]

    def __contains__(self, register: str) -> bool:
        return register in self._tables

    def __iter__(self) -> Iterator[RegisterTable]:
        return iter(self._tables.values())

    def create(self, tx: Connection, *, indexes: bool = True) -> list[str]:
        """Create what is missing: tables, columns of fields that are new in this schema, indexes.

        Returns: the names of what was added. Never drops or changes a column.
        """
        added: list[str] = []
        inspector = inspect(tx)
        existing = set(inspector.get_table_names())
        for register in self:
            table = register.table
            if table.name not in existing:
                table.create(tx)
                added.append(table.name)
                continue
            present = {c["name"] for c in inspector.get_columns(table.name)}
            for column in table.columns:
                if column.name not in present:
                    kind = column.type.compile(tx.dialect)
                    tx.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))
                    added.append(f"{table.name}.{column.name}")
            for index in table.indexes if indexes else ():
                index.create(tx, checkfirst=True)
        if not indexes:
            self.drop_indexes(tx)
        return added

    def drop_indexes(self, tx: Connection) -> None:
        """Drop secondary indexes for a large first import; `create_indexes` creates them again."""
        for register in self:
            for index in register.table.indexes:
                index.drop(tx, checkfirst=True)

    def create_indexes(self, tx: Connection) -> None:
        for register in self:
            for index in register.table.indexes:
                index.create(tx, checkfirst=True)


def _table(metadata: MetaData, schema: RegisterSchema) -> Table:
    kinds = {Kind.TEXT: Text, Kind.INT: BigInteger}
    table = Table(
        f"r_{schema.name}",
        metadata,
        Column("unit", BigInteger, primary_key=True, autoincrement=False),
        Column("id", LargeBinary(16), primary_key=True),
        Column("created", LargeBinary(16), nullable=False),
        Column("causal_length", Integer, nullable=False, server_default="1"),
        Column("causal_length_version", LargeBinary(16)),
        Column("survived_delete", Text),
        *(Column(f"f_{f.name}", kinds[f.kind]()) for f in schema.fields),
        *(Column(f"v_{f.name}", LargeBinary(16)) for f in schema.fields),
        # With SQLite's rowid: new rows are appended, and an index entry names its row in 3 bytes
        # and not in the 24 of the key (docs/benchmarks.md).
    )
    for name in schema.indexes:
        parts = name.split("+")
        columns = [table.c[part if part in ("id", "unit") else f"f_{part}"] for part in parts]
        Index(f"ix_{schema.name}_{'_'.join(parts)}", *columns)
    return table


def values_of(state: RecordState, schema: RegisterSchema) -> dict[str, Value]:
    """Return the shown values of a copy: field -> value."""
    by_name = schema.by_name
    return {n: shown_value(by_name[n], h) for n, h in state.fields.items() if n in by_name}
