-- Trigger on contact, after its name changed, or it was archived or restored: listed_link and unlinked_contact follow. EXECUTE plans anew: a
-- session would keep the plan that it made while the tables were small, which reads a whole workspace.
create or replace function door.list_contact() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    listed text := case when new.archived_at is null then new.name_key end;
begin
    execute 'delete from listed_link where workspace_id = $1 and link_id in (select id from sync_link where workspace_id = $1 and contact_id = $2)'
        using new.workspace_id, new.id;
    delete from unlinked_contact where workspace_id = new.workspace_id and contact_id = new.id;
    if listed is not null then
        execute 'insert into listed_link (workspace_id, link_id, organisation_id, state, name_key, contact_id)'
            ' select workspace_id, id, organisation_id, state, $3, contact_id from sync_link where workspace_id = $1 and contact_id = $2'
            ' on conflict do nothing' using new.workspace_id, new.id, listed;
        execute 'insert into unlinked_contact (workspace_id, contact_id, name_key) select $1, $2, $3 where not exists ('
            'select from sync_link where workspace_id = $1 and contact_id = $2 and state in (''SYNCED'', ''PENDING'', ''FAILING'', ''CONFLICT''))'
            ' on conflict do nothing' using new.workspace_id, new.id, listed;
    end if;
    return null;
end
$$
