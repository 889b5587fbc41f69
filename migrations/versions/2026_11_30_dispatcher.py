"""What is due in one statement, and a row for each worker

Revision ID: dispatcher
Revises: e81f6f263b8d
"""

import sqlalchemy as sa
from alembic import op

revision = "dispatcher"
down_revision = "e81f6f263b8d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "worker",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
    )
    op.drop_index(op.f("ix_invoice_due"), table_name="invoice", postgresql_where="(due_at IS NOT NULL)")
    op.create_index(
        "ix_invoice_due",
        "invoice",
        ["workspace_id", "organisation_id", "bulk", "due_at"],
        unique=False,
        postgresql_where="due_at is not null",
    )
    op.drop_index(op.f("ix_sync_link_due"), table_name="sync_link", postgresql_where="(due_at IS NOT NULL)")
    op.create_index(
        "ix_sync_link_due",
        "sync_link",
        ["workspace_id", "organisation_id", "bulk", "due_at"],
        unique=False,
        postgresql_where="due_at is not null",
    )
    op.execute(r"""
    alter table worker enable row level security
    """)
    op.execute(r"""
    -- A worker lives: its row is made or stamped, and every worker whose stamp is older than p_lost_after is marked as lost.
    -- Gives the epoch, which changes when a worker is lost, and the number of live workers.
    create or replace function door.beat_worker(p_worker uuid, p_name text, p_now timestamptz, p_lost_after interval)
    returns table (epoch bigint, workers int)
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
    begin
        insert into worker (id, name, started_at, beat_at) values (p_worker, p_name, p_now, p_now)
        on conflict (id) do update set beat_at = excluded.beat_at;
        update worker w set lost_at = p_now where w.id in (
            select v.id from worker v
             where v.beat_at < p_now - p_lost_after and (v.lost_at is null or v.lost_at < v.beat_at)
             order by v.id for update skip locked);
        delete from worker w where w.lost_at < p_now - interval '1 day' and w.beat_at < w.lost_at;
        return query
        select coalesce((extract(epoch from max(w.lost_at)) * 1000)::bigint, 0),
               (count(*) filter (where w.beat_at >= p_now - p_lost_after))::int
          from worker w;
    end $$
    """)
    op.execute(r"""
    drop function door.due_catalogues(timestamp with time zone,uuid[],integer)
    """)
    op.execute(r"""
    drop function door.due_deliveries(timestamp with time zone,uuid[],integer)
    """)
    op.execute(r"""
    drop function door.due_invoice_polls(timestamp with time zone,uuid[],integer)
    """)
    op.execute(r"""
    drop function door.due_invoices(timestamp with time zone,uuid[],integer)
    """)
    op.execute(r"""
    -- What is due, over all workspaces: jobs by kind, id and lane. `since`: since when the oldest piece of the job is due;
    -- `newest`: when its newest piece became due. At most p_limit jobs of a lane, oldest first. p_busy: names of jobs that are
    -- left out, as they wait or run already. Links and invoices are found by a walk over the lanes that have due marks, so
    -- that 5,000 marks of one lane cost as much as one. JIT, or a new plan for each call, would take longer than the call.
    create or replace function door.due_jobs(p_now timestamptz, p_soon timestamptz, p_busy text[], p_limit int)
    returns table (kind text, workspace_id uuid, key uuid, lane text, since timestamptz, newest timestamptz)
    language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp set jit = off
    set plan_cache_mode = force_generic_plan as $$
    #variable_conflict use_column
    begin
    return query
    with recursive link_lane as (
        (select l.workspace_id, l.organisation_id, l.bulk from sync_link l where l.due_at is not null
          order by 1, 2, 3 limit 1)
        union all
        select n.workspace_id, n.organisation_id, n.bulk from link_lane g, lateral (
            select l.workspace_id, l.organisation_id, l.bulk from sync_link l
             where l.due_at is not null
               and (l.workspace_id, l.organisation_id, l.bulk) > (g.workspace_id, g.organisation_id, g.bulk)
             order by 1, 2, 3 limit 1) n
    ), invoice_lane as (
        (select i.workspace_id, i.organisation_id, i.bulk from invoice i where i.due_at is not null
          order by 1, 2, 3 limit 1)
        union all
        select n.workspace_id, n.organisation_id, n.bulk from invoice_lane g, lateral (
            select i.workspace_id, i.organisation_id, i.bulk from invoice i
             where i.due_at is not null
               and (i.workspace_id, i.organisation_id, i.bulk) > (g.workspace_id, g.organisation_id, g.bulk)
             order by 1, 2, 3 limit 1) n
    )
    -- Links whose practice side differs from Xero, in two lanes: what a person waits for, and bulk.
    (select 'send_contacts', g.workspace_id, g.organisation_id, case when g.bulk then 'bulk' else 'interactive' end,
            first.due_at, last.due_at
       from link_lane g
       join organisation o on o.workspace_id = g.workspace_id and o.id = g.organisation_id
        and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
        and not o.catching_up and o.mass_change is null
      cross join lateral (
            select l.due_at from sync_link l
             where l.workspace_id = g.workspace_id and l.organisation_id = g.organisation_id and l.bulk = g.bulk
               and l.due_at is not null and coalesce(l.next_attempt_at, l.due_at) <= p_now
               and l.state in ('PENDING', 'FAILING', 'CONFLICT')
               and (l.read_owed_at is null or l.read_owed_at < o.read_asked_at)
               and not exists (select 1 from delivery_member m
                                where m.workspace_id = l.workspace_id and m.link_id = l.id and m.open)
               and not exists (select 1 from owed_status s where s.workspace_id = l.workspace_id
                                and s.organisation_id = l.organisation_id and s.xero_contact_id = l.xero_contact_id)
             order by l.due_at limit 1) first
      cross join lateral (
            select l.due_at from sync_link l
             where l.workspace_id = g.workspace_id and l.organisation_id = g.organisation_id and l.bulk = g.bulk
               and l.due_at is not null order by l.due_at desc limit 1) last
      where 'send_contacts:' || g.organisation_id || case when g.bulk then '\:bulk' else '\:interactive' end <> all (p_busy)
      order by g.bulk, first.due_at limit p_limit)
    union all
    -- Xero contacts to be archived or restored.
    (select 'send_statuses', s.workspace_id, s.organisation_id, '', min(s.due_at), max(s.due_at)
       from owed_status s
       join organisation o on o.workspace_id = s.workspace_id and o.id = s.organisation_id
      where s.due_at <= p_now and s.delivery_id is null
        and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
        and not o.catching_up and o.mass_change is null
        and 'send_statuses:' || o.id <> all (p_busy)
      group by 2, 3 order by 5 limit p_limit)
    union all
    -- Invoices to be created or voided; and invoices that failed for want of a link that exists now.
    (select 'send_invoices', i.workspace_id, i.organisation_id, case when i.bulk then 'bulk' else 'interactive' end,
            min(i.since), max(i.newest)
       from (
            select g.workspace_id, g.organisation_id, g.bulk, first.due_at as since, last.due_at as newest
              from invoice_lane g
             cross join lateral (
                    select d.due_at from invoice d
                     where d.workspace_id = g.workspace_id and d.organisation_id = g.organisation_id and d.bulk = g.bulk
                       and d.due_at is not null and coalesce(d.next_attempt_at, d.due_at) <= p_now
                       and not exists (select 1 from delivery_member m
                                        where m.workspace_id = d.workspace_id and m.invoice_id = d.id and m.open)
                     order by d.due_at limit 1) first
             cross join lateral (
                    select d.due_at from invoice d
                     where d.workspace_id = g.workspace_id and d.organisation_id = g.organisation_id and d.bulk = g.bulk
                       and d.due_at is not null order by d.due_at desc limit 1) last
            union all
            select w.workspace_id, w.organisation_id, w.bulk, w.updated_at, l.state_since from invoice w
              join sync_link l on l.workspace_id = w.workspace_id and l.organisation_id = w.organisation_id
               and l.contact_id = w.contact_id and l.state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')
              join xero_contact x on x.workspace_id = l.workspace_id and x.id = l.xero_contact_id and x.status = 'ACTIVE'
             where w.failure_code = 'CONTACT_NOT_SYNCED' and w.due_at is null
       ) i
       join organisation o on o.workspace_id = i.workspace_id and o.id = i.organisation_id
      where o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
        and not o.catching_up
        and 'send_invoices:' || o.id || case when i.bulk then '\:bulk' else '\:interactive' end <> all (p_busy)
      group by i.workspace_id, i.organisation_id, i.bulk order by i.bulk, min(i.since) limit p_limit)
    union all
    -- Deliveries without an answer: to be sent again, looked up or read.
    (select 'recover_delivery', d.workspace_id, d.id, '', d.due_at, d.due_at from delivery d
       join organisation o on o.workspace_id = d.workspace_id and o.id = d.organisation_id
      where d.ended_at is null and d.due_at <= p_now and d.lease_until <= p_now
        and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
        and not o.catching_up and o.mass_change is null
        and 'recover_delivery:' || d.id <> all (p_busy)
      order by d.due_at limit p_limit)
    union all
    -- Contacts that are to be read one by one, for instance because an edit of a person waits for the read.
    (select 'read_contacts', x.workspace_id, x.organisation_id, '', min(x.read_due_at), max(x.read_due_at)
       from xero_contact x
       join organisation o on o.workspace_id = x.workspace_id and o.id = x.organisation_id
      where x.read_due_at <= p_now
        and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
        and 'read_contacts:' || o.id <> all (p_busy)
      group by 2, 3 order by 5 limit p_limit)
    union all
    -- The inbox, also what becomes due until p_soon. While a delta or the first import reads, events wait for its end.
    (select case e.category when 'CONTACT' then 'read_contact_webhooks' else 'read_invoice_webhooks' end,
            o.workspace_id, o.id, '', e.since, e.newest
       from (select w.tenant_id, w.category, min(w.due_at) as since, max(w.due_at) as newest from webhook_event w
              where w.category in ('CONTACT', 'INVOICE') and w.due_at <= p_soon group by 1, 2) e
       join organisation o on o.tenant_id = e.tenant_id and o.disconnected_at is null
      where o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED') and o.started_at is not null
        and case e.category when 'CONTACT' then 'read_contact_webhooks:' else 'read_invoice_webhooks:' end || o.id
            <> all (p_busy)
        and not exists (select 1 from import_run r where r.workspace_id = o.workspace_id and r.organisation_id = o.id
                           and r.finished_at is null and (r.purpose = 'DELTA' or o.read_cursor is null))
      order by 5 limit 2 * p_limit)
    union all
    -- Organisations whose contacts are to be read again: what changed, or all.
    (select 'poll_contacts', o.workspace_id, o.id, '', least(o.poll_due_at, o.scan_due_at),
            greatest(case when o.poll_due_at <= p_now then o.poll_due_at end,
                     case when o.scan_due_at <= p_now then o.scan_due_at end)
       from organisation o
      where o.disconnected_at is null and o.started_at is not null
        and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
        and (o.poll_due_at <= p_now or o.scan_due_at <= p_now)
        and 'poll_contacts:' || o.id <> all (p_busy)
        and not exists (select 1 from import_run r where r.workspace_id = o.workspace_id
                           and r.organisation_id = o.id and r.finished_at is null)
      order by 5 limit p_limit)
    union all
    -- Organisations whose invoices are to be read again.
    (select 'poll_invoices', o.workspace_id, o.id, '', o.invoice_poll_due_at, o.invoice_poll_due_at from organisation o
      where o.invoice_sync and o.invoice_poll_due_at <= p_now and o.disconnected_at is null
        and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
        and 'poll_invoices:' || o.id <> all (p_busy)
      order by 5 limit p_limit)
    union all
    -- Organisations whose accounts, tax rates and lock dates are to be read: after their contacts at first, later on time.
    (select 'read_catalogue', o.workspace_id, o.id, '', coalesce(o.catalogue_due_at, o.connected_at),
            coalesce(o.catalogue_due_at, o.connected_at) from organisation o
      where (o.catalogue_due_at <= p_now
             or o.catalogue_due_at is null and o.catalogue_read_at is null and o.read_cursor is not null)
        and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
        and 'read_catalogue:' || o.id <> all (p_busy)
      order by 5 limit p_limit)
    union all
    -- Runs with a next page, which no worker holds. Deltas are short and have a lane of their own.
    (select 'advance_import', r.workspace_id, r.id, case r.purpose when 'DELTA' then 'delta' else 'long' end,
            r.due_at, r.due_at from import_run r
      where r.finished_at is null and r.due_at <= p_now and (r.lease_until is null or r.lease_until <= p_now)
        and 'advance_import:' || r.id || case r.purpose when 'DELTA' then '\:delta' else '\:long' end <> all (p_busy)
      order by r.purpose <> 'DELTA', 5 limit 2 * p_limit)
    union all
    -- Organisations that Xero's limits had stopped until now.
    (select 'end_rate_limit', o.workspace_id, o.id, '', o.limited_until, o.limited_until from organisation o
      where o.health = 'RATE_LIMITED' and o.limited_until <= p_now and o.disconnected_at is null
        and 'end_rate_limit:' || o.id <> all (p_busy)
      order by 5 limit p_limit)
    union all
    -- Connections that ended here more than 5 minutes ago, which Xero may still have.
    (select 'end_connection', o.workspace_id, o.id, '', o.disconnected_at, o.disconnected_at from organisation o
      where o.disconnected_at < p_now - interval '5 minutes' and o.connection_id is not null
        and 'end_connection:' || o.id <> all (p_busy)
      order by 5 limit p_limit);
    end $$
    """)
    op.execute(r"""
    drop function door.due_polls(timestamp with time zone,uuid[],integer)
    """)
    op.execute(r"""
    drop function door.due_reads(timestamp with time zone,uuid[],integer)
    """)
    op.execute(r"""
    drop function door.due_runs(timestamp with time zone,uuid[],integer)
    """)
    op.execute(r"""
    drop function door.due_sends(timestamp with time zone,uuid[],integer)
    """)
    op.execute(r"""
    drop function door.due_webhooks(text,timestamp with time zone,uuid[],integer)
    """)
    op.execute(r"""
    -- A worker has ended by itself: nobody takes it for lost.
    create or replace function door.end_worker(p_worker uuid) returns void
    language sql security definer set search_path = pg_catalog, public, pg_temp as $$
        delete from worker where id = p_worker
    $$
    """)
    op.execute(r"""
    drop function door.ended_connections(timestamp with time zone)
    """)
    op.execute(r"""
    drop function door.limits_over(timestamp with time zone,integer)
    """)
    op.execute(r"""
    -- A reader that lives keeps what it took from the inbox until p_until; an event that came since stays due.
    create or replace function door.renew_webhooks(
        p_organisation uuid, p_category text, p_resources uuid[], p_times timestamptz[], p_until timestamptz
    ) returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
        with held as (
            select e.tenant_id, e.category, e.resource_id
              from webhook_event e
              join organisation o on o.tenant_id = e.tenant_id and o.id = p_organisation
               and o.workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid
              join unnest(p_resources, p_times) as looked(resource, at) on looked.resource = e.resource_id
             where e.category = p_category and e.event_at <= looked.at
             order by 1, 2, 3 for update of e
        )
        update webhook_event e set due_at = p_until from held
         where e.tenant_id = held.tenant_id and e.category = held.category and e.resource_id = held.resource_id
    $$
    """)


