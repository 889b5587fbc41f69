-- A consent that was begun, left in place: what the page for another browser shows.
create or replace function door.find_flow(p_state bytea, p_now timestamptz)
returns table (workspace_id uuid, begun_by jsonb, cookie_hash bytea, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select f.workspace_id, f.begun_by, f.cookie_hash, f.organisation_id from oauth_flow f
     where f.state_hash = p_state and f.expires_at > p_now
$$
