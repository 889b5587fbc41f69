"""What near-duplicates of a Xero contact were looked up by, so that a new contact finds the issues that it may fit

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("xero_contact", sa.Column("match_name", sa.Text(collation="C"), nullable=True))
    op.add_column("xero_contact", sa.Column("match_keys", postgresql.ARRAY(sa.Text()), nullable=True))


def downgrade() -> None:
    op.drop_column("xero_contact", "match_keys")
    op.drop_column("xero_contact", "match_name")
