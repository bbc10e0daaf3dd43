"""Tables, columns, states and facts take the field's terms; docs/moved.md has the old names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = {"hole": "quarantine", "floor": "truncation", "safe": "durable"}
INDEXES = {  # old name -> new name, table, columns
    "ix_hole_record": ("ix_quarantine_record", "quarantine", ("state", "register", "unit")),
    "ix_hole_arrival": ("ix_quarantine_arrival", "quarantine", ("arrival",)),
}
COLUMNS = {
    "repair": {"kept": "removed", "told": "evidence"},
    "office_status": {"holes": "quarantined"},
}
RECORD_COLUMNS = {
    "born": "created",
    "life": "causal_length",
    "life_version": "causal_length_version",
    "unseen": "survived_delete",
}
VALUES = {  # (table, column) -> old value -> new value
    ("quarantine", "state"): {"healed": "applied"},
    ("quarantine", "reason"): {
        "behind_hole": "blocked",
        "refused_by_store": "constraint_violation",
    },
    ("conflict", "state"): {
        "silent": "auto_resolved",
        "settled": "resolved",
        "overtaken": "superseded",
    },
}
FACTS = {"continues": "numbering_from", "restored": "recovery_due"}
FACTS |= {"copied:down": "snapshot:down", "copied:up": "snapshot:up"}
PREFIXES = {  # the longer of two that begin alike first
    "token:given:": "token_issued:",
    "token:": "token_held:",
    "met:": "rebased_at:",
    "ways:": "republished_to:",
    "cut:": "snapshot_due:",
    "copying:": "snapshot_in:",
    "handing:": "snapshot_out:",
    "held:": "quarantined_copy:",
}


def upgrade() -> None:
    if not _is_sqlite():
        op.alter_column("conflict", "state", type_=sa.String(16))
    for old, new in TABLES.items():
        op.rename_table(old, new)
    for old, (new, table, columns) in INDEXES.items():
        op.drop_index(old, table_name=table)
        op.create_index(new, table, list(columns))
    _rename(COLUMNS)
    _rename(dict.fromkeys(_registers(), RECORD_COLUMNS))
    _replace(VALUES)
    _rename_facts(FACTS, PREFIXES)


def downgrade() -> None:
    _rename_facts(_turned(FACTS), _turned(PREFIXES))
    _replace({where: _turned(values) for where, values in VALUES.items()})
    back = _turned(RECORD_COLUMNS)
    _rename(dict.fromkeys(_registers(), back))
    _rename({table: _turned(columns) for table, columns in COLUMNS.items()})
    for old, (new, table, columns) in INDEXES.items():
        op.drop_index(new, table_name=table)
        op.create_index(old, table, list(columns))
    for old, new in TABLES.items():
        op.rename_table(new, old)
    if not _is_sqlite():
        op.alter_column("conflict", "state", type_=sa.String(12))


def _is_sqlite() -> bool:
    """SQLite knows no length of a text, and cannot change a column's type in place."""
    return op.get_bind().dialect.name == "sqlite"


def _turned(names: dict[str, str]) -> dict[str, str]:
    return {new: old for old, new in names.items()}


def _registers() -> list[str]:
    """Return the tables of registers: the catalogue made them, no revision names them."""
    names = sa.inspect(op.get_bind()).get_table_names()
    return sorted(name for name in names if name.startswith("r_"))


def _rename(columns: dict[str, dict[str, str]]) -> None:
    for table, names in columns.items():
        for old, new in names.items():
            op.execute(sa.text(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}"))


def _replace(values: dict[tuple[str, str], dict[str, str]]) -> None:
    for (table, column), names in values.items():
        for old, new in names.items():
            update = f"UPDATE {table} SET {column}=:new WHERE {column}=:old"  # noqa: S608 (constants)
            statement = sa.text(update)
            op.execute(statement.bindparams(old=old, new=new))


def _rename_facts(facts: dict[str, str], prefixes: dict[str, str]) -> None:
    for old, new in facts.items():
        op.execute(sa.text("UPDATE meta SET key=:new WHERE key=:old").bindparams(old=old, new=new))
    for old, new in prefixes.items():
        statement = sa.text(
            "UPDATE meta SET key=:new || substr(key, :after) WHERE substr(key, 1, :length)=:old"
        )
        op.execute(statement.bindparams(old=old, new=new, after=len(old) + 1, length=len(old)))
