-- Deletes deliveries that ended before p_before, and the bytes of open ones that were claimed before it: they are personal
-- data. Returns how many deliveries were deleted.
create or replace function door.forget_deliveries(p_before timestamptz) returns int
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with blanked as (
        update delivery set body = null where body is not null and claimed_at < p_before and ended_at is null returning 1
    ), gone as (
        delete from delivery where ended_at < p_before returning 1
    )
    select (select count(*) from gone)::int + 0 * (select count(*) from blanked)::int
$$
