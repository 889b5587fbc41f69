-- Trigger on sync_link, after the state of a row changed: listed_link follows, by its key.
create or replace function door.list_link_state() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    update listed_link set state = new.state where workspace_id = new.workspace_id and link_id = new.id;
    return null;
end
$$
