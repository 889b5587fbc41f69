"""Since when an organisation's connection is how it is

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("organisation", sa.Column("health_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("organisation", "health_since")
