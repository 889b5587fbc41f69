-- Deletes at most p_most calls that no limit of Xero counts any more; returns how many.
create or replace function door.forget_calls(p_now timestamptz, p_most int)
returns int language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with old as (
        delete from xero_call where id in (
            select id from xero_call where taken_at < p_now - interval '26 hours' order by taken_at limit p_most
        ) returning 1
    ) select count(*)::int from old
$$
