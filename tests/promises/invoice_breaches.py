"""The breaches that would cost money: an invoice twice, not at all, on another amount, account or rate, or its payments
counted wrongly. As `breaches` has those of contacts."""

from tests.promises.breaches import Breach, Edit

CHANGES = "tests/domain/invoices/test_changes.py"
INVOICES = "tests/domain/invoices/test_actions.py"
MAPPINGS = "tests/domain/invoices/test_mappings.py"
TOTALS = "tests/domain/invoices/test_totals.py"
INVOICING = "tests/workers/test_invoicing.py"


def _breach(name: str, tests: str, *edits: tuple[str, str, str]) -> Breach:
    return Breach(f"invoice: {name}", tuple(Edit(*edit) for edit in edits), (tests,))


ONCE = (
    _breach(
        "a resend has a key of its own",
        f"{INVOICING}::test_a_lost_answer_is_no_second_invoice",
        (
            "workers/delivery_attempts.py",
            "trip.client, delivery.kind, delivery.body, delivery.idempotency_key",
            'trip.client, delivery.kind, delivery.body, f"{delivery.idempotency_key}-{delivery.uncertain}"',
        ),
    ),
    _breach(
        "a retry draws a new number",
        f"{INVOICING}::test_what_never_arrived_goes_again_when_it_can_land_no_more",
        (
            "domain/invoices/deliveries.py",
            "        invoice.due_at, invoice.next_attempt_at = invoice.due_at or tx.now, until\n",
            "        invoice.due_at, invoice.next_attempt_at = invoice.due_at or tx.now, until\n"
            '        invoice.number = f"{invoice.number}-2"\n',
        ),
    ),
    _breach(
        "what may still land is free at once",
        f"{INVOICING}::test_what_never_arrived_goes_again_when_it_can_land_no_more",
        (
            "workers/delivery_attempts.py",
            "free_absent=parts.database.clock.now() >= landed",
            "free_absent=True",
        ),
    ),
    _breach(
        "a taken number is not looked up",
        f"{INVOICING}::test_a_create_that_landed_after_all_is_found_by_its_number",
        (
            "workers/invoicing.py",
            "found = await delivery_attempts.found(trip, taken)\n        return",
            "found: dict[UUID, Answered] = {}\n        return",
        ),
    ),
    _breach(
        "whoever has the number is ours",
        f"{INVOICING}::test_a_number_that_somebody_else_took_is_never_adopted",
        (
            "workers/invoicing.py",
            "if shown.url == mark(trip.parts.settings.public_url, invoice_id):",
            "if shown:",
        ),
    ),
    _breach(
        "POST for PUT",
        f"{INVOICING}::test_a_number_that_somebody_else_took_is_never_adopted",
        (
            "xero/client.py",
            '_writing("PUT", "Invoices"',
            '_writing("POST", "Invoices"',
        ),
    ),
    _breach(
        "429 to a resend frees it",
        f"{INVOICING}::test_too_many_requests_to_a_resend_say_nothing_of_the_first_send",
        (
            "workers/delivery_attempts.py",
            "if delivery.sends == 1 and not delivery.uncertain:",
            "if delivery.sends:",
        ),
    ),
    _breach(
        "what somebody sent is sent again",
        INVOICES,
        ("domain/invoices/actions.py", "    if invoice.status in _SENT:\n        return invoice\n", ""),
        (
            "domain/invoices/actions.py",
            "if invoice.status is not InvoiceStatus.APPROVED:",
            "if invoice.status not in (*_SENT, InvoiceStatus.APPROVED):",
        ),
    ),
    _breach(
        "a voided one is sent that never arrived",
        f"{INVOICING}::test_voided_while_it_never_arrived_it_is_not_sent_any_more",
        (
            "domain/invoices/deliveries.py",
            "elif invoice.status is InvoiceStatus.AWAITING_PAYMENT and not known:",
            "elif not known:",
        ),
    ),
    _breach(
        "a void is forgotten while the create is on its way",
        f"{CHANGES}::test_voided_while_it_is_on_its_way_it_is_voided_there_as_well",
        (
            "domain/invoices/actions.py",
            "    elif await _in_flight(tx, invoice.id):\n",
            "    elif invoice.total < 0:\n",
        ),
        (
            "domain/invoices/deliveries.py",
            "        invoice.sync_state, invoice.due_at = InvoiceSyncState.PENDING, tx.now\n        tx.ring()\n",
            "        pass\n",
        ),
        (
            "domain/invoices/changes.py",
            "        or invoice.sync_state is InvoiceSyncState.NOT_SENT\n",
            "        and invoice.sync_state is InvoiceSyncState.NOT_SENT\n",
        ),
    ),
    _breach(
        "a void that is on its way when the sync is switched off goes out",
        f"{INVOICING}::test_switched_off_while_a_void_is_on_its_way_it_waits_until_it_is_on",
        (
            "domain/invoices/deliveries.py",
            'if setup.organisation["invoice_sync"]:\n                ready',
            "if setup.connected:\n                ready",
        ),
    ),
)

