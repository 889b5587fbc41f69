"""The breaches of the inbox of webhook events, of what is read before something is sent, of runs and imports, and of names in Xero."""

from tests.promises.breaches import Breach, breach
from tests.promises.edits import Edit, always, give, instead, never, skip, sql, swap

INBOX = "tests/domain/inbound/test_webhook_inbox.py"
FRESH = "tests/domain/outbound/test_freshness.py"
READS = "tests/domain/invoices/test_reads.py"
PLAN = "tests/domain/matching/test_plan.py"
DIGESTS = "tests/domain/mirror/test_digests.py"
FUNCTIONS = "migrations.versions"  # where the functions of schema `door` are


def _breach(name: str, test: str, *edits: Edit) -> Breach:
    return breach(f"inbox: {name}", test, *edits)


EVENTS = (
    _breach(
        "our own write accounts for all events of its two seconds",
        f"{INBOX}::test_a_change_in_xero_right_after_our_own_write_is_read_whichever_event_comes_first",
        always("domain.inbound:judge", "len unread 1"),
    ),
    _breach(
        "our own write accounts for one event after the other",
        f"{INBOX}::test_a_change_in_xero_right_after_our_own_write_is_read_whichever_event_comes_first",
        skip("domain.inbound:put_aside", "_note"),
    ),
    _breach(
        "the event of our own write is read where it comes again",
        f"{INBOX}::test_the_event_of_our_own_write_needs_no_read_however_often_it_comes",
        always("domain.inbound:unread", "own_event_at"),
    ),
    _breach(
        "an event that was read is read where it comes again",
        f"{INBOX}::test_an_event_whose_object_has_no_newer_stamp_is_read_twice_at_most",
        skip("domain.inbound:settle_shown", "_note"),
    ),
    _breach(
        "of the events that wait only the newest is kept",
        f"{INBOX}::test_a_change_in_xero_right_after_our_own_write_is_read_whichever_event_comes_first",
        sql(FUNCTIONS, "select tenant, category, resource, times[1], times[2]", "select tenant, category, resource, times[1], null"),
    ),
    _breach(
        "an event that comes again ends the lease of its reader",
        f"{INBOX}::test_a_reader_that_lives_keeps_its_events_and_one_that_died_gives_them_back",
        sql(
            FUNCTIONS,
            "lease_until = case when excluded.event_at > w.event_at then null else w.lease_until end",
            "lease_until = null",
        ),
    ),
    _breach(
        "a delta settles nothing that was announced before it",
        f"{INBOX}::test_one_backlog_begins_one_delta_although_no_stamp_moves",
        skip("domain.inbound.imports", "settle_read"),
    ),
    _breach(
        "a delta settles what was announced after it began",
        f"{INBOX}::test_one_backlog_begins_one_delta_although_no_stamp_moves",
        sql(FUNCTIONS, "e.category = p_category and e.received_at <= p_began", "e.category = p_category"),
    ),
    _breach(
        "an event of an invoice that is just being created is dropped",
        f"{READS}::test_an_event_of_an_invoice_whose_create_is_under_way_waits_for_the_answer",
        never("domain.invoices:claim", "_is_creating"),
    ),
)  # fmt: skip

FIRST = (
    _breach(
        "a contact is written though an event of it is unread",
        f"{FRESH}::test_a_contact_with_an_unread_event_is_read_before_it_is_written",
        sql("domain.outbound:UNREAD", "or {ANNOUNCED}", ""),
    ),
    _breach(
        "a contact is written though what was read of it is not applied",
        f"{FRESH}::test_a_read_that_is_not_applied_yet_is_applied_before_a_write",
        sql("domain.outbound:UNREAD", "x.dirty or ", ""),
    ),
    _breach(
        "a contact is archived though an event of it is unread",
        f"{FRESH}::test_an_unread_event_holds_back_the_archiving_of_its_contact",
        sql("domain.outbound:claim", "{STATUS_DUE} and not {UNREAD}", "{STATUS_DUE}"),
    ),
    _breach(
        "a write waits until the events are gathered",
        f"{FRESH}::test_a_contact_with_an_unread_event_is_read_before_it_is_written",
        sql(FUNCTIONS, "(e.due_at <= p_now or e.reads = 0 and e.resource_id = any(p_only))", "e.due_at <= p_now"),
    ),
    _breach(
        "where Xero may win, a contact is written without a read of it",
        f"{FRESH}::test_where_xero_may_win_or_no_webhook_comes_each_contact_is_read_by_itself",
        never("domain.outbound:check", "conflict_policy XERO_WINS"),
    ),
    _breach(
        "where no webhook comes, a contact is written without a read of it",
        f"{FRESH}::test_where_xero_may_win_or_no_webhook_comes_each_contact_is_read_by_itself",
        always("domain.outbound:check", "webhooks_healthy"),
    ),
    _breach(
        "the same bytes go again though an event of a member is unread",
        "tests/workers/test_lost_answers.py::test_an_announced_value_is_read_before_the_same_bytes_go_again",
        give("workers:recover", "unread", "False"),
    ),
    _breach(
        "an event that was read once waits for the next bulk read, and its contact's write too",
        f"{FRESH}::test_events_that_cannot_be_read_in_bulk_until_tomorrow_hold_no_persons_edit_back_so_long",
        give("domain.inbound:give_back", "soon", "until"),
    ),
    _breach(
        "an invoice is voided though an event of it is unread",
        f"{READS}::test_a_void_waits_until_the_announced_change_of_the_invoice_is_read",
        sql("domain.invoices:_lock_due", "and not {_UNREAD}", ""),
    ),
    _breach(
        "a delta counts as the read of what changed while Xero answered",
        f"{INBOX}::test_an_event_that_comes_again_later_than_the_delta_that_read_it_stays_read",
        swap("domain.inbound:read_to", "ANSWERED", "SLACK"),
    ),
    _breach(
        "events of invoices are claimed without the organisation's lock",
        f"{READS}::test_a_poll_and_a_claim_of_events_do_not_wait_for_each_other",
        skip("domain.invoices.reads:claim", "lock"),
    ),
)  # fmt: skip

