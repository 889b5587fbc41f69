-- For each kind of work that may be done now: since when the oldest piece has been due.
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
