"""Near-duplicates found are read one by one: hashing all contacts for them took 70 ms a call at 100,000

Revision ID: 0022
Revises: 0021
"""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    op.get_bind().exec_driver_sql((SQL / "door_similar_contacts.sql").read_text())


def downgrade() -> None:
    """The function is the newest in any case: 0010 makes it from the same file."""
