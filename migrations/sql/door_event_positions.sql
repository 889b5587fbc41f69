-- The position of the last live event in each of these workspaces. A workspace without events has no row.
create or replace function door.event_positions(p_workspaces uuid[])
returns table (workspace_id uuid, "position" bigint)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select c.workspace_id, c.position from event_counter c where c.workspace_id = any(p_workspaces)
$$
