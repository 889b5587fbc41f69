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
