"""Erasing a contact: what is marked so is never mirrored again

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("reimport_mark", "push"):
        op.add_column(
            table, sa.Column("erased", sa.Boolean(), server_default=sa.text("false"), nullable=False)
        )


def downgrade() -> None:
    for table in ("push", "reimport_mark"):
        op.drop_column(table, "erased")
