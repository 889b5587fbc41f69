-- The due jobs of all workspaces, by kind, id and lane. `since`: since when the oldest piece of the job has been due;
-- `newest`: when its newest piece became due. At most p_limit jobs of a lane, oldest first. p_busy: names of jobs that are
-- left out, because they wait or run already. Links and invoices are found by a walk over the lanes that have due marks,
-- so that 5,000 marks of one lane cost as much as one. JIT, or a new plan for each call, would take longer than the call.
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
  where 'send_contacts:' || g.organisation_id || case when g.bulk then ':bulk' else ':interactive' end <> all (p_busy)
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
    and 'send_invoices:' || o.id || case when i.bulk then ':bulk' else ':interactive' end <> all (p_busy)
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
    and 'advance_import:' || r.id || case r.purpose when 'DELTA' then ':delta' else ':long' end <> all (p_busy)
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