def downgrade() -> None:
    op.execute(r"""
    drop function door.renew_webhooks(uuid,text,uuid[],timestamp with time zone[],timestamp with time zone)
    """)
    op.execute(r"""
    CREATE OR REPLACE FUNCTION door.limits_over(p_now timestamp with time zone, p_limit integer)
     RETURNS TABLE(workspace_id uuid, organisation_id uuid)
     LANGUAGE sql
     STABLE SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
        select o.workspace_id, o.id from organisation o
         where o.health = 'RATE_LIMITED' and o.limited_until <= p_now and o.disconnected_at is null limit p_limit
    $function$
    """)
    op.execute(r"""
    CREATE OR REPLACE FUNCTION door.ended_connections(p_before timestamp with time zone)
     RETURNS TABLE(workspace_id uuid, organisation_id uuid)
     LANGUAGE sql
     STABLE SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
        select o.workspace_id, o.id from organisation o
         where o.disconnected_at < p_before and o.connection_id is not null order by o.disconnected_at limit 100
    $function$
    """)
    op.execute(r"""
    drop function door.end_worker(uuid)
    """)
    op.execute(r"""
    CREATE OR REPLACE FUNCTION door.due_webhooks(p_category text, p_until timestamp with time zone, p_busy uuid[], p_limit integer)
     RETURNS TABLE(workspace_id uuid, organisation_id uuid, due_at timestamp with time zone)
     LANGUAGE sql
     STABLE SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
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
    $function$
    """)
    op.execute(r"""
    CREATE OR REPLACE FUNCTION door.due_sends(p_now timestamp with time zone, p_busy uuid[], p_limit integer)
     RETURNS TABLE(workspace_id uuid, organisation_id uuid)
     LANGUAGE sql
     STABLE SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
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
    $function$
    """)
    op.execute(r"""
    CREATE OR REPLACE FUNCTION door.due_runs(p_now timestamp with time zone, p_busy uuid[], p_limit integer)
     RETURNS TABLE(workspace_id uuid, run_id uuid, due_at timestamp with time zone)
     LANGUAGE sql
     STABLE SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
        select r.workspace_id, r.id, r.due_at from import_run r
         where r.finished_at is null and r.due_at <= p_now and (r.lease_until is null or r.lease_until <= p_now)
           and r.id <> all(p_busy)
         order by r.due_at limit p_limit
    $function$
    """)
    op.execute(r"""
    CREATE OR REPLACE FUNCTION door.due_reads(p_now timestamp with time zone, p_busy uuid[], p_limit integer)
     RETURNS TABLE(workspace_id uuid, organisation_id uuid)
     LANGUAGE sql
     STABLE SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
        select x.workspace_id, x.organisation_id from xero_contact x
          join organisation o on o.workspace_id = x.workspace_id and o.id = x.organisation_id
         where x.read_due_at <= p_now and o.id <> all(p_busy)
           and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
         group by 1, 2 order by min(x.read_due_at) limit p_limit
    $function$
    """)
    op.execute(r"""
    CREATE OR REPLACE FUNCTION door.due_polls(p_now timestamp with time zone, p_busy uuid[], p_limit integer)
     RETURNS TABLE(workspace_id uuid, organisation_id uuid, scan boolean)
     LANGUAGE sql
     STABLE SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
        select o.workspace_id, o.id, coalesce(o.scan_due_at <= p_now, false) from organisation o
         where o.disconnected_at is null and o.started_at is not null and o.id <> all(p_busy)
           and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
           and (o.poll_due_at <= p_now or o.scan_due_at <= p_now)
           and not exists (select 1 from import_run r where r.workspace_id = o.workspace_id
                              and r.organisation_id = o.id and r.finished_at is null)
         order by o.poll_due_at limit p_limit
    $function$
    """)
    op.execute(r"""
    drop function door.due_jobs(timestamp with time zone,timestamp with time zone,text[],integer)
    """)
    op.execute(r"""
    CREATE OR REPLACE FUNCTION door.due_invoices(p_now timestamp with time zone, p_busy uuid[], p_limit integer)
     RETURNS TABLE(workspace_id uuid, organisation_id uuid)
     LANGUAGE sql
     STABLE SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
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
    $function$
    """)
    op.execute(r"""
    CREATE OR REPLACE FUNCTION door.due_invoice_polls(p_now timestamp with time zone, p_busy uuid[], p_limit integer)
     RETURNS TABLE(workspace_id uuid, organisation_id uuid)
     LANGUAGE sql
     STABLE SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
        select o.workspace_id, o.id from organisation o
         where o.invoice_sync and o.invoice_poll_due_at <= p_now and o.disconnected_at is null
           and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED') and o.id <> all(p_busy)
         order by o.invoice_poll_due_at limit p_limit
    $function$
    """)
    op.execute(r"""
    CREATE OR REPLACE FUNCTION door.due_deliveries(p_now timestamp with time zone, p_busy uuid[], p_limit integer)
     RETURNS TABLE(workspace_id uuid, delivery_id uuid, cargo text)
     LANGUAGE sql
     STABLE SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
        select d.workspace_id, d.id, d.cargo from delivery d
          join organisation o on o.workspace_id = d.workspace_id and o.id = d.organisation_id
         where d.ended_at is null and d.due_at <= p_now and d.lease_until <= p_now and d.id <> all(p_busy)
           and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED') and not o.catching_up and o.mass_change is null
         order by d.due_at limit p_limit
    $function$
    """)
    op.execute(r"""
    CREATE OR REPLACE FUNCTION door.due_catalogues(p_now timestamp with time zone, p_busy uuid[], p_limit integer)
     RETURNS TABLE(workspace_id uuid, organisation_id uuid)
     LANGUAGE sql
     STABLE SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
        select o.workspace_id, o.id from organisation o
         where (o.catalogue_due_at <= p_now
                or o.catalogue_due_at is null and o.catalogue_read_at is null and o.read_cursor is not null)
           and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
           and o.id <> all(p_busy)
         order by o.catalogue_due_at nulls first limit p_limit
    $function$
    """)
    op.execute(r"""
    drop function door.beat_worker(uuid,text,timestamp with time zone,interval)
    """)
    op.execute(r"""
    alter table worker disable row level security
    """)
    op.drop_index("ix_sync_link_due", table_name="sync_link", postgresql_where="due_at is not null")
    op.create_index(
        op.f("ix_sync_link_due"),
        "sync_link",
        ["workspace_id", "organisation_id"],
        unique=False,
        postgresql_where="(due_at IS NOT NULL)",
    )
    op.drop_index("ix_invoice_due", table_name="invoice", postgresql_where="due_at is not null")
    op.create_index(
        op.f("ix_invoice_due"),
        "invoice",
        ["workspace_id", "organisation_id"],
        unique=False,
        postgresql_where="(due_at IS NOT NULL)",
    )
    op.drop_table("worker")
