-- The person with this subject in this workspace. No row: there is no such workspace. A row of nulls: the person has never
-- signed in here.
create or replace function door.find_user(p_workspace uuid, p_subject text)
returns table (user_id uuid, name text, email text, scopes text[], last_seen_at timestamptz, signed_out_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select u.id, u.name, u.email, u.scopes, u.last_seen_at, u.signed_out_at
      from workspace w left join app_user u on u.workspace_id = w.id and u.subject = p_subject
     where w.id = p_workspace
$$
