-- Deletes at most p_most idempotency keys that were used before p_before; returns how many.
create or replace function door.forget_keys(p_before timestamptz, p_most int) returns int
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with gone as (
        delete from idempotency_key where ctid in (select ctid from idempotency_key where at < p_before limit p_most)
        returning 1
    ) select count(*)::int from gone
$$
