-- The ids of all workspaces. The operator's list then reads each in a transaction of its own.
create or replace function door.every_workspace() returns table (workspace_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select w.id from workspace w order by w.created_at, w.id
$$
