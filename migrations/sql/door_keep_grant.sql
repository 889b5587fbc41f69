-- Stores the tokens of a new consent in place of the same Xero user's earlier ones. A refresh in progress loses its lease.
create or replace function door.keep_grant(
    p_id uuid, p_client text, p_user uuid, p_sealed bytea, p_access_expires timestamptz, p_now timestamptz
) returns uuid language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    insert into xero_grant as known
        (id, client_id, xero_user_id, sealed, version, access_expires_at, refreshed_at)
    values (p_id, p_client, p_user, p_sealed, 1, p_access_expires, p_now)
    on conflict (client_id, xero_user_id) do update set
        sealed = excluded.sealed, version = known.version + 1, access_expires_at = excluded.access_expires_at,
        refreshed_at = excluded.refreshed_at, lease_until = null, lease_token = null, failed = null
    returning id
$$
