-- Updates the planner's statistics of the tables that an import fills. A first import grows them faster than
-- autovacuum runs; with old statistics each page would read all links that the pages before it created.
create or replace function door.refresh_statistics() returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    analyze contact, xero_contact, sync_link, match_issue;
end
$$
