-- Since when the oldest work of each kind has been due, of all that door.due_jobs would hand to a worker now: how far
-- behind the workers are. Null: nothing is due.
create or replace function door.due_since(p_now timestamptz) returns table (kind text, since timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select k.shown, min(j.since)
      from (values ('send', 'send_contacts'), ('send', 'send_statuses'), ('send', 'send_invoices'),
                   ('webhook', 'read_contact_webhooks'), ('webhook', 'read_invoice_webhooks'),
                   ('import', 'advance_import'), ('delivery', 'recover_delivery')) k (shown, kind)
      left join door.due_jobs(p_now, p_now, '{}', 1000000) j on j.kind = k.kind
     group by k.shown
$$
