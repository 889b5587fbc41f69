"""finer reasons of match issues, and Xero contacts by official number

Revision ID: 4c1e7a90d3b2
Revises: b18b7b273ff6
"""

import sqlalchemy as sa
from alembic import op

revision = "4c1e7a90d3b2"
down_revision = "b18b7b273ff6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("match_issue", sa.Column("finer_reason", sa.String(), nullable=True))
    # Few contacts have numbers, so the index is small and made within seconds.
    op.create_index(
        "ix_xero_contact_numbers",
        "xero_contact",
        ["workspace_id", "identifier_keys"],
        unique=False,
        postgresql_using="gin",
        postgresql_where="identifier_keys <> '{}'",
    )
    op.create_index(
        "ix_xero_contact_accounts",
        "xero_contact",
        ["workspace_id", "identifiers"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"identifiers": "jsonb_path_ops"},
        postgresql_where="identifiers <> '[]'",
    )
    op.execute(r"""
    -- Ids of the organisation's Xero contacts, of the transaction's workspace, that have one of these official numbers (keys as
    -- domain.fields.identifiers makes them) or account numbers (as written). Under row-level security PostgreSQL would use neither
    -- index, because their operators are not leakproof. A number that very many contacts hold shows nothing, so the limits cut
    -- nothing of use.
    create or replace function door.numbered_xero_contacts(p_organisation uuid, p_keys text[], p_accounts text[]) returns setof uuid
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
        (select id from xero_contact
          where workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid and organisation_id = p_organisation
            and identifier_keys <> '{}' and identifier_keys && p_keys limit 50)
        union
        (select x.id from unnest(p_accounts) a(number) cross join lateral (
            select id from xero_contact
             where workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid and organisation_id = p_organisation
               and identifiers <> '[]'
               and identifiers @> jsonb_build_array(jsonb_build_object('kind', 'ACCOUNT_NUMBER', 'value', a.number)) limit 50) x)
    $$
    """)


def downgrade() -> None:
    op.execute(r"""
    drop function door.numbered_xero_contacts(uuid,text[],text[])
    """)
    op.drop_index("ix_xero_contact_accounts", table_name="xero_contact")
    op.drop_index("ix_xero_contact_numbers", table_name="xero_contact")
    op.execute(
        "update match_issue set reason = finer_reason where finer_reason is not null and reason = 'AMBIGUOUS'"
    )
    op.drop_column("match_issue", "finer_reason")