AMOUNTS = (
    _breach(
        "tax is rounded once a document",
        TOTALS,
        (
            "domain/invoices/totals.py",
            "return rounded(_EXACT.divide(_EXACT.multiply(amount, percentage), whole))",
            "return _EXACT.divide(_EXACT.multiply(amount, percentage), whole)",
        ),
        (
            "domain/invoices/totals.py",
            "tax = sum((line.tax for line in found), rounded(Decimal(0)))",
            "tax = rounded(sum((line.tax for line in found), Decimal(0)))",
        ),
    ),
    _breach(
        "ties go to the even cent",
        TOTALS,
        ("domain/invoices/totals.py", "import ROUND_HALF_UP, Context", "import ROUND_HALF_EVEN, Context"),
        ("domain/invoices/totals.py", "rounding=ROUND_HALF_UP)", "rounding=ROUND_HALF_EVEN)"),
    ),
    _breach(
        "tax is of the line that was not rounded",
        TOTALS,
        ("domain/invoices/totals.py", "_tax(amount, line.percentage", "_tax(product, line.percentage"),
    ),
    _breach(
        "Xero keeps two places of a price",
        f"{INVOICING}::test_it_arrives_as_the_practice_made_it",
        ("xero/client.py", 'FOUR_PLACES = {"unitdp": "4"}', 'FOUR_PLACES = {"unitdp": "2"}'),
    ),
    _breach(
        "the total that Xero gives is not compared",
        f"{CHANGES}::test_another_total_is_a_failure_that_only_a_void_mends",
        (
            "domain/invoices/changes.py",
            "and invoice.xero_total != invoice.total\n",
            "and invoice.xero_total < 0\n",
        ),
    ),
    _breach(
        "one of another total is tried again",
        f"{CHANGES}::test_another_total_is_a_failure_that_only_a_void_mends",
        ("domain/invoices/actions.py", " and failure_code <> 'TOTAL_MISMATCH'", ""),
    ),
    _breach(
        "another currency is sent",
        f"{INVOICING}::test_another_currency_in_xero_is_said",
        (
            "domain/invoices/eligibility.py",
            'if organisation["base_currency"] not in ("", invoice.currency):',
            'if organisation["base_currency"] == "?":',
        ),
    ),
    _breach(
        "another currency in Xero is accepted as ours",
        f"{INVOICING}::test_in_another_currency_in_xero_it_cannot_be_accepted",
        ("domain/invoices/changes.py", 'if "currency" in changed:', 'if "?" in changed:'),
    ),
)

