"""count the reads that do not show a contact which is to be archived

Revision ID: status_attempts
Revises: f8d31af497ee
"""

import sqlalchemy as sa
from alembic import op

revision = "status_attempts"
down_revision = "f8d31af497ee"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("owed_status", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("owed_status", "attempts")
