-- Imports that have something to do and that nobody holds, oldest first. `p_busy`: those that are being done already.
create or replace function door.due_runs(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, run_id uuid, due_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select r.workspace_id, r.id, r.due_at from import_run r
     where r.finished_at is null and r.due_at <= p_now and (r.lease_until is null or r.lease_until <= p_now)
       and r.id <> all(p_busy)
     order by r.due_at limit p_limit
$$
