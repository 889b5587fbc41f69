"""Baseline: every table, index, check, row-level policy and function of the first version

Revision ID: baseline
Revises:

This revision replaces the revisions 0001 to 0022. Both ways build the same schema; `migrations/env.py` stamps a
database that is at 0022 as `baseline`. Like every revision, it holds everything that it needs and reads no other file
of the project.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "baseline"
down_revision = None
branch_labels = None
depends_on = None

# The setting is '' after the first transaction of a connection, and '' cannot be cast to uuid.
CURRENT_WORKSPACE = "nullif(current_setting('tandem.workspace', true), '')::uuid"
# In the order in which the tables can be dropped.
TABLES = (
    "match_candidate",
    "match_issue",
    "delivery_member",
    "tax_mapping",
    "sync_link",
    "payment",
    "owed_status",
    "likeness",
    "invoice_line",
    "account_mapping",
    "xero_tax_rate",
    "xero_contact",
    "xero_account",
    "set_apart",
    "reimport_mark",
    "push",
    "invoice",
    "import_run",
    "delivery",
    "activity",
    "organisation",
    "contact",
    "xero_limit",
    "xero_grant",
    "xero_call",
    "workspace",
    "webhook_event",
    "tax_rate",
    "service_type",
    "oauth_flow",
    "invoice_sequence",
    "idempotency_key",
    "event_counter",
    "event",
    "contact_type",
    "app_user",
    "api_token",
)
# Only functions of schema `door` read these tables: row-level security is on and no policy lets the app in.
DOOR_ONLY = ("oauth_flow", "webhook_event", "xero_call", "xero_grant", "xero_limit")


def upgrade() -> None:
    op.execute("create extension if not exists pg_trgm")
    op.execute("create extension if not exists btree_gin")
    _create_tables()
    for table in TABLES:
        op.execute(f"alter table {table} enable row level security")
        if table not in DOOR_ONLY:
            column = "id" if table == "workspace" else "workspace_id"
            op.execute(f"create policy own_workspace on {table} using ({column} = {CURRENT_WORKSPACE})")
    op.execute("create schema door")
    for function in FUNCTIONS:
        op.execute(function)


def downgrade() -> None:
    """Keeps the two extensions: they may be older than Tandem."""
    op.execute("drop schema door cascade")
    for table in TABLES:
        op.drop_table(table)


def _create_tables() -> None:
    op.create_table(
        "api_token",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("hash", postgresql.BYTEA(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_token_hash")),
    )
    op.create_table(
        "app_user",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_app_user")),
        sa.UniqueConstraint("workspace_id", "subject", name=op.f("uq_app_user_workspace_id_subject")),
    )
    op.create_table(
        "contact_type",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.Text(collation="C"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_contact_type")),
    )
    op.create_index(
        "uq_contact_type_name",
        "contact_type",
        ["workspace_id", "name_key"],
        unique=True,
        postgresql_where="archived_at is null",
    )
    op.create_table(
        "event",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "IMPORT_PROGRESS",
                "LINK",
                "MATCH_ISSUE",
                "CONTACT",
                "CONNECTION",
                "WORKSPACE",
                "DELETION",
                "RESYNC",
                "INVOICE",
                name="eventkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("activity_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "position", name=op.f("pk_event")),
    )
    op.create_index("ix_event_at", "event", ["at"], unique=False)
    op.create_table(
        "event_counter",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_event_counter")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("input_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("made", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "operation", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_table(
        "invoice_sequence",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_invoice_sequence")),
    )
    op.create_table(
        "oauth_flow",
        sa.Column("state_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("begun_by", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("cookie_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("sealed", postgresql.BYTEA(), nullable=False),
        sa.Column("return_to", sa.String(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_oauth_flow")),
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
        "webhook_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reads", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "category", "resource_id", name=op.f("pk_webhook_event")),
    )
    op.create_index("ix_webhook_event_due", "webhook_event", ["category", "due_at"], unique=False)
    op.create_table(
        "workspace",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("memory_key", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
    )
    op.create_table(
        "xero_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("bulk", sa.Boolean(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_xero_call")),
    )
    op.create_index("ix_xero_call_taken", "xero_call", ["taken_at"], unique=False)
    op.create_index("ix_xero_call_tenant", "xero_call", ["tenant_id", "taken_at"], unique=False)
    op.create_table(
        "xero_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("xero_user_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", postgresql.BYTEA(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("access_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("failed", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_xero_grant")),
        sa.UniqueConstraint("client_id", "xero_user_id", name=op.f("uq_xero_grant_client_id_xero_user_id")),
    )
    op.create_table(
        "xero_limit",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("minute_remaining", sa.Integer(), nullable=True),
        sa.Column("day_remaining", sa.Integer(), nullable=True),
        sa.Column("day_limit", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_xero_limit")),
    )
    op.create_table(
        "contact",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first_name", sa.String(), nullable=True),
        sa.Column("last_name", sa.String(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "PERSON",
                "ORGANISATION",
                name="contactkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.Column("contact_type_id", sa.Uuid(), nullable=True),
        sa.Column("billing_email", sa.String(), nullable=True),
        sa.Column("primary_phone", sa.String(), nullable=True),
        sa.Column(
            "billing_address", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name_key", sa.Text(collation="C"), nullable=True),
        sa.Column("email_key", sa.Text(collation="C"), nullable=True),
        sa.Column("search_key", sa.Text(collation="C"), nullable=True),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("field_times", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("created_by_run", sa.Uuid(), nullable=True),
        sa.Column("match_name", sa.Text(collation="C"), nullable=True),
        sa.Column("match_keys", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "contact_type_id"],
            ["contact_type.workspace_id", "contact_type.id"],
            name=op.f("fk_contact_workspace_id_contact_type_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_contact")),
    )
    op.create_index("ix_contact_created", "contact", ["workspace_id", "created_at", "id"], unique=False)
    op.create_index("ix_contact_email", "contact", ["workspace_id", "email_key"], unique=False)
    op.create_index("ix_contact_key_version", "contact", ["key_version"], unique=False)
    op.create_index(
        "ix_contact_match_keys",
        "contact",
        ["workspace_id", "match_keys"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_index(
        "ix_contact_match_name",
        "contact",
        ["workspace_id", "match_name"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"match_name": "gin_trgm_ops"},
        postgresql_with={"fastupdate": "off"},
    )
    op.create_index("ix_contact_name", "contact", ["workspace_id", "name_key", "id"], unique=False)
    op.create_index(
        "ix_contact_review", "contact", ["workspace_id"], unique=False, postgresql_where="needs_review"
    )
    op.create_index(
        "ix_contact_search",
        "contact",
        ["workspace_id", "search_key"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_key": "gin_trgm_ops"},
    )
    op.create_index("ix_contact_updated", "contact", ["workspace_id", "updated_at", "id"], unique=False)
    op.create_table(
        "organisation",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=True),
        sa.Column("grant_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("base_currency", sa.String(), nullable=False),
        sa.Column("country_code", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("short_code", sa.String(), nullable=True),
        sa.Column(
            "health",
            sa.Enum(
                "HEALTHY",
                "CATCHING_UP",
                "RATE_LIMITED",
                "PAUSED",
                "DEGRADED",
                "NEEDS_RECONNECT",
                "DISCONNECTED",
                name="connectionhealth",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("health_message", sa.String(), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disconnected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "contact_filter",
            sa.Enum(
                "CUSTOMERS_ONLY",
                "SUPPLIERS_AND_CUSTOMERS",
                "ALL",
                name="xerocontactfilter",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("default_contact_type_id", sa.Uuid(), nullable=True),
        sa.Column(
            "conflict_policy",
            sa.Enum(
                "LATEST_WINS",
                "XERO_WINS",
                "PRACTICE_WINS",
                "ASK",
                name="conflictpolicy",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("hold_similar", sa.Boolean(), nullable=False),
        sa.Column("read_cursor", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_full_scan_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_webhook_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("poll_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scan_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mass_change", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("invoice_sync", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("invoice_start_date", sa.Date(), nullable=True),
        sa.Column("revenue_account_id", sa.Uuid(), nullable=True),
        sa.Column("expense_account_id", sa.Uuid(), nullable=True),
        sa.Column("period_lock_date", sa.Date(), nullable=True),
        sa.Column("year_lock_date", sa.Date(), nullable=True),
        sa.Column("catalogue_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("catalogue_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("invoice_cursor", sa.DateTime(timezone=True), nullable=True),
        sa.Column("invoices_polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("invoice_poll_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_ahead", sa.Float(), server_default="0", nullable=False),
        sa.Column("limited_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("catching_up", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("health_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("let_through_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_by_hand_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("writes_failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "default_contact_type_id"],
            ["contact_type.workspace_id", "contact_type.id"],
            name=op.f("fk_organisation_workspace_id_default_contact_type_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("workspace_id", "tenant_id", name=op.f("uq_organisation_workspace_id_tenant_id")),
    )
    op.create_index(
        "uq_organisation_live_tenant",
        "organisation",
        ["tenant_id"],
        unique=True,
        postgresql_where="disconnected_at is null",
    )
    op.create_table(
        "activity",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "CONNECTED",
                "DISCONNECTED",
                "IMPORT_STARTED",
                "IMPORT_FINISHED",
                "LINKED",
                "UNLINKED",
                "CONTACT_CREATED",
                "CONTACT_CHANGED",
                "CONTACT_DELETED",
                "CONFLICT_SETTLED",
                "MASS_CHANGE_STOPPED",
                "ISSUE_OPENED",
                "ISSUE_RESOLVED",
                "PUSHED",
                "INVOICE_SYNCED",
                "INVOICE_CHANGED",
                "PAYMENT_RECORDED",
                "SETTING_CHANGED",
                "FAILED",
                name="activitykind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "actor_kind",
            sa.Enum(
                "USER",
                "API_TOKEN",
                "XERO",
                "TANDEM",
                name="actorkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("issue_id", sa.Uuid(), nullable=True),
        sa.Column("changes", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_activity_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_activity")),
    )
    op.create_index("ix_activity_at", "activity", ["workspace_id", "at", "id"], unique=False)
    op.create_index("ix_activity_contact", "activity", ["workspace_id", "contact_id", "at"], unique=False)
    op.create_index(
        "ix_activity_invoice",
        "activity",
        ["workspace_id", "invoice_id", "at"],
        unique=False,
        postgresql_where="invoice_id is not null",
    )
    op.create_index(
        "ix_activity_organisation", "activity", ["workspace_id", "organisation_id", "at"], unique=False
    )
    op.create_table(
        "delivery",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "CREATE",
                "UPDATE",
                "STATUS",
                name="deliverykind",
                native_enum=False,
                create_constraint=True,
                length=40,
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
        sa.Column(
            "cargo",
            sa.Enum(
                "CONTACTS", "INVOICES", name="cargo", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("recalled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
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
        "import_run",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "phase",
            sa.Enum(
                "READING",
                "MATCHING",
                "FINISHED",
                name="importphase",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("match", sa.Boolean(), nullable=False),
        sa.Column(
            "contact_filter",
            sa.Enum(
                "CUSTOMERS_ONLY",
                "SUPPLIERS_AND_CUSTOMERS",
                "ALL",
                name="xerocontactfilter",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("modified_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_page", sa.Integer(), nullable=False),
        sa.Column("read_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "match_pass",
            sa.Enum(
                "FULL_MATCHES",
                "ISSUES",
                "CREATIONS",
                "CHANGES",
                "SIMILAR",
                name="matchpass",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("position", sa.Uuid(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("full_matches", sa.Integer(), nullable=False),
        sa.Column("conflicts", sa.Integer(), nullable=False),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
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
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_import_run_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_import_run")),
    )
    op.create_index(
        "ix_import_run_due", "import_run", ["due_at"], unique=False, postgresql_where="finished_at is null"
    )
    op.create_index(
        "ix_import_run_started", "import_run", ["workspace_id", "organisation_id", "started_at"], unique=False
    )
    op.create_index(
        "uq_import_run_unfinished",
        "import_run",
        ["workspace_id", "organisation_id"],
        unique=True,
        postgresql_where="finished_at is null",
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
        "push",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("contact_number", sa.String(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archive", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("erased", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_push_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "organisation_id", "contact_number", name=op.f("pk_push")),
    )
    op.create_index("ix_push_link", "push", ["workspace_id", "link_id"], unique=False)
    op.create_index(
        "ix_push_open",
        "push",
        ["workspace_id", "organisation_id"],
        unique=False,
        postgresql_where="seen_at is null",
    )
    op.create_table(
        "reimport_mark",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("xero_contact_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased", sa.Boolean(), server_default=sa.text("false"), nullable=False),
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
        "set_apart",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("xero_contact_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contact_hash", postgresql.BYTEA(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_set_apart_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "organisation_id", "xero_contact_id", "contact_id", name=op.f("pk_set_apart")
        ),
    )
    op.create_index("ix_set_apart_contact", "set_apart", ["workspace_id", "contact_id"], unique=False)
    op.create_index(
        "ix_set_apart_hash",
        "set_apart",
        ["workspace_id", "contact_hash"],
        unique=False,
        postgresql_where="contact_hash is not null",
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
        "xero_contact",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("xero_contact_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first_name", sa.String(), nullable=True),
        sa.Column("last_name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("phone", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column(
            "billing_address", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("contact_number", sa.String(), nullable=True),
        sa.Column("is_customer", sa.Boolean(), nullable=False),
        sa.Column("is_supplier", sa.Boolean(), nullable=False),
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
        sa.Column("merged_to", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name_key", sa.Text(collation="C"), nullable=True),
        sa.Column("email_key", sa.Text(collation="C"), nullable=True),
        sa.Column("search_key", sa.Text(collation="C"), nullable=True),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column(
            "value_times", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("dirty", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("former_keys", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "brake",
            sa.Enum("COUNTED", "PASSED", name="brake", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("doubted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("match_name", sa.Text(collation="C"), nullable=True),
        sa.Column("match_keys", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_xero_contact_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_xero_contact")),
        sa.UniqueConstraint(
            "workspace_id",
            "organisation_id",
            "xero_contact_id",
            name=op.f("uq_xero_contact_workspace_id_organisation_id_xero_contact_id"),
        ),
    )
    op.create_index(
        "ix_xero_contact_dirty",
        "xero_contact",
        ["workspace_id", "organisation_id", "id"],
        unique=False,
        postgresql_where="dirty",
    )
    op.create_index(
        "ix_xero_contact_email",
        "xero_contact",
        ["workspace_id", "organisation_id", "email_key"],
        unique=False,
    )
    op.create_index("ix_xero_contact_key_version", "xero_contact", ["key_version"], unique=False)
    op.create_index(
        "ix_xero_contact_merged",
        "xero_contact",
        ["workspace_id", "organisation_id", "merged_to"],
        unique=False,
        postgresql_where="merged_to is not null",
    )
    op.create_index(
        "ix_xero_contact_name", "xero_contact", ["workspace_id", "organisation_id", "name_key"], unique=False
    )
    op.create_index(
        "ix_xero_contact_read",
        "xero_contact",
        ["read_due_at"],
        unique=False,
        postgresql_where="read_due_at is not null",
    )
    op.create_index(
        "ix_xero_contact_search",
        "xero_contact",
        ["workspace_id", "search_key"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_key": "gin_trgm_ops"},
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
        "likeness",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("xero_contact_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "contact_id"],
            ["contact.workspace_id", "contact.id"],
            name=op.f("fk_likeness_workspace_id_contact_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "xero_contact_id"],
            ["xero_contact.workspace_id", "xero_contact.id"],
            name=op.f("fk_likeness_workspace_id_xero_contact_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "xero_contact_id", "contact_id", name=op.f("pk_likeness")),
    )
    op.create_index("ix_likeness_contact", "likeness", ["workspace_id", "contact_id"], unique=False)
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
            ["workspace_id", "delivery_id"],
            ["delivery.workspace_id", "delivery.id"],
            name=op.f("fk_owed_status_workspace_id_delivery_id"),
            ondelete="SET NULL (delivery_id)",
        ),
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
        sa.PrimaryKeyConstraint(
            "workspace_id", "organisation_id", "xero_contact_id", name=op.f("pk_owed_status")
        ),
    )
    op.create_index("ix_owed_status_delivery", "owed_status", ["workspace_id", "delivery_id"], unique=False)
    op.create_index(
        "ix_owed_status_due", "owed_status", ["due_at"], unique=False, postgresql_where="delivery_id is null"
    )
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
        "sync_link",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("xero_contact_id", sa.Uuid(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "SYNCED",
                "PENDING",
                "FAILING",
                "CONFLICT",
                "UNSYNCED",
                "BROKEN",
                name="syncstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "origin",
            sa.Enum(
                "FULL_MATCH",
                "CONFIRMED",
                "CREATED_FROM_XERO",
                "PUSHED_TO_XERO",
                "REMATCHED",
                name="linkorigin",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "base_practice", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("base_xero", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("failure", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contact_number", sa.String(), nullable=True),
        sa.Column("bulk", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_owed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("refused", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("conflicts", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "brake",
            sa.Enum("COUNTED", "PASSED", name="brake", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blanked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "contact_id"],
            ["contact.workspace_id", "contact.id"],
            name=op.f("fk_sync_link_workspace_id_contact_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_sync_link_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "xero_contact_id"],
            ["xero_contact.workspace_id", "xero_contact.id"],
            name=op.f("fk_sync_link_workspace_id_xero_contact_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_sync_link")),
    )
    op.create_index("ix_sync_link_contact", "sync_link", ["workspace_id", "contact_id"], unique=False)
    op.create_index(
        "ix_sync_link_destroyed",
        "sync_link",
        ["workspace_id", "organisation_id"],
        unique=False,
        postgresql_where="destroyed_at is not null or blanked_at is not null",
    )
    op.create_index(
        "ix_sync_link_due",
        "sync_link",
        ["workspace_id", "organisation_id"],
        unique=False,
        postgresql_where="due_at is not null",
    )
    op.create_index(
        "ix_sync_link_state", "sync_link", ["workspace_id", "organisation_id", "state"], unique=False
    )
    op.create_index(
        "ix_sync_link_xero_contact", "sync_link", ["workspace_id", "xero_contact_id"], unique=False
    )
    op.create_index(
        "uq_sync_link_contact",
        "sync_link",
        ["workspace_id", "organisation_id", "contact_id"],
        unique=True,
        postgresql_where="state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')",
    )
    op.create_index(
        "uq_sync_link_xero_contact",
        "sync_link",
        ["workspace_id", "organisation_id", "xero_contact_id"],
        unique=True,
        postgresql_where="state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')",
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
    op.create_table(
        "delivery_member",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("sent", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(link_id is null) <> (invoice_id is null)", name=op.f("ck_delivery_member_one_cargo")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "delivery_id"],
            ["delivery.workspace_id", "delivery.id"],
            name=op.f("fk_delivery_member_workspace_id_delivery_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "invoice_id"],
            ["invoice.workspace_id", "invoice.id"],
            name=op.f("fk_delivery_member_workspace_id_invoice_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "link_id"],
            ["sync_link.workspace_id", "sync_link.id"],
            name=op.f("fk_delivery_member_workspace_id_link_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "delivery_id", "place", name=op.f("pk_delivery_member")),
    )
    op.create_index(
        "uq_delivery_member_open",
        "delivery_member",
        ["workspace_id", "link_id"],
        unique=True,
        postgresql_where="open",
    )
    op.create_index(
        "uq_delivery_member_open_invoice",
        "delivery_member",
        ["workspace_id", "invoice_id"],
        unique=True,
        postgresql_where="open",
    )
    op.create_table(
        "match_issue",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("xero_contact_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "NAME_ONLY",
                "EMAIL_ONLY",
                "AMBIGUOUS",
                "SIMILAR",
                name="matchissuereason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "OPEN",
                "RESOLVED",
                name="matchissuestate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reopened", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column(
            "resolution",
            sa.Enum(
                "CONFIRMED",
                "CREATED_SEPARATE",
                "IGNORED",
                "OBSOLETE",
                name="matchresolution",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("created_contact_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("merged", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "link_id"],
            ["sync_link.workspace_id", "sync_link.id"],
            name=op.f("fk_match_issue_workspace_id_link_id"),
            ondelete="SET NULL (link_id)",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organisation_id"],
            ["organisation.workspace_id", "organisation.id"],
            name=op.f("fk_match_issue_workspace_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "xero_contact_id"],
            ["xero_contact.workspace_id", "xero_contact.id"],
            name=op.f("fk_match_issue_workspace_id_xero_contact_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_match_issue")),
    )
    op.create_index(
        "ix_match_issue_created", "match_issue", ["workspace_id", "state", "created_at", "id"], unique=False
    )
    op.create_index("ix_match_issue_link", "match_issue", ["workspace_id", "link_id"], unique=False)
    op.create_index(
        "ix_match_issue_xero_contact", "match_issue", ["workspace_id", "xero_contact_id"], unique=False
    )
    op.create_index(
        "uq_match_issue_open",
        "match_issue",
        ["workspace_id", "organisation_id", "xero_contact_id"],
        unique=True,
        postgresql_where="state = 'OPEN'",
    )
    op.create_table(
        "match_candidate",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("issue_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("name_matches", sa.Boolean(), nullable=False),
        sa.Column("email_matches", sa.Boolean(), nullable=False),
        sa.Column("evidence", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "contact_id"],
            ["contact.workspace_id", "contact.id"],
            name=op.f("fk_match_candidate_workspace_id_contact_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "issue_id"],
            ["match_issue.workspace_id", "match_issue.id"],
            name=op.f("fk_match_candidate_workspace_id_issue_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "issue_id", "contact_id", name=op.f("pk_match_candidate")),
    )
    op.create_index(
        "ix_match_candidate_contact", "match_candidate", ["workspace_id", "contact_id"], unique=False
    )


# Each function passes row-level security on purpose; tests/test_migrations.py lists them.
FUNCTIONS = (
    """
