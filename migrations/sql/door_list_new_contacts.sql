-- Trigger on contact, after a statement that inserted rows `made`: contacts in use begin without a link.
create or replace function door.list_new_contacts() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    insert into unlinked_contact (workspace_id, contact_id, name_key)
    select workspace_id, id, name_key from made where archived_at is null on conflict do nothing;
    return null;
end
$$