PLACES = (
    _breach(
        "an unmapped tax rate is no tax",
        f"{MAPPINGS}::test_an_unmapped_rate_keeps_its_invoices_until_it_is_mapped",
        (
            "domain/invoices/eligibility.py",
            "        return None, unmapped_rate(own)\n",
            '        return {"tax_type": NO_TAX_TYPE}, None\n',
        ),
    ),
    _breach(
        "a rate of another percentage is taken",
        f"{MAPPINGS}::test_a_rate_that_xero_has_changed_is_flagged",
        (
            "domain/invoices/eligibility.py",
            'elif rate["effective_rate"] != percentage:',
            "elif percentage < 0:",
        ),
    ),
    _breach(
        "a line follows the mapping after it was resolved",
        f"{CHANGES}::test_a_mapping_changed_on_its_way_changes_nothing_of_what_was_sent",
        (
            "domain/invoices/eligibility.py",
            'if before is not None and before["active"]:',
            "if before is not None and invoice_queue.MOST_INTERACTIVE < 0:",
        ),
    ),
    _breach(
        "an archived account is sent",
        f"{MAPPINGS}::test_what_is_archived_is_flagged_and_its_choice_kept",
        ("domain/invoices/eligibility.py", 'if not account["active"]:', "if not account:"),
    ),
    _breach(
        "the start date is exclusive",
        MAPPINGS,
        ("domain/invoices/eligibility.py", "issue_date < start else None", "issue_date <= start else None"),
    ),
    _breach(
        "an earlier start date sends unasked",
        f"{MAPPINGS}::test_an_earlier_start_needs_the_count_that_the_preview_gives",
        (
            "domain/invoices/mappings.py",
            'if waiting["invoices"] > (accept_invoices or 0):',
            'if waiting["invoices"] < 0:',
        ),
    ),
    _breach(
        "lock dates are ignored",
        f"{MAPPINGS}::test_a_locked_period_keeps_them_until_the_lock_moves",
        (
            "domain/invoices/eligibility.py",
            "found += locked(setup.organisation, invoice.issue_date)",
            "found += []",
        ),
    ),
    _breach(
        "the day of the lock is open",
        f"{MAPPINGS}::test_a_locked_period_keeps_them_until_the_lock_moves",
        ("domain/invoices/eligibility.py", "issue_date > max(locks):", "issue_date >= max(locks):"),
    ),
    _breach(
        "a fix lets nothing go",
        f"{MAPPINGS}::test_an_unmapped_rate_keeps_its_invoices_until_it_is_mapped",
        (
            "domain/invoices/mappings.py",
            "await waiting_invoices.release(tx, organisation_id, mended)",
            "pass",
        ),
    ),
)

BACK = (
    _breach(
        "a payment is counted with each read",
        CHANGES,
        (
            "domain/invoices/changes.py",
            "invoice.amount_paid = seen.amount_paid",
            "invoice.amount_paid += seen.amount_paid",
        ),
    ),
    _breach(
        "a payment that was taken off stays",
        f"{CHANGES}::test_payments_and_credits_come_back_and_go_again",
        (
            "domain/invoices/changes.py",
            "            row.reversed = True\n",
            "            row.reversed = False\n",
        ),
    ),
    _breach(
        "an older snapshot is applied",
        f"{CHANGES}::test_an_older_snapshot_and_absent_fields_change_nothing",
        ("domain/invoices/changes.py", "return _stamp(seen, known[0]) >= known", "return True"),
    ),
    _breach(
        "a voided one is open again when Xero shows it open",
        CHANGES,
        (
            "domain/invoices/changes.py",
            "    if invoice.status is InvoiceStatus.VOIDED:\n        _decide_voided",
            "    if invoice.total < 0:\n        _decide_voided",
        ),
    ),
    _breach(
        "a void in Xero asks nobody",
        f"{CHANGES}::test_a_void_in_xero_waits_for_a_decision_and_is_never_resurrected",
        (
            "domain/invoices/changes.py",
            "    if differing(base, shown):\n        _changed",
            '    if differing(base, shown) != ["status"] and differing(base, shown):\n        _changed',
        ),
    ),
    _breach(
        "what has payments is voided",
        f"{CHANGES}::test_what_has_payments_is_not_voided",
        (
            "domain/invoices/actions.py",
            "    if invoice.amount_paid > 0:\n        raise refuse(\n            Code.HAS_PAYMENTS,",
            "    if invoice.amount_paid < 0:\n        raise refuse(\n            Code.HAS_PAYMENTS,",
        ),
    ),
)

BREACHES = (*ONCE, *AMOUNTS, *PLACES, *BACK)
