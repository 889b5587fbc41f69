-- Deletes at most p_most days of calls and bytes that ended before p_before; returns how many.
create or replace function door.forget_traffic(p_before timestamptz, p_most int)
returns int language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with old as (
        delete from xero_traffic where ctid in (
            select ctid from xero_traffic where day < (p_before at time zone 'UTC')::date limit p_most
        ) returning 1
    ) select count(*)::int from old
$$
