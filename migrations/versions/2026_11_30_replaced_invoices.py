"""keep which invoice a reissue replaces

Revision ID: replaced_invoices
Revises: 6d1f0a4be271
"""

import sqlalchemy as sa
from alembic import op

revision = "replaced_invoices"
down_revision = "6d1f0a4be271"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("invoice", sa.Column("replaces_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("invoice", "replaces_id")
