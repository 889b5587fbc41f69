-- Deletes at most p_most lines of the activity that are older than p_before; returns how many.
create or replace function door.forget_activity(p_before timestamptz, p_most int) returns int
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with old as (
        select a.workspace_id, a.id from workspace w
          cross join lateral (
            select workspace_id, id from activity where workspace_id = w.id and at < p_before order by at limit p_most
          ) a limit p_most
    ), gone as (
        delete from activity a using old where a.workspace_id = old.workspace_id and a.id = old.id returning 1
    ) select count(*)::int from gone
$$
