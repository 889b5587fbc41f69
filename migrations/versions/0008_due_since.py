"""How far behind the workers are, for /metrics

Revision ID: 0008
Revises: 0007
"""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
DOORS = ("due_since", "due_sends", "due_deliveries")


def upgrade() -> None:
    for door in DOORS:
        op.get_bind().exec_driver_sql((SQL / f"door_{door}.sql").read_text())


def downgrade() -> None:
    op.execute("drop function door.due_since")
