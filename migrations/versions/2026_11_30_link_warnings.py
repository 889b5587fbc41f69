"""keep Xero's warnings about a contact at its link

Revision ID: link_warnings
Revises: made_up_names
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "link_warnings"
down_revision = "made_up_names"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sync_link", sa.Column("warnings", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("sync_link", "warnings")
