-- Trigger on sync_link, after a statement that inserted rows `made`: their contacts are linked now, if the links are active.
create or replace function door.list_new_links() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    execute 'delete from unlinked_contact u using made m where u.workspace_id = m.workspace_id and u.contact_id = m.contact_id'
        ' and m.state in (''SYNCED'', ''PENDING'', ''FAILING'', ''CONFLICT'')';
    return null;
end
$$
