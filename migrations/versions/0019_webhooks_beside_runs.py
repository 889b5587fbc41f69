"""What Xero announces is read beside a run that reads all of it

Revision ID: 0019
Revises: 0018
"""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    op.get_bind().exec_driver_sql((SQL / "door_due_webhooks.sql").read_text())


def downgrade() -> None:
    """The function is the newest in any case: 0005 makes it from the same file."""