-- Stores a consent that begins, and forgets those that have lapsed.
create or replace function door.begin_flow(
    p_state bytea, p_workspace uuid, p_by jsonb, p_cookie bytea, p_sealed bytea, p_return_to text,
    p_organisation uuid, p_now timestamptz, p_expires timestamptz
) returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from oauth_flow where expires_at <= p_now;
    insert into oauth_flow
        (state_hash, workspace_id, begun_by, cookie_hash, sealed, return_to, organisation_id, begun_at, expires_at)
    values (p_state, p_workspace, p_by, p_cookie, p_sealed, p_return_to, p_organisation, p_now, p_expires)
$$
""",
    """
-- What Xero's last answers said of these tenants' allowance, as far as it still holds: a minute and a day that are over
-- have given everything back. `limited_until` only while it lasts.
create or replace function door.call_budgets(p_tenants uuid[], p_now timestamptz)
returns table (tenant_id uuid, minute_remaining int, day_remaining int, day_limit int, limited_until timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select l.tenant_id,
           case when l.told_at <= p_now - interval '1 minute' then 60 else l.minute_remaining end,
           case when l.told_at <= p_now - interval '24 hours' then l.day_limit else l.day_remaining end,
           l.day_limit,
           case when l.until > p_now then l.until end
      from xero_limit l where l.tenant_id = any(p_tenants)
$$
""",
    """
-- Takes what is due in the inbox of one organisation of the workspace set in this transaction, oldest first, and makes
-- it due again at `p_until`, in case that whoever took it dies.
create or replace function door.claim_webhooks(
    p_organisation uuid, p_category text, p_now timestamptz, p_until timestamptz, p_limit int
) returns table (resource_id uuid, event_at timestamptz, reads int)
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with due as (
        select e.tenant_id, e.category, e.resource_id from webhook_event e
          join organisation o on o.tenant_id = e.tenant_id
         where o.id = p_organisation and e.category = p_category and e.due_at <= p_now
           and o.workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid
         order by e.due_at, e.resource_id limit p_limit
           for update of e skip locked
    )
    update webhook_event e set due_at = p_until from due
     where e.tenant_id = due.tenant_id and e.category = due.category and e.resource_id = due.resource_id
    returning e.resource_id, e.event_at, e.reads
$$
""",
    """
-- Organisations whose accounts, tax rates and lock dates are to be read: first once their contacts have been, and then
-- when it is time.
create or replace function door.due_catalogues(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id, o.id from organisation o
     where (o.catalogue_due_at <= p_now
            or o.catalogue_due_at is null and o.catalogue_read_at is null and o.read_cursor is not null)
       and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
       and o.id <> all(p_busy)
     order by o.catalogue_due_at nulls first limit p_limit
$$
""",
    """
-- Deliveries without an answer that are to be sent again, looked up or read. `p_busy`: those that are at it already.
create or replace function door.due_deliveries(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, delivery_id uuid, cargo text)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select d.workspace_id, d.id, d.cargo from delivery d
      join organisation o on o.workspace_id = d.workspace_id and o.id = d.organisation_id
     where d.ended_at is null and d.due_at <= p_now and d.lease_until <= p_now and d.id <> all(p_busy)
       and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED') and not o.catching_up and o.mass_change is null
     order by d.due_at limit p_limit
$$
""",
    """
-- Organisations whose invoices are to be looked at again.
create or replace function door.due_invoice_polls(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id, o.id from organisation o
     where o.invoice_sync and o.invoice_poll_due_at <= p_now and o.disconnected_at is null
       and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED') and o.id <> all(p_busy)
     order by o.invoice_poll_due_at limit p_limit
$$
""",
    """
-- Organisations with invoices to be created or voided in Xero, and such whose contact has been linked (or restored) since
-- they failed for want of it. Where the sync is off, what is due is put to rest. `p_busy`: those that are being sent already.
create or replace function door.due_invoices(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select i.workspace_id, i.organisation_id from (
        select d.workspace_id, d.organisation_id, d.due_at from invoice d
         where d.due_at is not null and coalesce(d.next_attempt_at, d.due_at) <= p_now
           and not exists (select 1 from delivery_member m
                            where m.workspace_id = d.workspace_id and m.invoice_id = d.id and m.open)
        union all
        select w.workspace_id, w.organisation_id, w.updated_at from invoice w
          join sync_link l on l.workspace_id = w.workspace_id and l.organisation_id = w.organisation_id
           and l.contact_id = w.contact_id and l.state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')
          join xero_contact x on x.workspace_id = l.workspace_id and x.id = l.xero_contact_id and x.status = 'ACTIVE'
         where w.failure_code = 'CONTACT_NOT_SYNCED' and w.due_at is null
    ) i
      join organisation o on o.workspace_id = i.workspace_id and o.id = i.organisation_id
     where o.disconnected_at is null and o.id <> all(p_busy) and not o.catching_up
       and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
     group by 1, 2 order by min(i.due_at) limit p_limit
$$
""",
    """
-- Organisations whose next look at Xero is due. `p_busy`: those where it is begun already.
create or replace function door.due_polls(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid, scan boolean)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id, o.id, coalesce(o.scan_due_at <= p_now, false) from organisation o
     where o.disconnected_at is null and o.started_at is not null and o.id <> all(p_busy)
       and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
       and (o.poll_due_at <= p_now or o.scan_due_at <= p_now)
       and not exists (select 1 from import_run r where r.workspace_id = o.workspace_id
                          and r.organisation_id = o.id and r.finished_at is null)
     order by o.poll_due_at limit p_limit
$$
""",
    """
-- Organisations of which a contact is to be read by itself. `p_busy`: those where it is at hand already.
create or replace function door.due_reads(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select x.workspace_id, x.organisation_id from xero_contact x
      join organisation o on o.workspace_id = x.workspace_id and o.id = x.organisation_id
     where x.read_due_at <= p_now and o.id <> all(p_busy)
       and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
     group by 1, 2 order by min(x.read_due_at) limit p_limit
$$
""",
    """
-- Imports that have something to do and that nobody holds, oldest first. `p_busy`: those that are being done already.
create or replace function door.due_runs(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, run_id uuid, due_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select r.workspace_id, r.id, r.due_at from import_run r
     where r.finished_at is null and r.due_at <= p_now and (r.lease_until is null or r.lease_until <= p_now)
       and r.id <> all(p_busy)
     order by r.due_at limit p_limit
$$
""",
    """
-- Organisations with something to send, or with a Xero contact to be archived or restored. None before all was read
-- again after a reconnect. `p_busy`: those that are at it already.
create or replace function door.due_sends(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select due.workspace_id, due.organisation_id from (
        select l.workspace_id, l.organisation_id, l.bulk, l.due_at, l.read_owed_at from sync_link l
         where l.due_at is not null and coalesce(l.next_attempt_at, l.due_at) <= p_now
           and l.state in ('PENDING', 'FAILING', 'CONFLICT')
           and not exists (select 1 from delivery_member m
                            where m.workspace_id = l.workspace_id and m.link_id = l.id and m.open)
           and not exists (select 1 from owed_status s where s.workspace_id = l.workspace_id
                            and s.organisation_id = l.organisation_id and s.xero_contact_id = l.xero_contact_id)
        union all
        select s.workspace_id, s.organisation_id, false, s.due_at, null from owed_status s
         where s.due_at <= p_now and s.delivery_id is null
      ) due
      join organisation o on o.workspace_id = due.workspace_id and o.id = due.organisation_id
     where o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
       and not o.catching_up and o.mass_change is null and o.id <> all(p_busy)
       and (due.read_owed_at is null or due.read_owed_at < o.read_asked_at)
     group by 1, 2 order by bool_and(due.bulk), min(due.due_at) limit p_limit
$$
""",
    """
-- Since when the oldest work of each kind has been due, of all that may be done now: how far behind the workers are.
create or replace function door.due_since(p_now timestamptz) returns table (kind text, since timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select 'send', min(coalesce(l.next_attempt_at, l.due_at)) from sync_link l
      join organisation o on o.workspace_id = l.workspace_id and o.id = l.organisation_id
     where l.due_at is not null and coalesce(l.next_attempt_at, l.due_at) <= p_now
       and l.state in ('PENDING', 'FAILING', 'CONFLICT') and o.disconnected_at is null and not o.catching_up
       and o.mass_change is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
    union all
    select 'webhook', min(e.due_at) from webhook_event e
      join organisation o on o.tenant_id = e.tenant_id and o.disconnected_at is null and o.started_at is not null
     where e.category = 'CONTACT' and e.due_at <= p_now and o.health not in ('NEEDS_RECONNECT', 'PAUSED')
    union all
    select 'import', min(r.due_at) from import_run r
     where r.finished_at is null and r.due_at <= p_now and (r.lease_until is null or r.lease_until <= p_now)
    union all
    select 'delivery', min(d.due_at) from delivery d
      join organisation o on o.workspace_id = d.workspace_id and o.id = d.organisation_id
     where d.ended_at is null and d.due_at <= p_now and d.lease_until <= p_now
       and o.disconnected_at is null and not o.catching_up and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
$$
""",
    """
-- Organisations of which the inbox holds something to be read by `p_until`, and from when on. Whatever a delta or the
-- first import reads, what was announced waits for the end of that; what takes longer keeps nobody waiting. `p_busy`:
-- those whose events are being read already.
create or replace function door.due_webhooks(p_category text, p_until timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid, due_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id, o.id, e.due_at
      from (select tenant_id, min(due_at) as due_at from webhook_event
             where category = p_category and due_at <= p_until group by 1) e
      join organisation o on o.tenant_id = e.tenant_id and o.disconnected_at is null
     where o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED') and o.started_at is not null
       and o.id <> all(p_busy)
       and not exists (select 1 from import_run r where r.workspace_id = o.workspace_id
                          and r.organisation_id = o.id and r.finished_at is null
                          and (r.purpose = 'DELTA' or o.read_cursor is null))
     order by e.due_at limit p_limit
$$
""",
    """
-- Organisations disconnected before that time, whose connection Xero may still have.
create or replace function door.ended_connections(p_before timestamptz)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id, o.id from organisation o
     where o.disconnected_at < p_before and o.connection_id is not null order by o.disconnected_at limit 100
$$
""",
    """
-- All workspaces there are: for the operator's list, which then looks into each by itself.
create or replace function door.every_workspace() returns table (workspace_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select w.id from workspace w order by w.created_at, w.id
$$
""",
    """
-- Whose token this is. Revoked and expired ones are nobody's.
create or replace function door.find_token(p_hash bytea, p_now timestamptz)
returns table (token_id uuid, workspace_id uuid, name text, scopes text[], expires_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select t.id, t.workspace_id, t.name, t.scopes, t.expires_at from api_token t
     where t.hash = p_hash and t.revoked_at is null and (t.expires_at is null or t.expires_at > p_now)
$$
""",
    """
-- Deletes calls that no window counts any more, at most so many at once.
create or replace function door.forget_calls(p_now timestamptz, p_most int)
returns int language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with old as (
        delete from xero_call where id in (
            select id from xero_call where taken_at < p_now - interval '26 hours' order by taken_at limit p_most
        ) returning 1
    ) select count(*)::int from old
$$
""",
    """
-- What was sent to Xero is personal data: the bytes of a delivery go when it ends, and after a day at most; an ended
-- one goes wholly. Gives how many went.
create or replace function door.forget_deliveries(p_before timestamptz) returns int
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with blanked as (
        update delivery set body = null where body is not null and claimed_at < p_before and ended_at is null returning 1
    ), gone as (
        delete from delivery where ended_at < p_before returning 1
    )
    select (select count(*) from gone)::int + 0 * (select count(*) from blanked)::int
$$
""",
    """
-- Deletes live events that are older than clients may be behind; gives how many.
create or replace function door.forget_events(p_before timestamptz) returns bigint
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with gone as (delete from event where at < p_before returning 1) select count(*) from gone
$$
""",
    """
-- Deletes what has lain in the inbox since before `p_before`: nobody reads it, and scans have shown it since. Gives how many.
create or replace function door.forget_inbox(p_before timestamptz) returns int
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with gone as (delete from webhook_event where received_at < p_before returning 1)
    select count(*)::int from gone
$$
""",
    """
-- An answer came: ends the call, and keeps what its headers said. A null status: it never left, and does not count.
create or replace function door.give_slot(
    p_slot uuid, p_now timestamptz, p_status int, p_minute_remaining int, p_day_remaining int, p_until timestamptz
) returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    tenant uuid;
    used int;
begin
    if p_status is null then
        delete from xero_call where id = p_slot and ended_at is null;
        return;
    end if;
    update xero_call set ended_at = p_now, status = p_status
     where id = p_slot and ended_at is null returning tenant_id into tenant;
    if tenant is null then
        return;
    end if;
    select count(*) into used from xero_call
     where tenant_id = tenant and taken_at > p_now - interval '25 hours' and ended_at > p_now - interval '24 hours';
    insert into xero_limit as known (tenant_id, minute_remaining, day_remaining, day_limit, told_at, until)
    values (tenant, p_minute_remaining, p_day_remaining,
            case when p_day_remaining + used <= 1000 then 1000 else 5000 end,
            case when coalesce(p_minute_remaining, p_day_remaining) is not null then p_now end, p_until)
    on conflict (tenant_id) do update set
        minute_remaining = case when excluded.told_at is null then known.minute_remaining else excluded.minute_remaining end,
        day_remaining = case when excluded.told_at is null then known.day_remaining
                             else coalesce(excluded.day_remaining, known.day_remaining) end,
        day_limit = case when excluded.day_remaining is null then known.day_limit else excluded.day_limit end,
        told_at = coalesce(greatest(known.told_at, excluded.told_at), known.told_at, excluded.told_at),
        until = greatest(known.until, excluded.until);
end $$
""",
    """
-- The tokens of a new consent replace those of the same Xero user; a refresh that is under way loses its lease.
create or replace function door.keep_grant(
    p_id uuid, p_client text, p_user uuid, p_sealed bytea, p_access_expires timestamptz, p_now timestamptz
) returns uuid language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    insert into xero_grant as known
        (id, client_id, xero_user_id, sealed, version, access_expires_at, refreshed_at)
    values (p_id, p_client, p_user, p_sealed, 1, p_access_expires, p_now)
    on conflict (client_id, xero_user_id) do update set
        sealed = excluded.sealed, version = known.version + 1, access_expires_at = excluded.access_expires_at,
        refreshed_at = excluded.refreshed_at, lease_until = null, lease_token = null, failed = null
    returning id
$$
""",
    """
-- Whether any workspace has keys of names that are of older rules than these.
create or replace function door.keys_behind(p_version int) returns boolean
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select exists (select 1 from contact where key_version < p_version)
        or exists (select 1 from xero_contact where key_version < p_version)
$$
""",
    """
-- When Xero last told this app anything, of whichever organisation: it has one address, and one subscription.
create or replace function door.last_webhook_at() returns timestamptz
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select max(last_webhook_at) from organisation
$$
""",
    """
-- The right to refresh this version of a grant, for one caller until the lease ends.
create or replace function door.lease_grant(
    p_id uuid, p_version int, p_token uuid, p_now timestamptz, p_until timestamptz
) returns boolean language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    update xero_grant set lease_token = p_token, lease_until = p_until
     where id = p_id and version = p_version and failed is null
       and (lease_until is null or lease_until <= p_now);
    return found;
end $$
""",
    """
-- Organisations that Xero's limits have stopped until now.
create or replace function door.limits_over(p_now timestamptz, p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id, o.id from organisation o
     where o.health = 'RATE_LIMITED' and o.limited_until <= p_now and o.disconnected_at is null limit p_limit
$$
""",
    """
-- What was taken from the inbox is due again at `p_until`. `p_read`: it has been read, and was older than its event.
create or replace function door.postpone_webhooks(
    p_organisation uuid, p_category text, p_resources uuid[], p_until timestamptz, p_read boolean
) returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with held as (
        select e.tenant_id, e.category, e.resource_id
          from webhook_event e
          join organisation o on o.tenant_id = e.tenant_id and o.id = p_organisation
           and o.workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid
         where e.category = p_category and e.resource_id = any(p_resources)
         order by 1, 2, 3 for update of e
    )
    update webhook_event e set due_at = p_until, reads = e.reads + p_read::int from held
     where e.tenant_id = held.tenant_id and e.category = held.category and e.resource_id = held.resource_id
$$
""",
    """
create or replace function door.read_grant(p_id uuid)
returns table (id uuid, client_id text, xero_user_id uuid, sealed bytea, version int,
               access_expires_at timestamptz, lease_until timestamptz, failed text)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select id, client_id, xero_user_id, sealed, version, access_expires_at, lease_until, failed
      from xero_grant where xero_grant.id = p_id
$$
""",
    """
-- Puts what Xero says has changed into the inbox, to be read once it is gathered, and rings for each workspace that it
-- concerns. Several events of one resource are one row. Gives how many resources were kept, and how many are of
-- organisations that are connected nowhere: those are dropped. What an organisation does not sync is
-- dropped too, as starting that begins with a read.
-- Waits for no lock but the inbox's own rows, taken in their order: Xero gives us 5 seconds.
create or replace function door.receive_webhooks(p_events jsonb, p_now timestamptz, p_gather interval)
returns table (kept int, unknown int)
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with told as (
        select (e->>'tenant')::uuid as tenant, e->>'category' as category, (e->>'resource')::uuid as resource,
               max((e->>'at')::timestamptz) as at
          from jsonb_array_elements(p_events) e group by 1, 2, 3
    ), known as (
        select t.*, o.workspace_id, case t.category when 'CONTACT' then o.started_at is not null else o.invoice_sync end as wanted from told t
          join organisation o on o.tenant_id = t.tenant and o.disconnected_at is null
    ), kept as (
        insert into webhook_event (tenant_id, category, resource_id, event_at, received_at, due_at)
        select tenant, category, resource, at, p_now, p_now + p_gather from known where wanted order by 1, 2, 3
        on conflict (tenant_id, category, resource_id) do update
            set event_at = greatest(webhook_event.event_at, excluded.event_at),
                due_at = least(webhook_event.due_at, excluded.due_at),
                reads = case when excluded.event_at > webhook_event.event_at then 0 else webhook_event.reads end
        returning 1
    ), stale as (
        select o.workspace_id, o.id from organisation o
         where o.tenant_id in (select tenant from known) and o.disconnected_at is null
           and (o.last_webhook_at is null or o.last_webhook_at < p_now - interval '10 seconds')
           for no key update skip locked
    ), stamped as (
        update organisation o set last_webhook_at = p_now from stale
         where o.workspace_id = stale.workspace_id and o.id = stale.id
    ), rung as (
        select pg_notify('tandem_due', w.workspace_id::text) from (select distinct workspace_id from known where wanted) w
    )
    select (select count(*) from kept)::int + 0 * (select count(*) from rung)::int,
           (select count(*) from told)::int - (select count(*) from known)::int
$$
""",
    """
-- Tells the planner how large the tables of an import have become. A fresh import grows them from nothing faster than
-- autovacuum looks, and on old statistics each page's look-ups would read all links that were made before it.
create or replace function door.refresh_statistics() returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    analyze contact, xero_contact, sync_link, match_issue;
end
$$
""",
    """
-- A refresh came to nothing and may be tried again at once, with the stored token.
create or replace function door.release_grant(p_id uuid, p_token uuid)
returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update xero_grant set lease_until = null, lease_token = null where id = p_id and lease_token = p_token
$$
""",
    """
-- Ids of rows of the workspace set in this transaction whose search_key is like every pattern. Under row-level
-- security PostgreSQL would not use the trigram index, as LIKE is not leakproof. EXECUTE, so that it is planned anew.
create or replace function door.search_contacts(p_patterns text[], p_limit int) returns setof uuid
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    workspace uuid := nullif(current_setting('tandem.workspace', true), '')::uuid;
begin
    return query execute
        'select id from contact where workspace_id = $1'
        || coalesce((select string_agg(format(' and search_key like %L', pattern), '') from unnest(p_patterns) pattern), '')
        || ' limit $2' using workspace, p_limit;
end
$$
""",
    """
-- Ids of rows of the workspace set in this transaction whose search_key is like every pattern. Under row-level
-- security PostgreSQL would not use the trigram index, as LIKE is not leakproof. EXECUTE, so that it is planned anew.
create or replace function door.search_invoices(p_patterns text[], p_limit int) returns setof uuid
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    workspace uuid := nullif(current_setting('tandem.workspace', true), '')::uuid;
begin
    return query execute
        'select id from invoice where workspace_id = $1'
        || coalesce((select string_agg(format(' and search_key like %L', pattern), '') from unnest(p_patterns) pattern), '')
        || ' limit $2' using workspace, p_limit;
end
$$
""",
    """
-- Ids of rows of the workspace set in this transaction whose search_key is like every pattern. Under row-level
-- security PostgreSQL would not use the trigram index, as LIKE is not leakproof. EXECUTE, so that it is planned anew.
create or replace function door.search_xero_contacts(p_patterns text[], p_limit int) returns setof uuid
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    workspace uuid := nullif(current_setting('tandem.workspace', true), '')::uuid;
begin
    return query execute
        'select id from xero_contact where workspace_id = $1'
        || coalesce((select string_agg(format(' and search_key like %L', pattern), '') from unnest(p_patterns) pattern), '')
        || ' limit $2' using workspace, p_limit;
end
$$
""",
    """
-- Stores what a refresh brought: tokens, or the reason why there are none (p_failed). False, and nothing done, where
-- the grant has moved on or the lease has gone to another.
create or replace function door.settle_grant(
    p_id uuid, p_version int, p_token uuid, p_sealed bytea, p_access_expires timestamptz, p_failed text,
    p_now timestamptz
) returns boolean language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    update xero_grant set
        sealed = coalesce(p_sealed, sealed),
        access_expires_at = coalesce(p_access_expires, access_expires_at),
        refreshed_at = case when p_failed is null then p_now else refreshed_at end,
        failed = p_failed, version = version + 1, lease_until = null, lease_token = null
     where id = p_id and version = p_version and lease_token = p_token;
    return found;
end $$
""",
    """
-- Takes out of the inbox what has been looked at; an event that came since stays.
create or replace function door.settle_webhooks(
    p_organisation uuid, p_category text, p_resources uuid[], p_times timestamptz[]
) returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with done as (
        select e.tenant_id, e.category, e.resource_id
          from webhook_event e
          join organisation o on o.tenant_id = e.tenant_id and o.id = p_organisation
           and o.workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid
          join unnest(p_resources, p_times) as looked(resource, at) on looked.resource = e.resource_id
         where e.category = p_category and e.event_at <= looked.at
         order by 1, 2, 3 for update of e
    )
    delete from webhook_event e using done
     where e.tenant_id = done.tenant_id and e.category = done.category and e.resource_id = done.resource_id
$$
""",
    """
-- Ids of contacts, active and without a link in the organisation, that may be one with each of the asked ones (name and
-- keys as domain.contact_keys makes them); `place` counts from 1. The likest by trigrams, and those that share a key
-- with few others. Under row-level security PostgreSQL would use neither index, as their operators are not leakproof.
-- Trigrams from a similarity of 0.4 on: PostgreSQL's own 0.3 doubles the time and finds two in a thousand more.
-- EXECUTE, so that it is planned on today's statistics; `same`, as the limit would make reading the whole table look cheap;
-- limit 1, as many are expected to be found and the whole table was hashed for a few. A blank name is like none, and would
-- be looked for in the whole index.
create or replace function door.similar_contacts(p_organisation uuid, p_names text[], p_keys jsonb)
returns table (place int, contact_id uuid)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    workspace uuid := nullif(current_setting('tandem.workspace', true), '')::uuid;
begin
    perform set_config('pg_trgm.similarity_threshold', '0.4', true);
    return query execute
        'select near.place, c.id from ('
        ' select a.place::int, s.id from unnest($3) with ordinality a(name, place) cross join lateral ('
        '     select id from contact where workspace_id = $1 and match_name % a.name and a.name <> '''' and archived_at is null'
        '      order by similarity(match_name, a.name) desc, id limit 20) s'
        ' union'
        ' select k.place::int, unnest(few.ids) from jsonb_array_elements($4) with ordinality a(keys, place)'
        '     cross join lateral (select a.place, k.key from jsonb_array_elements_text(a.keys) k(key)) k cross join lateral ('
        '     select case when count(*) <= 50 then array_agg(t.id) end as ids from ('
        '         with same as materialized ('
        '             select id from contact where workspace_id = $1 and match_keys @> array[k.key])'
        '         select id from same limit 51) t) few'
        ') near cross join lateral ('
        '     select id from contact where workspace_id = $1 and id = near.id and archived_at is null limit 1) c'
        ' where not exists (select 1 from sync_link l where l.workspace_id = $1 and l.contact_id = c.id'
        '   and l.organisation_id = $2 and l.state in (''SYNCED'', ''PENDING'', ''FAILING'', ''CONFLICT''))'
        using workspace, p_organisation, p_names, p_keys;
end
$$
""",
    """
-- Grants last refreshed before that time: a refresh token dies after 60 unused days.
create or replace function door.stale_grants(p_before timestamptz)
returns setof uuid language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select id from xero_grant where failed is null and refreshed_at < p_before order by refreshed_at limit 100
$$
""",
    """
-- Gives a consent that was begun, once: the second asking finds nothing.
create or replace function door.take_flow(p_state bytea, p_now timestamptz)
returns table (workspace_id uuid, begun_by jsonb, cookie_hash bytea, sealed bytea, return_to text,
               organisation_id uuid, begun_at timestamptz)
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from oauth_flow f where f.state_hash = p_state and f.expires_at > p_now
    returning f.workspace_id, f.begun_by, f.cookie_hash, f.sealed, f.return_to, f.organisation_id, f.begun_at
$$
""",
    """
-- Takes a slot for one call of Xero: answers null, or the time before which there is none and nothing was taken.
-- Xero allows one organisation 5 calls at once, 60 in a minute and 1,000 or 5,000 in a day, and an app 10,000 a minute.
-- A call counts in the minute and the day from its answer on, or from the end of its hold if no answer came, over a
-- sliding window, as Xero's own windows begin when we cannot know. What others use of the same allowance is what the
-- last answer said is gone, less what we had used by then. Bulk leaves room for interactive calls.
create or replace function door.take_slot(
    p_slot uuid, p_tenant uuid, p_bulk boolean, p_now timestamptz, p_holds interval
) returns timestamptz language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    at_once constant int := case when p_bulk then 4 else 5 end;
    a_minute constant int := case when p_bulk then 47 else 57 end;
    day_share constant numeric := case when p_bulk then 0.9 else 1 end;
    app_minute constant int := 9500;
    busy_pause constant interval := '250 milliseconds';
    minute constant interval := '1 minute';
    day constant interval := '24 hours';
    told public.xero_limit;
    in_flight int;
    used_minute int;
    used_day int;
    others_minute int := 0;
    others_day int := 0;
    over int;
    free_at timestamptz;
begin
    perform pg_advisory_xact_lock(hashtextextended('tandem limit ' || p_tenant, 0));
    select * into told from xero_limit where tenant_id = p_tenant;
    if told.until > p_now then
        return told.until;
    end if;

    select count(*) filter (where ended_at is null and expires_at > p_now),
           count(*) filter (where coalesce(ended_at, expires_at) > p_now - minute),
           count(*)
      into in_flight, used_minute, used_day
      from xero_call
     where tenant_id = p_tenant and taken_at > p_now - day - p_holds
       and coalesce(ended_at, expires_at) > p_now - day;
    if in_flight >= at_once then
        return p_now + busy_pause;
    end if;

    if told.told_at > p_now - day then
        select greatest(0, 60 - told.minute_remaining - count(*) filter (where ended_at > told.told_at - minute)),
               greatest(0, told.day_limit - told.day_remaining - count(*))
          into others_minute, others_day
          from xero_call
         where tenant_id = p_tenant and taken_at > told.told_at - day - p_holds
           and ended_at > told.told_at - day and ended_at <= told.told_at;
        if told.told_at <= p_now - minute then
            others_minute := 0;
        end if;
    end if;

    over := used_minute + coalesce(others_minute, 0) - a_minute + 1;
    if over > 0 then
        select coalesce(ended_at, expires_at) + minute into free_at
          from xero_call
         where tenant_id = p_tenant and taken_at > p_now - minute - p_holds
           and coalesce(ended_at, expires_at) > p_now - minute
         order by coalesce(ended_at, expires_at) offset over - 1 limit 1;
        return coalesce(free_at, told.told_at + minute);
    end if;

    over := ceil(used_day + coalesce(others_day, 0) - coalesce(told.day_limit, 5000) * day_share) + 1;
    if over > 0 then
        select coalesce(ended_at, expires_at) + day into free_at
          from xero_call
         where tenant_id = p_tenant and taken_at > p_now - day - p_holds
           and coalesce(ended_at, expires_at) > p_now - day
         order by coalesce(ended_at, expires_at) offset over - 1 limit 1;
        -- What others used comes back at a time that nobody tells: look again within the hour.
        return least(coalesce(free_at, p_now + '1 hour'), p_now + '1 hour');
    end if;

    if (select count(*) from xero_call
         where taken_at > p_now - minute - p_holds and coalesce(ended_at, expires_at) > p_now - minute) >= app_minute
    then
        return p_now + '1 second';
    end if;

    insert into xero_call (id, tenant_id, bulk, taken_at, expires_at)
    values (p_slot, p_tenant, p_bulk, p_now, p_now + p_holds);
    return null;
end $$
""",
    """
-- The workspaces in which this organisation of Xero is connected now.
create or replace function door.tenant_workspaces(p_tenant uuid) returns setof uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id from organisation o where o.tenant_id = p_tenant and o.disconnected_at is null
$$
""",
)
