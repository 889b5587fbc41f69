-- Whether any workspace has comparison keys of older rules than p_version.
create or replace function door.keys_behind(p_version int) returns boolean
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select exists (select 1 from contact where key_version < p_version)
        or exists (select 1 from xero_contact where key_version < p_version)
$$
