"""Private cells: counts of persons by every value stay in their office; the next start counts them.

What an older program has sent above for months that are closed stays as it is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

UNDIVIDED = (
    "INSERT INTO meta (key, value) SELECT 'cells_undivided', '1' FROM meta WHERE key='incarnation'"
)


def upgrade() -> None:
    op.create_table(
        "private_cell",
        sa.Column("measure", sa.String(64), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("dims", sa.String(400), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("measure", "period", "dims"),
    )
    op.execute(UNDIVIDED)


def downgrade() -> None:
    op.drop_table("private_cell")
    op.execute("DELETE FROM meta WHERE key='cells_undivided'")
