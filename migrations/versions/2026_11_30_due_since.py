"""measure how far behind the workers are by what is handed to them

Revision ID: due_since
Revises: link_warnings
"""

from alembic import op

revision = "due_since"
down_revision = "link_warnings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(r"""
    -- Since when the oldest work of each kind has been due, of all that door.due_jobs would hand to a worker now: how far
    -- behind the workers are. Null: nothing is due.
    create or replace function door.due_since(p_now timestamptz) returns table (kind text, since timestamptz)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
        select k.shown, min(j.since)
          from (values ('send', 'send_contacts'), ('send', 'send_statuses'), ('send', 'send_invoices'),
                       ('webhook', 'read_contact_webhooks'), ('webhook', 'read_invoice_webhooks'),
                       ('import', 'advance_import'), ('delivery', 'recover_delivery')) k (shown, kind)
          left join door.due_jobs(p_now, p_now, '{}', 1000000) j on j.kind = k.kind
         group by k.shown
    $$
    """)


def downgrade() -> None:
    op.execute(r"""
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
    """)
