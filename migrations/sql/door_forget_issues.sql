-- Deletes at most p_most match issues that were closed before p_before; returns how many. An issue stays if a person's
-- decision depends on it: IGNORED, CREATED_SEPARATE, or opened again by a person. No machine matches such a contact.
create or replace function door.forget_issues(p_before timestamptz, p_most int) returns int
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with old as (
        select i.workspace_id, i.id from workspace w
          cross join lateral (
            select workspace_id, id from match_issue
             where workspace_id = w.id and state = 'RESOLVED' and created_at < p_before and resolved_at < p_before
               and resolution in ('CONFIRMED', 'OBSOLETE') and not reopened
             limit p_most
          ) i limit p_most
    ), gone as (
        delete from match_issue i using old where i.workspace_id = old.workspace_id and i.id = old.id returning 1
    ) select count(*)::int from gone
$$
