"""What a person does by hand: numbers of pushes, and Xero contacts to be archived or restored

Revision ID: 0006
Revises: 0005
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
# As 0001 has it; a migration stands by itself.
CURRENT = "nullif(current_setting('tandem.workspace', true), '')::uuid"
KINDS = {"upgrade": "'CREATE', 'UPDATE', 'STATUS'", "downgrade": "'CREATE', 'UPDATE'"}


def _kinds(direction: str) -> None:
    op.execute("alter table delivery drop constraint ck_delivery_deliverykind")
    op.execute(
        f"alter table delivery add constraint ck_delivery_deliverykind check (kind in ({KINDS[direction]}))"
    )


def upgrade() -> None:
    _kinds("upgrade")
    op.add_column(
        "delivery", sa.Column("recalled", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    _tables()
    for table in ("push", "owed_status"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy own_workspace on {table} using (workspace_id = {CURRENT})")
    op.get_bind().exec_driver_sql((SQL / "door_due_sends.sql").read_text())


def _tables() -> None:
    op.create_table(
        "push",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("contact_number", sa.String(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archive", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_push_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "organisation_id", "contact_number", name=op.f("pk_push")),
    )
    op.create_index(
        "ix_push_open",
        "push",
        ["workspace_id", "organisation_id"],
        unique=False,
        postgresql_where="seen_at is null",
    )
    op.create_index("ix_push_link", "push", ["workspace_id", "link_id"], unique=False)
    op.create_table(
        "owed_status",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("xero_contact_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "ACTIVE",
                "ARCHIVED",
                "GDPR_REQUEST",
                name="xerocontactstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_owed_status_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "xero_contact_id"],
            ["xero_contact.workspace_id", "xero_contact.id"],
            name=op.f("fk_owed_status_workspace_id_xero_contact_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "delivery_id"],
            ["delivery.workspace_id", "delivery.id"],
            name=op.f("fk_owed_status_workspace_id_delivery_id"),
            ondelete="SET NULL (delivery_id)",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "organisation_id", "xero_contact_id", name=op.f("pk_owed_status")
        ),
    )
    op.create_index(
        "ix_owed_status_due", "owed_status", ["due_at"], unique=False, postgresql_where="delivery_id is null"
    )
    op.create_index("ix_owed_status_delivery", "owed_status", ["workspace_id", "delivery_id"], unique=False)


def downgrade() -> None:
    op.execute("drop function door.due_sends")
    op.drop_table("owed_status")
    op.drop_table("push")
    op.drop_column("delivery", "recalled")
    op.execute("delete from delivery where kind = 'STATUS'")
    _kinds("downgrade")
