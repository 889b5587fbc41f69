-- Organisations whose invoices are to be looked at again (`catalogue` false), or their accounts, tax rates and lock
-- dates, which are read first when an organisation has been connected.
create or replace function door.due_invoice_reads(p_now timestamptz, p_limit int)
returns table (workspace_id uuid, organisation_id uuid, catalogue boolean)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select due.workspace_id, due.id, due.catalogue from (
        select o.workspace_id, o.id, false as catalogue, o.invoice_poll_due_at as at from organisation o
         where o.invoice_sync and o.invoice_poll_due_at <= p_now
           and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'DISCONNECTED')
        union all
        select o.workspace_id, o.id, true, coalesce(o.catalogue_due_at, o.connected_at) from organisation o
         where (o.catalogue_due_at <= p_now or o.catalogue_due_at is null and o.catalogue_read_at is null)
           and o.disconnected_at is null and o.health not in ('NEEDS_RECONNECT', 'DISCONNECTED')
           and o.base_currency <> ''
    ) due order by due.at limit p_limit
$$
