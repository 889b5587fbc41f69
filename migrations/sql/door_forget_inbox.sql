-- Deletes what has lain in the inbox since before `p_before`: nobody reads it, and scans have shown it since. Gives how many.
create or replace function door.forget_inbox(p_before timestamptz) returns int
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with gone as (delete from webhook_event where received_at < p_before returning 1)
    select count(*)::int from gone
$$
