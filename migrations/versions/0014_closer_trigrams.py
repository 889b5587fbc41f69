"""Near-duplicates are looked up by closer trigrams: half the time

Revision ID: 0014
Revises: 0013
"""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    op.get_bind().exec_driver_sql((SQL / "door_similar_contacts.sql").read_text())


def downgrade() -> None:
    """The function is the newest in any case: 0010 makes it from the same file."""
