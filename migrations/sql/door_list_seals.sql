-- All values that are sealed with TANDEM_KEYS: the tokens of each consent in use, and the values of each consent that has
-- begun and not expired (grant_id is null). The seals open only with the keys.
create or replace function door.list_seals(p_now timestamptz)
returns table (grant_id uuid, client_id text, xero_user_id uuid, sealed bytea)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select g.id, g.client_id, g.xero_user_id, g.sealed from xero_grant g where g.failed is null
    union all
    select null, null, null, f.sealed from oauth_flow f where f.expires_at > p_now
$$
