"""A status has the signature of its office; an office that contradicts itself is remembered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("office_status", sa.Column("signed", sa.LargeBinary(), nullable=True))
    op.add_column(
        "peer", sa.Column("contradiction", sa.BigInteger(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("peer", schema=None) as batch_op:
        batch_op.drop_column("contradiction")
    with op.batch_alter_table("office_status", schema=None) as batch_op:
        batch_op.drop_column("signed")
