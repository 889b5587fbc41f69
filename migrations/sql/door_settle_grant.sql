-- Stores the result of a refresh: tokens, or the reason why there are none (p_failed). Returns false, and changes nothing, if
-- the grant has a newer version or another caller has the lease.
create or replace function door.settle_grant(
    p_id uuid, p_version int, p_token uuid, p_sealed bytea, p_access_expires timestamptz, p_failed text,
    p_now timestamptz
) returns boolean language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    update xero_grant set
        sealed = coalesce(p_sealed, sealed),
        access_expires_at = coalesce(p_access_expires, access_expires_at),
        refreshed_at = case when p_failed is null then p_now else refreshed_at end,
        failed = p_failed, version = version + 1, lease_until = null, lease_token = null
     where id = p_id and version = p_version and lease_token = p_token;
    return found;
end $$
