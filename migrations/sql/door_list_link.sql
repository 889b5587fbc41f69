-- Trigger on sync_link, before a row is inserted without a listed name (by a version that does not know it, or of an archived contact) or moves
-- to another contact. EXECUTE plans anew, as in door.list_contact.
create or replace function door.list_link() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    execute 'select case when archived_at is null then name_key end from contact where workspace_id = $1 and id = $2'
       into new.listed_name using new.workspace_id, new.contact_id;
    return new;
end
$$
