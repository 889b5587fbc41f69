-- Organisations disconnected before that time, whose connection Xero may still have.
create or replace function door.ended_connections(p_before timestamptz)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id, o.id from organisation o
     where o.disconnected_at < p_before and o.connection_id is not null order by o.disconnected_at limit 100
$$
