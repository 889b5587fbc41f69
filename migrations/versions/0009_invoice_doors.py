"""Doors for invoices: what is to be sent and read, and what a delivery without an answer carries

Revision ID: 0009
Revises: 0008
"""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
DOORS = ("due_invoices", "due_invoice_polls", "due_catalogues")


def upgrade() -> None:
    op.execute("drop function door.due_deliveries(timestamptz, uuid[], int)")
    for door in (*DOORS, "due_deliveries"):
        op.get_bind().exec_driver_sql((SQL / f"door_{door}.sql").read_text())


def downgrade() -> None:
    for door in DOORS:
        op.execute(f"drop function door.{door}")
