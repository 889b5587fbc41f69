"""The pages that `bench.reads` asks for: the GraphQL query, the rows that it fills in, and the statement of a hand-written endpoint.

A hand-written endpoint makes the same objects with json_agg, with raw ids and raw states. It gets the sort keys of a row in place of a
cursor, and `$1` is the workspace.
"""

from dataclasses import dataclass

CONTACTS = """
insert into contact (workspace_id, id, name, first_name, kind, confidence, needs_review, billing_email, primary_phone,
                     billing_address, created_at, updated_at, version, name_key, email_key, search_key, field_times, key_version)
select $1, gen_random_uuid(), 'Contact ' || n, 'First', case when n % 10 = 0 then 'PERSON' else 'ORGANISATION' end, null, false,
       'c' || n || '@client.example', '+64 3 555 ' || n,
       jsonb_build_object('lines', jsonb_build_array(n || ' Main Street'), 'city', 'Wellington', 'postalCode', '6011'),
       now(), now(), 1, 'contact ' || lpad(n::text, 7, '0'), 'c' || n || '@client.example', ' contact ' || n, '{}', 1
  from generate_series(1, $2::int) n
"""
LINKS = """
insert into sync_link (workspace_id, id, organisation_id, contact_id, state, state_since, origin, linked_at, last_synced_at, version,
                       base_practice, base_xero)
select workspace_id, gen_random_uuid(), $2, id, 'SYNCED', now(), 'FULL_MATCH', now(),
       now(), 1, '{}', '{}' from contact where workspace_id = $1
"""
# A tenth of the contacts have an issue: the same name in Xero with another email and phone, and two candidates.
XERO_CONTACTS = """
insert into xero_contact (workspace_id, id, organisation_id, xero_contact_id, name, email, phone, billing_address, is_customer,
                          is_supplier, status, updated_at, seen_at, key_version)
select workspace_id, gen_random_uuid(), $2, gen_random_uuid(), name, 'x' || billing_email,
       jsonb_build_object('country', '64', 'area', '3', 'number', right(primary_phone, 7)), billing_address, true, false, 'ACTIVE', now(),
       now(), 1
  from contact where workspace_id = $1 and name like '%7'
"""
ISSUES = """
insert into match_issue (workspace_id, id, organisation_id, xero_contact_id, reason, state, score, reopened, created_at, version)
select workspace_id, gen_random_uuid(), $2, id, 'NAME_ONLY', 'OPEN', 0.75, false,
       '2026-11-01Z'::timestamptz + interval '1 s' * row_number() over (order by id), 1
  from xero_contact where workspace_id = $1
"""
CANDIDATES = """
insert into match_candidate (workspace_id, issue_id, contact_id, score, name_matches, email_matches, evidence, confidence)
select $1, i.id, c.id, case when c.name = x.name then 0.75 else 0.5 end, c.name = x.name, false,
       array['the names are equal', 'the emails differ'], 0.6
  from match_issue i join xero_contact x on x.workspace_id = $1 and x.id = i.xero_contact_id
  join contact c on c.workspace_id = $1 and c.name in (x.name, x.name || '1')
 where i.workspace_id = $1 and $2::uuid is not null
"""
INVOICES = """
insert into invoice (workspace_id, id, number, number_key, contact_id, organisation_id, status, issue_date, due_date, currency, amounts_are,
                     subtotal, tax_total, total, total_cents, amount_paid, amount_due, created_at, updated_at, version, sync_state, bulk,
                     attempts)
select workspace_id, gen_random_uuid(), 'B-' || row_number() over (order by id), 'b-' || row_number() over (order by id), id, $2,
       'AWAITING_PAYMENT', date '2026-01-01' + (row_number() over (order by id) % 300)::int, '2026-12-31', 'NZD', 'TAX_EXCLUSIVE', 300, 45,
       345, 34500, 100, 245, now(), now(), 1, 'SYNCED', false, 0
  from contact where workspace_id = $1 and name like '%3'
"""
LINES = """
insert into invoice_line (workspace_id, id, invoice_id, place, kind, description, quantity, unit_price, amount, tax_amount)
select $1, gen_random_uuid(), id, n, 'SERVICE', 'Work ' || n, 1.5, 66.6667, 100, 15
  from invoice, generate_series(1, 3) n where workspace_id = $1 and $2::uuid is not null
"""
PAYMENTS = """
insert into payment (workspace_id, id, invoice_id, kind, xero_id, paid_on, amount, reference, reversed)
select $1, gen_random_uuid(), id, 'PAYMENT', gen_random_uuid(), '2026-11-01', 100, 'bank', false
  from invoice where workspace_id = $1 and $2::uuid is not null
"""
FILLS = (LINKS, XERO_CONTACTS, ISSUES, CANDIDATES, INVOICES, LINES, PAYMENTS)  # $2 is the organisation


