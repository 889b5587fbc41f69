-- Ids of rows of the transaction's workspace whose search_key matches every pattern. Under row-level security PostgreSQL would
-- not use the trigram index, because LIKE is not leakproof. EXECUTE plans the query anew for these patterns.
create or replace function door.search_xero_contacts(p_patterns text[], p_limit int) returns setof uuid
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    workspace uuid := nullif(current_setting('tandem.workspace', true), '')::uuid;
begin
    return query execute
        'select id from xero_contact where workspace_id = $1'
        || coalesce((select string_agg(format(' and search_key like %L', pattern), '') from unnest(p_patterns) pattern), '')
        || ' limit $2' using workspace, p_limit;
end
$$
