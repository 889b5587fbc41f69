-- Trigger on sync_link, after a row began or ended to be active, or moved to another contact: unlinked_contact follows. Whoever ends a link
-- holds the lock of its contact. EXECUTE plans anew, as in door.list_contact.
create or replace function door.list_changed_link() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    moved uuid;
begin
    foreach moved in array array[old.contact_id, new.contact_id] loop
        delete from unlinked_contact where workspace_id = new.workspace_id and contact_id = moved;
        execute 'insert into unlinked_contact (workspace_id, contact_id, name_key) select workspace_id, id, name_key from contact'
            ' where workspace_id = $1 and id = $2 and archived_at is null and not exists (select from sync_link'
            ' where workspace_id = $1 and contact_id = $2 and state in (''SYNCED'', ''PENDING'', ''FAILING'', ''CONFLICT''))'
            ' on conflict do nothing' using new.workspace_id, moved;
    end loop;
    return null;
end
$$
