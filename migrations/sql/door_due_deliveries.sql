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
