-- Contacts in use of the transaction's workspace whose search_key matches every pattern, with the keys of the list's order. `fit` is 0 where
-- search_key matches p_fits too. The rows come from the scan of the trigram index, so no contact is looked up by its id afterwards. As for
-- door.search_contacts, EXECUTE plans anew, and row-level security would forbid the index.
create or replace function door.find_contacts(p_patterns text[], p_fits text, p_limit int)
returns table (fit int, name_key text, id uuid)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    workspace uuid := nullif(current_setting('tandem.workspace', true), '')::uuid;
begin
    return query execute
        'select case when c.search_key like $3 then 0 else 1 end, c.name_key, c.id from contact c'
        ' where c.workspace_id = $1 and c.archived_at is null'
        || coalesce((select string_agg(format(' and c.search_key like %L', pattern), '') from unnest(p_patterns) pattern), '')
        || ' limit $2' using workspace, p_limit, p_fits;
end
$$
