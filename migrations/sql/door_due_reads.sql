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
