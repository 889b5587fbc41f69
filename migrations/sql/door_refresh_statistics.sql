-- Tells the planner how large the tables of an import have become. A fresh import grows them from nothing faster than
-- autovacuum looks, and on old statistics each page's look-ups would read all links that were made before it.
create or replace function door.refresh_statistics() returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    analyze contact, xero_contact, sync_link, match_issue;
end
$$
