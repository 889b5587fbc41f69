-- A worker has ended by itself: nobody takes it for lost.
create or replace function door.end_worker(p_worker uuid) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from worker where id = p_worker
$$
