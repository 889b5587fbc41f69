-- Deletes live events that are older than a client's cursor may be; returns how many.
create or replace function door.forget_events(p_before timestamptz) returns bigint
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with gone as (delete from event where at < p_before returning 1) select count(*) from gone
$$
