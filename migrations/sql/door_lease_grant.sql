-- Gives one caller the right to refresh this version of a grant, until the lease ends.
create or replace function door.lease_grant(
    p_id uuid, p_version int, p_token uuid, p_now timestamptz, p_until timestamptz
) returns boolean language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    update xero_grant set lease_token = p_token, lease_until = p_until
     where id = p_id and version = p_version and failed is null
       and (lease_until is null or lease_until <= p_now);
    return found;
end $$
