"""The key of a neighbour is pinned in its row: the one under which it writes now, where known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS = ("key_pinned", "key_refused")
NEWEST_LAST = (
    "SELECT i.unit, i.public_key FROM incarnation i JOIN peer p ON p.unit = i.unit "
    "WHERE length(i.public_key) > 0 ORDER BY i.retired DESC, i.key_at_ms"
)


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("peer", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    keys = {unit: bytes(key) for unit, key in op.get_bind().execute(sa.text(NEWEST_LAST))}
    pin = sa.text("UPDATE peer SET key_pinned=:key WHERE unit=:unit")
    for unit, key in keys.items():
        op.execute(pin.bindparams(key=key.hex(), unit=unit))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("peer", name)
