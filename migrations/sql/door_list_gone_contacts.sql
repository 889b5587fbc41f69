-- Trigger on contact, after a statement that deleted rows `gone`. A foreign key would check each new row by a plan that a session keeps.
create or replace function door.list_gone_contacts() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    execute 'delete from unlinked_contact u using gone g where u.workspace_id = g.workspace_id and u.contact_id = g.id';
    return null;
end
$$
