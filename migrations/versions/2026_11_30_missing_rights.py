"""remember which rights Xero refuses

Revision ID: missing_rights
Revises: 38ffec53d6b0
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "missing_rights"
down_revision = "38ffec53d6b0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "organisation",
        sa.Column(
            "missing_rights", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
    )


def downgrade() -> None:
    op.drop_column("organisation", "missing_rights")
