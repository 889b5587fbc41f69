"""keep what was known before the last write of a Xero contact

Revision ID: own_write_after
Revises: status_attempts
"""

import sqlalchemy as sa
from alembic import op

revision = "own_write_after"
down_revision = "status_attempts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("xero_contact", sa.Column("own_write_after", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("xero_contact", "own_write_after")
