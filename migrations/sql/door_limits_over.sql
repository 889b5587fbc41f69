-- Organisations that Xero's limits have stopped until now.
create or replace function door.limits_over(p_now timestamptz, p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id, o.id from organisation o
     where o.health = 'RATE_LIMITED' and o.limited_until <= p_now and o.disconnected_at is null limit p_limit
$$
