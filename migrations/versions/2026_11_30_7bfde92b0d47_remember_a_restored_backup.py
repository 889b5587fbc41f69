"""remember a restored backup

Revision ID: 7bfde92b0d47
Revises: 3d43d51a437b
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "7bfde92b0d47"
down_revision = "3d43d51a437b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("organisation", sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "organisation",
        sa.Column("lost_invoices", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("organisation", "lost_invoices")
    op.drop_column("organisation", "restored_at")
