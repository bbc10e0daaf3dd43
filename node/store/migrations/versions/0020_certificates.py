"""Certificates that were issued here, invitations, and revocation lists: none yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificate",
        sa.Column("serial", sa.String(40), nullable=False),
        sa.Column("unit", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("not_after_ms", sa.BigInteger(), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("office_key", sa.LargeBinary(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("serial"),
    )
    op.create_index("ix_certificate_unit", "certificate", ["unit", "not_after_ms"])
    op.create_table(
        "invitation",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("unit", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("replaces", sa.Integer(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("used_by", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "revocation_list",
        sa.Column("issuer", sa.String(40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("authority", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("issuer"),
    )


def downgrade() -> None:
    op.drop_table("revocation_list")
    op.drop_table("invitation")
    op.drop_index("ix_certificate_unit", table_name="certificate")
    op.drop_table("certificate")