LOCKS = (
    _breach(
        "a change that is announced between claim and call is overwritten without a trace",
        f"{FRESH}::test_a_change_that_is_announced_between_claim_and_call_leaves_a_trace",
        skip("domain.inbound:claim", "_tell_overwritten"),
    ),
    _breach(
        "an event that was read already is recorded as a lost change",
        f"{FRESH}::test_an_event_that_was_read_before_the_claim_leaves_no_trace_of_a_lost_change",
        give("domain.inbound:overwrote", "read", "False"),
    ),
    _breach(
        "a change right after our own write that Xero shows late counts as read",
        f"{INBOX}::test_a_change_right_after_our_own_write_that_xero_shows_late_is_read_once_more",
        always("domain.inbound:_is_as_new", "own_write_at"),
    ),
    _breach(
        "a change of a contact that Xero never shows waits for ever",
        f"{FRESH}::test_a_contact_that_xero_does_not_show_is_asked_for_again_and_then_fails",
        always("domain.outbound:_put_off", "READS_UNTIL_FAILURE"),
    ),
    _breach(
        "events are settled after a read in the order of the answer",
        "tests/domain/inbound/test_locks.py::test_events_that_come_while_the_read_of_former_ones_is_settled_make_no_deadlock",
        skip("domain.inbound:settle_shown", "renew"),
    ),
    _breach(
        "the links of refused archivings are locked one after the other",
        "tests/domain/inbound/test_locks.py::test_refused_archivings_and_a_claim_of_the_same_contacts_make_no_deadlock",
        skip("domain.outbound.status_deliveries:settle", "lock_all"),
        instead(
            "domain.outbound.status_deliveries:_refuse",
            "link active",
            'link = await links.active(tx, organisation_id, "xero_contact_id", xero_contact_id)\n'
            "link = link and await links.lock(tx, link.id)",
        ),
    ),
)  # fmt: skip

RUNS = (
    breach(
        "filter: a run that matches keeps the filter of its beginning",
        "tests/domain/inbound/test_filter_during_run.py",
        give("domain.inbound:match_page", "organisation", "replace(OLD, contact_filter=run.contact_filter)", beside="held"),
    ),
    breach(
        "filter: a run that matched with a narrower filter meanwhile ends as if it had not",
        "tests/domain/inbound/test_filter_during_run.py::test_a_filter_that_is_narrowed_and_widened_again_leaves_nobody_out",
        swap("domain.connection:_match_wider", "min(...)", "run.contact_filter"),
    ),
    breach(
        "filter: after a reconnect only changes are matched with a wider filter",
        "tests/domain/inbound/test_filter_during_run.py::test_a_filter_that_is_widened_before_a_reconnect_matches_what_it_adds",
        give("domain.connection:_read_again", "same", "True"),
    ),
)  # fmt: skip

PAGING = "tests/workers/test_paging.py"

PAGES = (
    breach(
        "pages: a delta is ordered by the time of the change",
        f"{PAGING}::test_no_contact_is_missed_when_one_changes_between_two_pages_of_a_delta",
        swap("xero.client:contacts_page", "'ContactID ASC'", "'UpdatedDateUTC ASC'"),
    ),
    breach(
        "pages: a poll of invoices is ordered by the time of the change",
        f"{PAGING}::test_no_invoice_is_missed_when_one_changes_between_two_pages",
        swap("xero.client:invoices_page", "'InvoiceID ASC'", "'UpdatedDateUTC ASC'"),
    ),
    breach(
        "pages: a poll of invoices sets its cursor to the time of its last page",
        f"{PAGING}::test_a_poll_of_invoices_whose_worker_was_killed_goes_on_with_its_page",
        give("domain.invoices:settle_page", "read_from", "server_time"),
    ),
    breach(
        "pages: a page that was read twice moves the poll twice",
        f"{PAGING}::test_a_poll_of_invoices_whose_worker_was_killed_goes_on_with_its_page",
        never("domain.invoices:settle_page", "invoice_cursor invoice_page"),
    ),
)

