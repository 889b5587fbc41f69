-- Deletes at most p_most live events that are older than a client's cursor may be; returns how many.
create or replace function door.forget_events(p_before timestamptz, p_most int) returns int
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with gone as (
        delete from event where ctid = any(array(select ctid from event where at < p_before limit p_most)) returning 1
    ) select count(*)::int from gone
$$
