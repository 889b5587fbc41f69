-- Deletes at most p_most deliveries that ended before p_before, and the bytes of open deliveries that were claimed before
-- it: the bytes are personal data. Returns the number of deleted deliveries.
create or replace function door.forget_deliveries(p_before timestamptz, p_most int) returns int
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with blanked as (
        update delivery set body = null where claimed_at < p_before and body is not null and ended_at is null returning 1
    ), gone as (
        delete from delivery where ctid = any(array(select ctid from delivery where ended_at < p_before limit p_most))
        returning 1
    )
    select (select count(*) from gone)::int + 0 * (select count(*) from blanked)::int
$$
