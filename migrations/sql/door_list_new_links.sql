-- Trigger on sync_link, after a statement that inserted rows `made`: they are listed under the names of their contacts, which are linked now, if
-- the links are active.
create or replace function door.list_new_links() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    execute 'insert into listed_link (workspace_id, link_id, organisation_id, state, name_key, contact_id)'
        ' select m.workspace_id, m.id, m.organisation_id, m.state, c.name_key, m.contact_id from made m'
        ' join contact c on c.workspace_id = m.workspace_id and c.id = m.contact_id where c.archived_at is null on conflict do nothing';
    execute 'delete from unlinked_contact u using made m where u.workspace_id = m.workspace_id and u.contact_id = m.contact_id'
        ' and m.state in (''SYNCED'', ''PENDING'', ''FAILING'', ''CONFLICT'')';
    return null;
end
$$
