"""The schema of the engine from the catalogue: names, kinds, policies, owners."""

from __future__ import annotations

import threading
from functools import partial

from node.domain.catalogue import Catalogue, Field, Register
from node.ids import natural_id
from sync.model.schema import FieldSchema, Kind, Lane, Policy, RegisterSchema, Schema
from sync.model.values import Limits, NaturalId
from sync.store.registers import RegisterTables

VERSIONS_MAX = 8
# Immutable values, so that offices can share them.
_built: dict[tuple[str, tuple[str, ...]], RegisterTables] = {}
_lock = threading.Lock()
_LANES = {"control": Lane.CONTROL, "bulk": Lane.BULK}
_INDEXES = {  # system registers are looked up by these
    "assignment_event": ("assignment",),
    "cell": ("unit+measure",),  # whether an office has any cell of some measures
    "posting": ("transfer",),
    "correction": ("correction", "owner"),
    "mark": ("id",),  # of every unit: finds the other units with the same value
    "case": ("mark",),
}
# Sums are kept by these: an id that is not made of the key would count one figure twice.
_NATURAL_IDS = {"cell": NaturalId(("measure", "period", "dims"), partial(natural_id, "cell"))}


def schema_of(catalogue: Catalogue) -> Schema:
    """Return the engine's schema of every register."""
    return Schema.of(register_schema(r) for r in catalogue.registers.values())


def catalogue_tables(catalogue: Catalogue) -> RegisterTables:
    """Return the tables of a catalogue: built once for each version, shared by all offices here."""
    key = (catalogue.version, tuple(catalogue.registers))
    with _lock:
        if key not in _built:
            _built[key] = RegisterTables(schema_of(catalogue))
            while len(_built) > VERSIONS_MAX:
                _built.pop(next(iter(_built)))
        return _built[key]


def register_schema(register: Register) -> RegisterSchema:
    """Return the engine's schema of one register."""
    fields = tuple(
        FieldSchema(
            name=f.name,
            kind=Kind.INT if f.is_number else Kind.TEXT,
            policy=Policy.FIRST if register.append_only else Policy(f.policy),
            owners=tuple(int(level) for level in f.owners) or (0, 1, 2, 3),
            limits=limits_of(f, required=register.system and f.required),
        )
        for f in register.fields.values()
    )
    indexes = _INDEXES.get(register.name, () if register.system else register.key[:2])
    # Decided for each record: an event, a posting, a request. It is its writer's own statement.
    own = register.audience == "record" or register.name == "mark"
    return RegisterSchema(
        register.name, _LANES[register.lane], fields, indexes, own, register.append_only,
        _NATURAL_IDS.get(register.name), "" if register.audience == "record" else register.audience,
    )  # fmt: skip


def limits_of(field: Field, *, required: bool = False) -> Limits:
    """Return what a receiver accepts in a field: what a form or a sheet may have put into it."""
    text = field.type == "text"
    return Limits(
        minimum=0 if field.type == "bool" else None if text else field.minimum,
        maximum=1 if field.type == "bool" else None if text else field.maximum,
        length_max=field.maximum if text and isinstance(field.maximum, int) else None,
        choices=frozenset(field.choices) if field.type in ("choice", "set") else None,
        many=field.type == "set",
        pattern=field.pattern,
        day=field.type == "date",
        required=required,
    )
