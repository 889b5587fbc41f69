"""mark the names that Tandem made up

Revision ID: made_up_names
Revises: missing_rights
"""

import sqlalchemy as sa
from alembic import op

revision = "made_up_names"
down_revision = "missing_rights"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "contact", sa.Column("name_made_up", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("contact", "name_made_up")
