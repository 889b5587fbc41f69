-- The token with this hash, and its workspace. Nothing for a revoked or expired token.
create or replace function door.find_token(p_hash bytea, p_now timestamptz)
returns table (token_id uuid, workspace_id uuid, name text, scopes text[], expires_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select t.id, t.workspace_id, t.name, t.scopes, t.expires_at from api_token t
     where t.hash = p_hash and t.revoked_at is null and (t.expires_at is null or t.expires_at > p_now)
$$
