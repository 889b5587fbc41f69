-- Deletes at most p_most runs that started before p_before and have finished; returns how many. The newest run of each
-- purpose stays, because the API shows an organisation's last import.
create or replace function door.forget_runs(p_before timestamptz, p_most int) returns int
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with old as (
        select r.workspace_id, r.id from organisation o
          cross join lateral (
            select i.workspace_id, i.id, i.purpose, i.started_at, i.finished_at from import_run i
             where i.workspace_id = o.workspace_id and i.organisation_id = o.id and i.started_at < p_before
          ) r
         where r.finished_at is not null and exists (
            select 1 from import_run newer
             where newer.workspace_id = r.workspace_id and newer.organisation_id = o.id and newer.purpose = r.purpose
               and newer.started_at > r.started_at)
         limit p_most
    ), gone as (
        delete from import_run i using old where i.workspace_id = old.workspace_id and i.id = old.id returning 1
    ) select count(*)::int from gone
$$
