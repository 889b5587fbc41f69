-- The workspaces in which this organisation of Xero is connected now.
create or replace function door.tenant_workspaces(p_tenant uuid) returns setof uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id from organisation o where o.tenant_id = p_tenant and o.disconnected_at is null
$$
