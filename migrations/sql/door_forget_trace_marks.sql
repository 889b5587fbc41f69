-- Deletes at most p_most marks of traced changes that are older than p_before; returns how many.
create or replace function door.forget_trace_marks(p_before timestamptz, p_most int)
returns int language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with old as (
        delete from trace_mark where ctid in (select ctid from trace_mark where at < p_before limit p_most) returning 1
    ) select count(*)::int from old
$$
