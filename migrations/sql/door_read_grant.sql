-- A grant with its sealed tokens.
create or replace function door.read_grant(p_id uuid)
returns table (id uuid, client_id text, xero_user_id uuid, sealed bytea, version int,
               access_expires_at timestamptz, lease_until timestamptz, failed text)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select id, client_id, xero_user_id, sealed, version, access_expires_at, lease_until, failed
      from xero_grant where xero_grant.id = p_id
$$
