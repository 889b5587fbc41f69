-- Organisations whose invoices are to be looked at again.
create or replace function door.due_invoice_polls(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.workspace_id, o.id from organisation o
     where o.invoice_sync and o.invoice_poll_due_at <= p_now and o.disconnected_at is null
       and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED') and o.id <> all(p_busy)
     order by o.invoice_poll_due_at limit p_limit
$$
