"""Invoices that became due while the sync is off are put to rest, and a contact that is archived in Xero is no one to bill

Revision ID: 0012
Revises: 0011
"""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    op.get_bind().exec_driver_sql((SQL / "door_due_invoices.sql").read_text())


def downgrade() -> None:
    """The door reads the tables of 0011."""
