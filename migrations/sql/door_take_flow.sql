-- Returns and deletes a consent that has begun: a second call finds nothing.
create or replace function door.take_flow(p_state bytea, p_now timestamptz)
returns table (workspace_id uuid, begun_by jsonb, cookie_hash bytea, sealed bytea, return_to text,
               organisation_id uuid, begun_at timestamptz)
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from oauth_flow f where f.state_hash = p_state and f.expires_at > p_now
    returning f.workspace_id, f.begun_by, f.cookie_hash, f.sealed, f.return_to, f.organisation_id, f.begun_at
$$
