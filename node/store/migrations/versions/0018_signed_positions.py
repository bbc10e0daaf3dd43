"""A parent's signature that its log has what came down from it, with the cursor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "cursor",
        sa.Column("signed_position", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.add_column("cursor", sa.Column("signature", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("cursor", "signature")
    op.drop_column("cursor", "signed_position")
