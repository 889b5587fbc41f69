-- The grants that were last refreshed before p_before: a refresh token expires after 60 days without use.
create or replace function door.stale_grants(p_before timestamptz)
returns setof uuid language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select id from xero_grant where failed is null and refreshed_at < p_before order by refreshed_at limit 100
$$
