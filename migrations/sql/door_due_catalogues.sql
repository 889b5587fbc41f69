-- Organisations whose accounts, tax rates and lock dates are to be read: first once their contacts have been, and then
-- when it is time.
create or replace function door.due_catalogues(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id, o.id from organisation o
     where (o.catalogue_due_at <= p_now
            or o.catalogue_due_at is null and o.catalogue_read_at is null and o.read_cursor is not null)
       and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
       and o.id <> all(p_busy)
     order by o.catalogue_due_at nulls first limit p_limit
$$
