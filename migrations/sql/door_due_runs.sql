-- Imports that have something to do and that nobody holds, oldest first.
create or replace function door.due_runs(p_now timestamptz, p_limit int)
returns table (workspace_id uuid, run_id uuid, due_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select r.workspace_id, r.id, r.due_at from import_run r
     where r.finished_at is null and r.due_at <= p_now and (r.lease_until is null or r.lease_until <= p_now)
     order by r.due_at limit p_limit
$$
