"""The tables, the policies that bind them to a workspace, and the doors

Revision ID: 0001
Revises:
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
DOORS = (
    "take_slot",
    "give_slot",
    "call_budgets",
    "forget_calls",
    "keep_grant",
    "read_grant",
    "lease_grant",
    "settle_grant",
    "release_grant",
    "stale_grants",
    "find_token",
    "due_runs",
    "begin_flow",
    "take_flow",
    "ended_connections",
    "tenant_workspaces",
    "search_contacts",
    "search_xero_contacts",
    "forget_events",
    "refresh_statistics",
)
# Reached through the doors only: policed, and no policy lets anyone in.
DOOR_ONLY = ("oauth_flow", "xero_grant", "xero_call", "xero_limit")
# After a first transaction the setting is '', which would not cast.
CURRENT = "nullif(current_setting('tandem.workspace', true), '')::uuid"


def upgrade() -> None:
    op.execute("create extension if not exists pg_trgm")
    op.execute("create extension if not exists btree_gin")
    _tables()
    policed = op.get_bind().execute(
        sa.text(
            "select table_name from information_schema.columns where table_schema = 'public'"
            " and column_name = 'workspace_id' order by 1"
        )
    )
    for (table,) in policed.all():
        if table not in DOOR_ONLY:
            _police(table, "workspace_id")
    _police("workspace", "id")
    for table in DOOR_ONLY:
        op.execute(f"alter table {table} enable row level security")
    op.execute("create schema door")
    for door in DOORS:
        op.get_bind().exec_driver_sql((SQL / f"door_{door}.sql").read_text())


def _police(table: str, column: str) -> None:
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"create policy own_workspace on {table} using ({column} = {CURRENT})")


def _tables() -> None:
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
        "workspace",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
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
        sa.ForeignKeyConstraint(
            ["workspace_id", "contact_type_id"],
            ["contact_type.workspace_id", "contact_type.id"],
            name=op.f("fk_contact_workspace_id_contact_type_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_contact")),
    )
    op.create_index("ix_contact_created", "contact", ["workspace_id", "created_at", "id"], unique=False)
    op.create_index("ix_contact_email", "contact", ["workspace_id", "email_key"], unique=False)
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
        "ix_activity_organisation", "activity", ["workspace_id", "organisation_id", "at"], unique=False
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
        "set_apart",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("xero_contact_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "contact_id"],
            ["contact.workspace_id", "contact.id"],
            name=op.f("fk_set_apart_workspace_id_contact_id"),
            ondelete="CASCADE",
        ),
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
        "ix_xero_contact_email",
        "xero_contact",
        ["workspace_id", "organisation_id", "email_key"],
        unique=False,
    )
    op.create_index(
        "ix_xero_contact_name", "xero_contact", ["workspace_id", "organisation_id", "name_key"], unique=False
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


def downgrade() -> None:
    op.execute("drop schema door cascade")
    op.drop_index("ix_match_candidate_contact", table_name="match_candidate")
    op.drop_table("match_candidate")
    op.drop_index("uq_match_issue_open", table_name="match_issue", postgresql_where="state = 'OPEN'")
    op.drop_index("ix_match_issue_xero_contact", table_name="match_issue")
    op.drop_index("ix_match_issue_link", table_name="match_issue")
    op.drop_index("ix_match_issue_created", table_name="match_issue")
    op.drop_table("match_issue")
    op.drop_index(
        "uq_sync_link_xero_contact",
        table_name="sync_link",
        postgresql_where="state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')",
    )
    op.drop_index(
        "uq_sync_link_contact",
        table_name="sync_link",
        postgresql_where="state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')",
    )
    op.drop_index("ix_sync_link_xero_contact", table_name="sync_link")
    op.drop_index("ix_sync_link_state", table_name="sync_link")
    op.drop_index("ix_sync_link_due", table_name="sync_link", postgresql_where="due_at is not null")
    op.drop_index("ix_sync_link_contact", table_name="sync_link")
    op.drop_table("sync_link")
    op.drop_index(
        "ix_xero_contact_search",
        table_name="xero_contact",
        postgresql_using="gin",
        postgresql_ops={"search_key": "gin_trgm_ops"},
    )
    op.drop_index("ix_xero_contact_name", table_name="xero_contact")
    op.drop_index("ix_xero_contact_email", table_name="xero_contact")
    op.drop_table("xero_contact")
    op.drop_index("ix_set_apart_contact", table_name="set_apart")
    op.drop_table("set_apart")
    op.drop_index("uq_import_run_unfinished", table_name="import_run", postgresql_where="finished_at is null")
    op.drop_index("ix_import_run_started", table_name="import_run")
    op.drop_index("ix_import_run_due", table_name="import_run", postgresql_where="finished_at is null")
    op.drop_table("import_run")
    op.drop_index("ix_activity_organisation", table_name="activity")
    op.drop_index("ix_activity_contact", table_name="activity")
    op.drop_index("ix_activity_at", table_name="activity")
    op.drop_table("activity")
    op.drop_index(
        "uq_organisation_live_tenant", table_name="organisation", postgresql_where="disconnected_at is null"
    )
    op.drop_table("organisation")
    op.drop_index("ix_contact_updated", table_name="contact")
    op.drop_index(
        "ix_contact_search",
        table_name="contact",
        postgresql_using="gin",
        postgresql_ops={"search_key": "gin_trgm_ops"},
    )
    op.drop_index("ix_contact_review", table_name="contact", postgresql_where="needs_review")
    op.drop_index("ix_contact_name", table_name="contact")
    op.drop_index("ix_contact_email", table_name="contact")
    op.drop_index("ix_contact_created", table_name="contact")
    op.drop_table("contact")
    op.drop_table("xero_limit")
    op.drop_table("xero_grant")
    op.drop_index("ix_xero_call_tenant", table_name="xero_call")
    op.drop_index("ix_xero_call_taken", table_name="xero_call")
    op.drop_table("xero_call")
    op.drop_table("workspace")
    op.drop_table("oauth_flow")
    op.drop_table("idempotency_key")
    op.drop_table("event_counter")
    op.drop_index("ix_event_at", table_name="event")
    op.drop_table("event")
    op.drop_index("uq_contact_type_name", table_name="contact_type", postgresql_where="archived_at is null")
    op.drop_table("contact_type")
    op.drop_table("app_user")
    op.drop_table("api_token")
