-- Organisations with invoices to be created or voided in Xero, and such whose contact has been linked (or restored) since
-- they failed for want of it. Where the sync is off, what is due is put to rest. `p_busy`: those that are being sent already.
create or replace function door.due_invoices(p_now timestamptz, p_busy uuid[], p_limit int)
returns table (workspace_id uuid, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select i.workspace_id, i.organisation_id from (
        select d.workspace_id, d.organisation_id, d.due_at from invoice d
         where d.due_at is not null and coalesce(d.next_attempt_at, d.due_at) <= p_now
           and not exists (select 1 from delivery_member m
                            where m.workspace_id = d.workspace_id and m.invoice_id = d.id and m.open)
        union all
        select w.workspace_id, w.organisation_id, w.updated_at from invoice w
          join sync_link l on l.workspace_id = w.workspace_id and l.organisation_id = w.organisation_id
           and l.contact_id = w.contact_id and l.state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')
          join xero_contact x on x.workspace_id = l.workspace_id and x.id = l.xero_contact_id and x.status = 'ACTIVE'
         where w.failure_code = 'CONTACT_NOT_SYNCED' and w.due_at is null
    ) i
      join organisation o on o.workspace_id = i.workspace_id and o.id = i.organisation_id
     where o.disconnected_at is null and o.id <> all(p_busy) and not o.catching_up
       and o.health not in ('NEEDS_RECONNECT', 'PAUSED', 'DISCONNECTED')
     group by 1, 2 order by min(i.due_at) limit p_limit
$$
