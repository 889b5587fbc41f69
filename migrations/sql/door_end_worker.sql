-- Deletes the row of a worker that ends by itself, so that it does not count as lost.
create or replace function door.end_worker(p_worker uuid) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from worker where id = p_worker
$$
