-- Ends a lease without a result: another caller may refresh at once, with the stored token.
create or replace function door.release_grant(p_id uuid, p_token uuid)
returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update xero_grant set lease_until = null, lease_token = null where id = p_id and lease_token = p_token
$$
