"""know a Xero contact again that is shown unchanged

Revision ID: shown_digest
Revises: changed_link_once
"""

import sqlalchemy as sa
from alembic import op

revision = "shown_digest"
down_revision = "changed_link_once"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("xero_contact", sa.Column("shown_digest", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("xero_contact", "shown_digest")
