-- Updates the planner's statistics of those tables that have grown by a fifth since the last time: an import fills them faster than autovacuum
-- runs. ANALYZE locks a table against another ANALYZE until the transaction ends, so imports of other practices do not wait for one.
create or replace function door.refresh_grown_statistics() returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    grown text := (
        select string_agg(c.oid::regclass::text, ', ' order by c.relname) from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relname in ('contact', 'xero_contact', 'sync_link', 'match_issue', 'unlinked_contact', 'listed_link')
           and pg_relation_size(c.oid) > greatest(c.relpages, 0) * 8192::bigint * 6 / 5 + 65536);
begin
    if grown is not null and pg_try_advisory_xact_lock(hashtextextended('tandem statistics', 0)) then
        execute 'analyze ' || grown;
    end if;
end
$$
