"""What happens over time: doubted snapshots, reads by themselves, merges, and the brake

Revision ID: 0004
Revises: 0003
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
DOORS = ("due_reads",)
TIMES = {"xero_contact": ("doubted_at", "read_due_at"), "sync_link": ("destroyed_at", "blanked_at")}
INDEXES = {
    "ix_xero_contact_read": ("xero_contact", ["read_due_at"], "read_due_at is not null"),
    "ix_xero_contact_merged": (
        "xero_contact",
        ["workspace_id", "organisation_id", "merged_to"],
        "merged_to is not null",
    ),
    "ix_sync_link_destroyed": (
        "sync_link",
        ["workspace_id", "organisation_id"],
        "destroyed_at is not null or blanked_at is not null",
    ),
}


def _brake() -> sa.Column[str]:
    kind = sa.Enum("COUNTED", "PASSED", name="brake", native_enum=False, create_constraint=True, length=40)
    return sa.Column("brake", kind, nullable=True)


def upgrade() -> None:
    op.add_column("organisation", sa.Column("clock_ahead", sa.Float(), server_default="0", nullable=False))
    op.add_column(
        "xero_contact",
        sa.Column("former_keys", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column(
        "match_issue", sa.Column("merged", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    for table, names in TIMES.items():
        op.add_column(table, _brake())
        for name in names:
            op.add_column(table, sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for name, (table, columns, where) in INDEXES.items():
        op.create_index(name, table, columns, unique=False, postgresql_where=where)
    for door in DOORS:
        op.get_bind().exec_driver_sql((SQL / f"door_{door}.sql").read_text())


def downgrade() -> None:
    op.execute("drop function door.due_reads")
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table_name=table)
    for table, names in TIMES.items():
        for column in (*names, "brake"):
            op.drop_column(table, column)
    op.drop_column("match_issue", "merged")
    op.drop_column("xero_contact", "former_keys")
    op.drop_column("organisation", "clock_ahead")
