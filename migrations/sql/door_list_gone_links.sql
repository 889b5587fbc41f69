-- Trigger on sync_link, after a statement that deleted rows `gone`: their contacts are unlinked now, unless another link
-- is active. A transaction that ends a link holds the lock of its contact, so two links of one contact do not end at the
-- same time.
create or replace function door.list_gone_links() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    execute 'delete from listed_link d using gone g where d.workspace_id = g.workspace_id and d.link_id = g.id';
    execute 'insert into unlinked_contact (workspace_id, contact_id, name_key) select c.workspace_id, c.id, c.name_key'
        ' from gone g join contact c on c.workspace_id = g.workspace_id and c.id = g.contact_id where c.archived_at is null'
        ' and g.state in (''SYNCED'', ''PENDING'', ''FAILING'', ''CONFLICT'') and not exists (select from sync_link l'
        ' where l.workspace_id = c.workspace_id and l.contact_id = c.id and l.state in (''SYNCED'', ''PENDING'', ''FAILING'', ''CONFLICT''))'
        ' on conflict do nothing';
    return null;
end
$$
