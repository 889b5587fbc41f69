"""tell when webhooks fell silent

Revision ID: bbd6421a480c
Revises: 340340a97629
"""

from alembic import op

revision = "bbd6421a480c"
down_revision = "340340a97629"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(r"""
    -- When the last webhook came, if contacts have changed in Xero two hours later or more without one: Xero has probably switched the
    -- webhook off. Null otherwise. What was connected after that webhook says nothing.
    create or replace function door.webhooks_silent_since() returns timestamptz
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
        select w.last from (select max(o.last_webhook_at) as last from organisation o) w
         where exists (
            select 1 from organisation o join activity a on a.workspace_id = o.workspace_id and a.organisation_id = o.id
             where o.disconnected_at is null and o.connected_at < w.last
               and a.actor_kind = 'XERO' and a.kind = 'CONTACT_CHANGED' and a.at > w.last + interval '2 hours')
    $$
    """)


def downgrade() -> None:
    op.execute(r"""
    drop function door.webhooks_silent_since()
    """)
