"""Keys of older rules are found by an index

Revision ID: 0017
Revises: 0016
"""

from pathlib import Path

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
TABLES = ("contact", "xero_contact")


def upgrade() -> None:
    for table in TABLES:
        op.create_index(f"ix_{table}_key_version", table, ["key_version"])
    op.get_bind().exec_driver_sql((SQL / "door_keys_behind.sql").read_text())


def downgrade() -> None:
    op.execute("drop function door.keys_behind")
    for table in TABLES:
        op.drop_index(f"ix_{table}_key_version", table_name=table)