HELD = "tests/domain/outbound/test_names_in_xero.py"

NAMES = (
    breach(
        "names: a push compares a name with its emoji",
        f"{HELD}::test_a_push_finds_the_contact_that_has_the_name_without_its_emoji",
        swap("domain.actions:names_of", "keys_in_xero(contact.name, ...)", "[contact.name_key]", beside="True"),
    ),
    breach(
        "names: the holder of a name is looked for with the emoji",
        f"{HELD}::test_a_refused_name_with_an_emoji_shows_its_holder_and_is_sent_once_it_is_free",
        swap("domain.links.failures:described", "keys_in_xero(contact.name)", "keys_in_xero(contact.name)[:1]"),
    ),
    breach(
        "names: a refused name with an emoji is not sent once the name is free",
        f"{HELD}::test_a_refused_name_with_an_emoji_shows_its_holder_and_is_sent_once_it_is_free",
        swap("domain.links.failures:names_freed", "keys_in_xero(row.name)", "keys_in_xero(row.name)[:1]"),
    ),
    breach(
        "missing: a contact that Xero does not show keeps its name",
        f"{HELD}::test_a_contact_that_xero_does_not_show_keeps_no_name",
        sql("domain.mirror", "set missing_since = :now, dirty = true", "set dirty = true"),
    ),
    breach(
        "missing: a contact that Xero shows again stays missing",
        f"{HELD}::test_a_contact_that_xero_shows_again_keeps_its_name",
        sql("domain.mirror", "missing_since = null, read_due_at", "read_due_at"),
    ),
    breach(
        "missing: a read of all contacts marks none",
        f"{HELD}::test_a_scan_notices_the_contacts_that_xero_does_not_show_any_more",
        never("domain.inbound:_read_to_the_end", "purpose SCAN"),
    ),
    breach(
        "invoice: a contact's value that is too long is not tried again when the contact changes",
        "tests/domain/invoices/test_refusals.py::test_a_refusal_for_the_contact_is_retried_when_the_xero_contact_changes",
        sql("domain.inbound", "('INVALID_IN_XERO', 'VALUE_TOO_LONG', 'NAME_TAKEN_IN_XERO')", "('INVALID_IN_XERO')"),
    ),
    breach(
        "invoice: two values that differ are told by one text",
        "tests/domain/invoices/test_differences.py::test_two_contacts_of_one_name_are_distinguished",
        always("domain.invoices:both_in_one_line", "found"),
    ),
)  # fmt: skip

IMPORTS = (
    breach(
        "import: rows are inserted by a statement each",
        f"{PLAN}::test_contacts_with_other_blanks_are_created_by_as_many_statements",
        instead(
            "domain.tx:Tx.insert",
            "json_populate_recordset",
            "await self.session.execute(sa.insert(table), rows)",
        ),
    ),
    breach(
        "import: contacts are updated by a statement each",
        f"{PLAN}::test_contacts_with_other_blanks_are_created_by_as_many_statements",
        instead(
            "domain.links.starting:write_contacts",
            "update rows",
            """
            for one in rows:
                await tx.update(Contact, [one])
            """,
        ),
    ),
    breach(
        "import: what was just linked is applied once more",
        f"{PLAN}::test_the_last_pass_of_an_import_leaves_out_what_the_import_has_linked",
        skip("domain.inbound:match_page", "leave_linked"),
    ),
    breach(
        "import: an issue that shares the email of what was just linked is not evaluated again",
        f"{PLAN}::test_a_contact_that_shares_the_email_of_an_older_issue_is_applied_in_the_last_pass",
        sql("domain.inbound:leave_linked", "and not exists ({issue} and y.email_key = x.email_key)", ""),
    ),
    breach(
        "import: near-duplicates are looked up in an empty practice",
        f"{PLAN}::test_near_duplicates_are_looked_up_only_if_the_practice_has_contacts",
        never("domain.inbound:_next_pass", "may_be_left"),
    ),
    breach(
        "import: a scan looks up near-duplicates of all contacts",
        f"{PLAN}::test_a_scan_looks_up_no_near_duplicates_of_linked_contacts",
        always("domain.inbound:look_up_page", "IMPORT"),
    ),
    breach(
        "mirror: an unchanged contact is compared and written anew",
        f"{DIGESTS}::test_only_the_time_of_an_unchanged_contact_is_written",
        always("domain.mirror:find_known", "MANY"),
    ),
    breach(
        "mirror: the flags of a known contact are not compared",
        f"{DIGESTS}::test_flags_that_the_version_before_changed_are_noticed",
        sql("domain.mirror:find_known", "and x.is_customer = n.is_customer", ""),
    ),
)

BREACHES = (*IMPORTS, *EVENTS, *FIRST, *LOCKS, *NAMES, *PAGES, *RUNS)
