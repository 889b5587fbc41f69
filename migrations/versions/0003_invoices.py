"""Invoices: what the practice bills, Xero's accounts and tax rates, the mappings between, and deliveries of both kinds

Revision ID: 0003
Revises: 0002
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
DOORS = ("search_invoices",)
TABLES = (
    "service_type",
    "tax_rate",
    "xero_account",
    "xero_tax_rate",
    "account_mapping",
    "tax_mapping",
    "invoice_sequence",
    "invoice",
    "invoice_line",
    "payment",
)
# As 0001 has it; a migration stands by itself.
CURRENT = "nullif(current_setting('tandem.workspace', true), '')::uuid"
EVENTS = (
    "'IMPORT_PROGRESS', 'LINK', 'MATCH_ISSUE', 'CONTACT', 'CONNECTION', 'WORKSPACE', 'DELETION', 'RESYNC'"
)


def _events(kinds: str) -> None:
    op.execute("alter table event drop constraint ck_event_eventkind")
    op.execute(f"alter table event add constraint ck_event_eventkind check (kind in ({kinds}))")


def upgrade() -> None:
    _tables()
    _events(f"{EVENTS}, 'INVOICE'")
    op.drop_constraint("pk_delivery_member", "delivery_member", type_="primary")
    op.create_primary_key("pk_delivery_member", "delivery_member", ["workspace_id", "delivery_id", "place"])
    op.alter_column("delivery_member", "link_id", nullable=True)
    op.create_check_constraint(
        op.f("ck_delivery_member_one_cargo"), "delivery_member", "(link_id is null) <> (invoice_id is null)"
    )
    for table in TABLES:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy own_workspace on {table} using (workspace_id = {CURRENT})")
    for door in DOORS:
        op.get_bind().exec_driver_sql((SQL / f"door_{door}.sql").read_text())


def _tables() -> None:
    op.create_table(
        "invoice_sequence",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_invoice_sequence")),
    )
    op.create_table(
        "service_type",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.Text(collation="C"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_service_type")),
    )
    op.create_index(
        "uq_service_type_name",
        "service_type",
        ["workspace_id", "name_key"],
        unique=True,
        postgresql_where="archived_at is null",
    )
    op.create_table(
        "tax_rate",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.Text(collation="C"), nullable=True),
        sa.Column("percentage", sa.Numeric(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_tax_rate")),
    )
    op.create_index(
        "uq_tax_rate_name",
        "tax_rate",
        ["workspace_id", "name_key"],
        unique=True,
        postgresql_where="archived_at is null",
    )
    op.create_table(
        "invoice",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("number_key", sa.Text(collation="C"), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "DRAFT",
                "APPROVED",
                "AWAITING_PAYMENT",
                "PAID",
                "VOIDED",
                name="invoicestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("issue_date", sa.Date(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column(
            "amounts_are",
            sa.Enum(
                "TAX_EXCLUSIVE",
                "TAX_INCLUSIVE",
                "NO_TAX",
                name="amountsare",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("subtotal", sa.Numeric(), nullable=False),
        sa.Column("tax_total", sa.Numeric(), nullable=False),
        sa.Column("total", sa.Numeric(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("amount_paid", sa.Numeric(), nullable=False),
        sa.Column("amount_due", sa.Numeric(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("search_key", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "sync_state",
            sa.Enum(
                "NOT_SENT",
                "SYNC_OFF",
                "BEFORE_START_DATE",
                "PENDING",
                "SYNCED",
                "FAILING",
                "CHANGED_IN_XERO",
                name="invoicesyncstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("failure", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("failure_code", sa.String(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bulk", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("xero_invoice_id", sa.Uuid(), nullable=True),
        sa.Column("xero_total", sa.Numeric(), nullable=True),
        sa.Column("xero_status", sa.String(), nullable=True),
        sa.Column("xero_updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("xero_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("xero_base", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("xero_shown", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("last_synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "contact_id"],
            ["contact.workspace_id", "contact.id"],
            name=op.f("fk_invoice_workspace_id_contact_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_invoice_workspace_id_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("workspace_id", "number_key", name=op.f("uq_invoice_workspace_id_number_key")),
    )
    op.create_index(
        "ix_invoice_contact", "invoice", ["workspace_id", "contact_id", "issue_date"], unique=False
    )
    op.create_index(
        "ix_invoice_due",
        "invoice",
        ["workspace_id", "organisation_id"],
        unique=False,
        postgresql_where="due_at is not null",
    )
    op.create_index("ix_invoice_due_date", "invoice", ["workspace_id", "due_date", "id"], unique=False)
    op.create_index("ix_invoice_issue_date", "invoice", ["workspace_id", "issue_date", "id"], unique=False)
    op.create_index(
        "ix_invoice_search",
        "invoice",
        ["workspace_id", "search_key"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_key": "gin_trgm_ops"},
    )
    op.create_index("ix_invoice_status", "invoice", ["workspace_id", "status", "issue_date"], unique=False)
    op.create_index(
        "ix_invoice_sync",
        "invoice",
        ["workspace_id", "organisation_id", "sync_state", "failure_code"],
        unique=False,
    )
    op.create_index("ix_invoice_total", "invoice", ["workspace_id", "total_cents", "id"], unique=False)
    op.create_index(
        "ix_invoice_unlinked",
        "invoice",
        ["workspace_id", "organisation_id", "contact_id"],
        unique=False,
        postgresql_where="failure_code = 'CONTACT_NOT_SYNCED'",
    )
    op.create_index("ix_invoice_updated", "invoice", ["workspace_id", "updated_at", "id"], unique=False)
    op.create_index(
        "ix_invoice_xero", "invoice", ["workspace_id", "organisation_id", "xero_invoice_id"], unique=False
    )
    op.create_table(
        "xero_account",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("account_class", sa.String(), nullable=False),
        sa.Column("account_type", sa.String(), nullable=False),
        sa.Column("tax_type", sa.String(), nullable=True),
        sa.Column("system_account", sa.String(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("search_key", sa.Text(collation="C"), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_xero_account_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_xero_account")),
        sa.UniqueConstraint(
            "workspace_id",
            "organisation_id",
            "account_id",
            name=op.f("uq_xero_account_workspace_id_organisation_id_account_id"),
        ),
    )
    op.create_index(
        "ix_xero_account_code", "xero_account", ["workspace_id", "organisation_id", "code"], unique=False
    )
    op.create_table(
        "xero_tax_rate",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("tax_type", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("effective_rate", sa.Numeric(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("can_apply_to_revenue", sa.Boolean(), nullable=False),
        sa.Column("can_apply_to_expenses", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_xero_tax_rate_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_xero_tax_rate")),
        sa.UniqueConstraint(
            "workspace_id",
            "organisation_id",
            "tax_type",
            name=op.f("uq_xero_tax_rate_workspace_id_organisation_id_tax_type"),
        ),
    )
    op.create_table(
        "account_mapping",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("service_type_id", sa.Uuid(), nullable=False),
        sa.Column("xero_account_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_account_mapping_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "service_type_id"],
            ["service_type.workspace_id", "service_type.id"],
            name=op.f("fk_account_mapping_workspace_id_service_type_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "xero_account_id"],
            ["xero_account.workspace_id", "xero_account.id"],
            name=op.f("fk_account_mapping_workspace_id_xero_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "organisation_id", "service_type_id", name=op.f("pk_account_mapping")
        ),
    )
    op.create_table(
        "invoice_line",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "SERVICE",
                "EXPENSE",
                name="invoicelinekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("unit_price", sa.Numeric(), nullable=False),
        sa.Column("service_type_id", sa.Uuid(), nullable=True),
        sa.Column("tax_rate_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("tax_amount", sa.Numeric(), nullable=False),
        sa.Column("xero_account_id", sa.Uuid(), nullable=True),
        sa.Column("account_code", sa.String(), nullable=True),
        sa.Column("tax_type", sa.String(), nullable=True),
        sa.Column("xero_line_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "invoice_id"],
            ["invoice.workspace_id", "invoice.id"],
            name=op.f("fk_invoice_line_workspace_id_invoice_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "service_type_id"],
            ["service_type.workspace_id", "service_type.id"],
            name=op.f("fk_invoice_line_workspace_id_service_type_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "tax_rate_id"],
            ["tax_rate.workspace_id", "tax_rate.id"],
            name=op.f("fk_invoice_line_workspace_id_tax_rate_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_invoice_line")),
    )
    op.create_index(
        "ix_invoice_line_invoice", "invoice_line", ["workspace_id", "invoice_id", "place"], unique=False
    )
    op.create_index(
        "ix_invoice_line_service_type", "invoice_line", ["workspace_id", "service_type_id"], unique=False
    )
    op.create_index("ix_invoice_line_tax_rate", "invoice_line", ["workspace_id", "tax_rate_id"], unique=False)
    op.create_table(
        "payment",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "PAYMENT",
                "CREDIT_NOTE",
                "PREPAYMENT",
                "OVERPAYMENT",
                name="paymentkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("xero_id", sa.Uuid(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("reversed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "invoice_id"],
            ["invoice.workspace_id", "invoice.id"],
            name=op.f("fk_payment_workspace_id_invoice_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_payment")),
        sa.UniqueConstraint(
            "workspace_id", "invoice_id", "xero_id", name=op.f("uq_payment_workspace_id_invoice_id_xero_id")
        ),
    )
    op.create_table(
        "tax_mapping",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("tax_rate_id", sa.Uuid(), nullable=False),
        sa.Column("xero_tax_rate_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_tax_mapping_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "tax_rate_id"],
            ["tax_rate.workspace_id", "tax_rate.id"],
            name=op.f("fk_tax_mapping_workspace_id_tax_rate_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "xero_tax_rate_id"],
            ["xero_tax_rate.workspace_id", "xero_tax_rate.id"],
            name=op.f("fk_tax_mapping_workspace_id_xero_tax_rate_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "organisation_id", "tax_rate_id", name=op.f("pk_tax_mapping")
        ),
    )
    op.add_column("activity", sa.Column("invoice_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_activity_invoice",
        "activity",
        ["workspace_id", "invoice_id", "at"],
        unique=False,
        postgresql_where="invoice_id is not null",
    )
    op.add_column(
        "delivery",
        sa.Column(
            "cargo",
            sa.Enum(
                "CONTACTS", "INVOICES", name="cargo", native_enum=False, create_constraint=True, length=40
            ),
            server_default="CONTACTS",
            nullable=False,
        ),
    )
    op.alter_column("delivery", "cargo", server_default=None)
    op.add_column("delivery_member", sa.Column("invoice_id", sa.Uuid(), nullable=True))
    op.create_index(
        "uq_delivery_member_open_invoice",
        "delivery_member",
        ["workspace_id", "invoice_id"],
        unique=True,
        postgresql_where="open",
    )
    op.create_foreign_key(
        op.f("fk_delivery_member_workspace_id_invoice_id"),
        "delivery_member",
        "invoice",
        ["workspace_id", "invoice_id"],
        ["workspace_id", "id"],
        ondelete="CASCADE",
    )
    op.add_column(
        "organisation",
        sa.Column("invoice_sync", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("organisation", sa.Column("invoice_start_date", sa.Date(), nullable=True))
    op.add_column("organisation", sa.Column("revenue_account_id", sa.Uuid(), nullable=True))
    op.add_column("organisation", sa.Column("expense_account_id", sa.Uuid(), nullable=True))
    op.add_column("organisation", sa.Column("period_lock_date", sa.Date(), nullable=True))
    op.add_column("organisation", sa.Column("year_lock_date", sa.Date(), nullable=True))
    op.add_column("organisation", sa.Column("catalogue_read_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("organisation", sa.Column("catalogue_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("organisation", sa.Column("invoice_cursor", sa.DateTime(timezone=True), nullable=True))
    op.add_column("organisation", sa.Column("invoices_polled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("organisation", sa.Column("invoice_poll_due_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for door in DOORS:
        op.execute(f"drop function door.{door}")
    op.execute("delete from event where kind = 'INVOICE'")
    _events(EVENTS)
    op.execute(
        "delete from delivery where id in (select delivery_id from delivery_member where invoice_id is not null)"
    )
    op.drop_constraint(op.f("ck_delivery_member_one_cargo"), "delivery_member", type_="check")
    op.drop_constraint("pk_delivery_member", "delivery_member", type_="primary")
    op.alter_column("delivery_member", "link_id", nullable=False)
    op.create_primary_key("pk_delivery_member", "delivery_member", ["workspace_id", "delivery_id", "link_id"])
    op.drop_column("organisation", "invoice_poll_due_at")
    op.drop_column("organisation", "invoices_polled_at")
    op.drop_column("organisation", "invoice_cursor")
    op.drop_column("organisation", "catalogue_due_at")
    op.drop_column("organisation", "catalogue_read_at")
    op.drop_column("organisation", "year_lock_date")
    op.drop_column("organisation", "period_lock_date")
    op.drop_column("organisation", "expense_account_id")
    op.drop_column("organisation", "revenue_account_id")
    op.drop_column("organisation", "invoice_start_date")
    op.drop_column("organisation", "invoice_sync")
    op.drop_constraint(
        op.f("fk_delivery_member_workspace_id_invoice_id"), "delivery_member", type_="foreignkey"
    )
    op.drop_index("uq_delivery_member_open_invoice", table_name="delivery_member", postgresql_where="open")
    op.drop_column("delivery_member", "invoice_id")
    op.drop_column("delivery", "cargo")
    op.drop_index("ix_activity_invoice", table_name="activity", postgresql_where="invoice_id is not null")
    op.drop_column("activity", "invoice_id")
    op.drop_table("tax_mapping")
    op.drop_table("payment")
    op.drop_index("ix_invoice_line_tax_rate", table_name="invoice_line")
    op.drop_index("ix_invoice_line_service_type", table_name="invoice_line")
    op.drop_index("ix_invoice_line_invoice", table_name="invoice_line")
    op.drop_table("invoice_line")
    op.drop_table("account_mapping")
    op.drop_table("xero_tax_rate")
    op.drop_index("ix_xero_account_code", table_name="xero_account")
    op.drop_table("xero_account")
    op.drop_index("ix_invoice_xero", table_name="invoice")
    op.drop_index("ix_invoice_updated", table_name="invoice")
    op.drop_index(
        "ix_invoice_unlinked", table_name="invoice", postgresql_where="failure_code = 'CONTACT_NOT_SYNCED'"
    )
    op.drop_index("ix_invoice_total", table_name="invoice")
    op.drop_index("ix_invoice_sync", table_name="invoice")
    op.drop_index("ix_invoice_status", table_name="invoice")
    op.drop_index(
        "ix_invoice_search",
        table_name="invoice",
        postgresql_using="gin",
        postgresql_ops={"search_key": "gin_trgm_ops"},
    )
    op.drop_index("ix_invoice_issue_date", table_name="invoice")
    op.drop_index("ix_invoice_due_date", table_name="invoice")
    op.drop_index("ix_invoice_due", table_name="invoice", postgresql_where="due_at is not null")
    op.drop_index("ix_invoice_contact", table_name="invoice")
    op.drop_table("invoice")
    op.drop_index("uq_tax_rate_name", table_name="tax_rate", postgresql_where="archived_at is null")
    op.drop_table("tax_rate")
    op.drop_index("uq_service_type_name", table_name="service_type", postgresql_where="archived_at is null")
    op.drop_table("service_type")
    op.drop_table("invoice_sequence")
