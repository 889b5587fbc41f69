-- Deletes at most p_most unread webhook events that arrived before p_before; full scans have read their objects since.
-- Returns the number of deleted events.
create or replace function door.forget_inbox(p_before timestamptz, p_most int) returns int
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with gone as (
        delete from webhook_event
         where ctid = any(array(select ctid from webhook_event where received_at < p_before limit p_most)) returning 1
    ) select count(*)::int from gone
$$
