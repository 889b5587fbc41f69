"""Two-way sync: deliveries, the inbox of webhooks, and what a link remembers of both sides

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# As 0001 has it; a migration stands by itself.
CURRENT = "nullif(current_setting('tandem.workspace', true), '')::uuid"
PASSES = {
    "upgrade": "'FULL_MATCHES', 'ISSUES', 'CREATIONS', 'CHANGES'",
    "downgrade": "'FULL_MATCHES', 'ISSUES', 'CREATIONS'",
}


def _passes(direction: str) -> None:
    op.execute("alter table import_run drop constraint ck_import_run_matchpass")
    op.execute(
        f"alter table import_run add constraint ck_import_run_matchpass check (match_pass in ({PASSES[direction]}))"
    )


def upgrade() -> None:
    _tables()
    _passes("upgrade")
    for table in ("delivery", "delivery_member", "reimport_mark"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy own_workspace on {table} using (workspace_id = {CURRENT})")
    op.execute("alter table webhook_event enable row level security")


def _tables() -> None:
    op.create_table(
        "webhook_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "category", "resource_id", name=op.f("pk_webhook_event")),
    )
    op.create_index("ix_webhook_event_tenant", "webhook_event", ["tenant_id", "received_at"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "CREATE", "UPDATE", name="deliverykind", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("bulk", sa.Boolean(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("body", postgresql.BYTEA(), nullable=True),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_token", sa.Uuid(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_delivery_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_delivery")),
    )
    op.create_index(
        "ix_delivery_due", "delivery", ["due_at"], unique=False, postgresql_where="ended_at is null"
    )
    op.create_index(
        "ix_delivery_ended",
        "delivery",
        ["workspace_id", "ended_at"],
        unique=False,
        postgresql_where="body is not null",
    )
    op.create_table(
        "reimport_mark",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("xero_contact_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_reimport_mark_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "organisation_id", "xero_contact_id", name=op.f("pk_reimport_mark")
        ),
    )
    op.create_table(
        "delivery_member",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("sent", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "delivery_id"],
            ["delivery.workspace_id", "delivery.id"],
            name=op.f("fk_delivery_member_workspace_id_delivery_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "link_id"],
            ["sync_link.workspace_id", "sync_link.id"],
            name=op.f("fk_delivery_member_workspace_id_link_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "delivery_id", "link_id", name=op.f("pk_delivery_member")),
    )
    op.create_index(
        "uq_delivery_member_open",
        "delivery_member",
        ["workspace_id", "link_id"],
        unique=True,
        postgresql_where="open",
    )
    op.add_column(
        "import_run",
        sa.Column(
            "purpose",
            sa.Enum(
                "IMPORT",
                "DELTA",
                "SCAN",
                name="runpurpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="IMPORT",
            nullable=False,
        ),
    )
    op.alter_column("import_run", "purpose", server_default=None)
    op.add_column("organisation", sa.Column("read_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("organisation", sa.Column("poll_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("organisation", sa.Column("scan_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "organisation",
        sa.Column("mass_change", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    )
    op.add_column("sync_link", sa.Column("contact_number", sa.String(), nullable=True))
    op.add_column(
        "sync_link", sa.Column("bulk", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("sync_link", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sync_link", sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sync_link", sa.Column("read_owed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "sync_link",
        sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column(
        "sync_link",
        sa.Column("refused", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column(
        "sync_link", sa.Column("conflicts", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column(
        "xero_contact",
        sa.Column(
            "value_times", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
    )
    op.add_column(
        "xero_contact", sa.Column("dirty", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_index(
        "ix_xero_contact_dirty",
        "xero_contact",
        ["workspace_id", "organisation_id", "id"],
        unique=False,
        postgresql_where="dirty",
    )


def downgrade() -> None:
    op.execute("delete from import_run where match_pass = 'CHANGES'")
    _passes("downgrade")
    op.drop_index("ix_xero_contact_dirty", table_name="xero_contact", postgresql_where="dirty")
    op.drop_column("xero_contact", "dirty")
    op.drop_column("xero_contact", "value_times")
    op.drop_column("sync_link", "conflicts")
    op.drop_column("sync_link", "refused")
    op.drop_column("sync_link", "notes")
    op.drop_column("sync_link", "read_owed_at")
    op.drop_column("sync_link", "next_attempt_at")
    op.drop_column("sync_link", "attempts")
    op.drop_column("sync_link", "bulk")
    op.drop_column("sync_link", "contact_number")
    op.drop_column("organisation", "mass_change")
    op.drop_column("organisation", "scan_due_at")
    op.drop_column("organisation", "poll_due_at")
    op.drop_column("organisation", "read_asked_at")
    op.drop_column("import_run", "purpose")
    op.drop_index("uq_delivery_member_open", table_name="delivery_member", postgresql_where="open")
    op.drop_table("delivery_member")
    op.drop_table("reimport_mark")
    op.drop_index("ix_delivery_ended", table_name="delivery", postgresql_where="body is not null")
    op.drop_index("ix_delivery_due", table_name="delivery", postgresql_where="ended_at is null")
    op.drop_table("delivery")
    op.drop_index("ix_webhook_event_tenant", table_name="webhook_event")
    op.drop_table("webhook_event")
