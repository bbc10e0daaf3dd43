"""What is known of a neighbour is one row of the table `peer`; it was scattered over `meta`."""

from __future__ import annotations

from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TEXTS = {  # prefix of a fact's name, before the unit -> column
    "token_held:": "token_received",
    "token_issued:": "token_issued",
    "snapshot_in:": "snapshot_in",
    "snapshot_out:": "snapshot_out",
    "copy_forgotten:": "clone_decisions",
}
NUMBERS = {
    "rebased_at:": "rebased_at",
    "republished_to:": "republished_to",
    "snapshot_due:": "snapshot_due",
}
CLONED, REFUSED = "copies", "doubts"  # facts that list units: "7,8"; "7=code,8=code"


def upgrade() -> None:
    peer = op.create_table(
        "peer",
        sa.Column("unit", sa.BigInteger(), autoincrement=False, nullable=False),
        *(_text(name) for name in ("token_received", "token_issued")),
        *(_number(name, sa.BigInteger()) for name in ("rebased_at", "republished_to")),
        _number("snapshot_due", sa.Integer()),
        *(_text(name) for name in ("snapshot_in", "snapshot_out")),
        _number("cloned", sa.Integer()),
        *(_text(name) for name in ("clone_decisions", "refusal")),
        sa.PrimaryKeyConstraint("unit"),
    )
    facts = _facts()
    for unit, columns in _peers(facts).items():
        op.execute(peer.insert().values(unit=unit, **columns))
    for key in facts:
        op.execute(sa.text("DELETE FROM meta WHERE key=:key").bindparams(key=key))


def downgrade() -> None:
    rows = op.get_bind().execute(sa.text("SELECT * FROM peer ORDER BY unit")).mappings().all()
    for row in rows:
        for prefix, column in (TEXTS | NUMBERS).items():
            if row[column]:
                _put(f"{prefix}{row['unit']}", str(row[column]))
    _put(CLONED, ",".join(str(row["unit"]) for row in rows if row["cloned"]))
    _put(REFUSED, ",".join(f"{row['unit']}={row['refusal']}" for row in rows if row["refusal"]))
    op.drop_table("peer")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _number(name: str, kind: sa.Integer) -> sa.Column[int]:
    return sa.Column(name, kind, nullable=False, server_default="0")


def _facts() -> dict[str, str]:
    """Return the facts of `meta` that are about neighbours."""
    prefixes = tuple(TEXTS | NUMBERS)
    rows = op.get_bind().execute(sa.text("SELECT key, value FROM meta")).all()
    return {k: v for k, v in rows if k.startswith(prefixes) or k in (CLONED, REFUSED)}


def _peers(facts: dict[str, str]) -> dict[int, dict[str, str | int]]:
    """Return unit -> column -> value. An empty value meant: nothing any more."""
    found: dict[int, dict[str, str | int]] = defaultdict(dict)
    for key, value in facts.items():
        prefix, colon, unit = key.partition(":")
        prefix += colon
        if prefix in TEXTS:
            found[int(unit)][TEXTS[prefix]] = value
        elif prefix in NUMBERS:
            found[int(unit)][NUMBERS[prefix]] = int(value or 0)
    for unit in filter(None, facts.get(CLONED, "").split(",")):
        found[int(unit)]["cloned"] = 1
    for unit, _, code in (each.partition("=") for each in facts.get(REFUSED, "").split(",")):
        if unit:
            found[int(unit)]["refusal"] = code
    return found


def _put(key: str, value: str) -> None:
    if value:
        statement = sa.text("INSERT INTO meta (key, value) VALUES (:key, :value)")
        op.execute(statement.bindparams(key=key, value=value))
