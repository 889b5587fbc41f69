-- Stores a consent that begins, and deletes those that have expired.
create or replace function door.begin_flow(
    p_state bytea, p_workspace uuid, p_by jsonb, p_cookie bytea, p_sealed bytea, p_return_to text,
    p_organisation uuid, p_now timestamptz, p_expires timestamptz
) returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from oauth_flow where expires_at <= p_now;
    insert into oauth_flow
        (state_hash, workspace_id, begun_by, cookie_hash, sealed, return_to, organisation_id, begun_at, expires_at)
    values (p_state, p_workspace, p_by, p_cookie, p_sealed, p_return_to, p_organisation, p_now, p_expires)
$$