@dataclass(frozen=True)
class Page:
    """`root`: the field of the query. `order`: the name of the order in a cursor. `keys`: SQL of the sort key, as `places` lists it with
    the id. `shown`: the member of a node by which answers are compared."""

    root: str
    query: str
    order: str
    places: str
    statement: str
    shown: str


PAGES = {
    "contacts": Page(
        "contacts",
        """query Page($after: String) { contacts(first: 50, after: $after) {
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  edges { cursor node { id name firstName lastName kind billingEmail primaryPhone updatedAt version
    billingAddress { lines city region postalCode country attentionTo }
    syncLinks { id state stateSince lastSyncedAt } } } } }""",
        "contacts NAME",
        "select name_key as key, id from contact where workspace_id = $1 order by name_key",
        """
with p as (select * from contact c where c.workspace_id = $1 and c.archived_at is null and (c.name_key, c.id) > ($2, $3)
           order by c.name_key, c.id limit 51)
select json_build_object('pageInfo', json_build_object('hasNextPage', count(*) > 50), 'edges', json_agg(json_build_object(
  'cursor', json_build_array('contacts NAME', p.name_key, p.id), 'node', json_build_object(
  'id', p.id, 'name', p.name, 'firstName', p.first_name, 'lastName', p.last_name, 'kind', p.kind, 'billingEmail', p.billing_email,
  'primaryPhone', p.primary_phone, 'updatedAt', p.updated_at, 'version', p.version, 'billingAddress', p.billing_address,
  'syncLinks', (select coalesce(json_agg(json_build_object('id', l.id, 'state', l.state, 'stateSince', l.state_since,
     'lastSyncedAt', l.last_synced_at) order by l.linked_at, l.id), '[]') from sync_link l
     where l.workspace_id = $1 and l.contact_id = p.id))) order by p.name_key, p.id) filter (where true))::text from p""",
        "name",
    ),
    "issues": Page(
        "matchIssues",
        """query Page($after: String) { matchIssues(first: 50, after: $after) {
  pageInfo { hasNextPage endCursor }
  edges { cursor node { id reason state version createdAt xeroContact { id name email phone status
      billingAddress { lines city region postalCode country } }
    candidates { score nameMatches emailMatches evidence differences { field practice xero }
      contact { id name kind billingEmail primaryPhone version billingAddress { lines city } } } } } } }""",
        "issues CREATED_AT",
        "select created_at as key, id from match_issue where workspace_id = $1 order by created_at",
        """
with p as (select i.*, x.id as xid, x.name, x.email, x.phone, x.status, x.billing_address from match_issue i
           join xero_contact x on x.workspace_id = $1 and x.id = i.xero_contact_id
           where i.workspace_id = $1 and i.state = 'OPEN' and (i.created_at, i.id) > ($2::text::timestamptz, $3)
           order by i.created_at, i.id limit 51)
select json_build_object('pageInfo', json_build_object('hasNextPage', count(*) > 50), 'edges', json_agg(json_build_object(
  'cursor', json_build_array('issues', p.created_at, p.id), 'node', json_build_object(
  'id', p.id, 'reason', p.reason, 'state', p.state, 'version', p.version, 'createdAt', p.created_at, 'xeroContact', json_build_object(
     'id', p.xid, 'name', p.name, 'email', p.email, 'phone', concat_ws(' ', '+' || (p.phone->>'country'), p.phone->>'area',
     p.phone->>'number'), 'status', p.status, 'billingAddress', p.billing_address),
  'candidates', (select coalesce(json_agg(json_build_object('score', m.score, 'nameMatches', m.name_matches, 'emailMatches',
     m.email_matches, 'evidence', m.evidence, 'contact', json_build_object('id', c.id, 'name', c.name, 'kind', c.kind, 'billingEmail',
     c.billing_email, 'primaryPhone', c.primary_phone, 'version', c.version, 'billingAddress', c.billing_address),
     'differences', (select coalesce(json_agg(json_build_object('field', d.field, 'practice', d.ours, 'xero', d.theirs)), '[]') from
       (values ('NAME', c.name, p.name), ('BILLING_EMAIL', c.billing_email, p.email), ('PRIMARY_PHONE', c.primary_phone,
        concat_ws(' ', '+' || (p.phone->>'country'), p.phone->>'area', p.phone->>'number')), ('BILLING_ADDRESS',
        c.billing_address::text, p.billing_address::text)) d(field, ours, theirs)
       where lower(regexp_replace(d.ours, '\\s+', '', 'g')) is distinct from lower(regexp_replace(d.theirs, '\\s+', '', 'g'))))
     order by m.score desc, m.contact_id), '[]') from match_candidate m join contact c on c.workspace_id = $1 and c.id = m.contact_id
     where m.workspace_id = $1 and m.issue_id = p.id))) order by p.created_at, p.id) filter (where true))::text from p""",
        "createdAt",
    ),
    "invoices": Page(
        "invoices",
        """query Page($after: String) { invoices(first: 50, after: $after) {
  pageInfo { hasNextPage endCursor }
  edges { cursor node { id number reference status issueDate dueDate currency subtotal taxTotal total amountPaid amountDue updatedAt version
    contact { id name } sync { state }
    lines { id kind description quantity unitPrice amount taxAmount accountCode taxType }
    payments { id date amount reference reversed } } } } }""",
        "invoices ISSUE_DATE",
        "select issue_date as key, id from invoice where workspace_id = $1 order by issue_date desc",
        """
with p as (select i.*, c.name from invoice i join contact c on c.workspace_id = $1 and c.id = i.contact_id
           where i.workspace_id = $1 and (i.issue_date, i.id) < ($2::text::date, $3) order by i.issue_date desc, i.id desc limit 51)
select json_build_object('pageInfo', json_build_object('hasNextPage', count(*) > 50), 'edges', json_agg(json_build_object(
  'cursor', json_build_array('invoices', p.issue_date, p.id), 'node', json_build_object('id', p.id, 'number', p.number, 'reference',
  p.reference, 'status', p.status, 'issueDate', p.issue_date, 'dueDate', p.due_date, 'currency', p.currency, 'subtotal',
  p.subtotal::text, 'taxTotal', p.tax_total::text, 'total', p.total::text, 'amountPaid', p.amount_paid::text, 'amountDue',
  p.amount_due::text, 'updatedAt', p.updated_at, 'version', p.version, 'contact', json_build_object('id', p.contact_id, 'name', p.name),
  'sync', json_build_object('state', p.sync_state),
  'lines', (select coalesce(json_agg(json_build_object('id', n.id, 'kind', n.kind, 'description', n.description, 'quantity',
     n.quantity::text, 'unitPrice', n.unit_price::text, 'amount', n.amount::text, 'taxAmount', n.tax_amount::text, 'accountCode',
     n.account_code, 'taxType', n.tax_type) order by n.place), '[]') from invoice_line n where n.workspace_id = $1 and n.invoice_id = p.id),
  'payments', (select coalesce(json_agg(json_build_object('id', y.id, 'date', y.paid_on, 'amount', y.amount::text, 'reference',
     y.reference, 'reversed', y.reversed) order by y.paid_on, y.id), '[]') from payment y where y.workspace_id = $1
     and y.invoice_id = p.id))) order by p.issue_date desc, p.id desc) filter (where true))::text from p""",
        "number",
    ),
}
