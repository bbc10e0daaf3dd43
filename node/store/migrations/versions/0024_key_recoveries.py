"""Which units have got another signing key by an invitation: none yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "key_recovery",
        sa.Column("unit", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("office_key", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "office_key"),
    )


def downgrade() -> None:
    op.drop_table("key_recovery")
