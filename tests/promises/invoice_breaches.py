"""The breaches that would cost money: an invoice is sent twice or not at all; its amount, account or tax rate is wrong; its
payments are counted wrongly. tests/promises/breaches.py has those of contacts."""

from tests.promises.breaches import Breach, breach
from tests.promises.edits import Edit, always, give, instead, never, skip, sql, swap, when

CHANGES = "tests/domain/invoices/test_changes.py"
INVOICES = "tests/domain/invoices/test_actions.py"
MAPPINGS = "tests/domain/invoices/test_mappings.py"
TOTALS = "tests/domain/invoices/test_totals.py"
INVOICING = "tests/workers/test_invoicing.py"


def _breach(name: str, test: str, *edits: Edit) -> Breach:
    return breach(f"invoice: {name}", test, *edits)


ONCE = (
    _breach(
        "a resend has its own idempotency key",
        f"{INVOICING}::test_a_create_without_an_answer_makes_no_second_invoice",
        swap("workers:call", "delivery.idempotency_key", 'f"{OLD}-{delivery.uncertain}"'),
    ),
    _breach(
        "a retry draws a new number",
        f"{INVOICING}::test_a_create_that_never_arrived_is_sent_again_once_the_first_can_no_longer_take_effect",
        instead(
            "domain.invoices:free",
            "due_at next_attempt_at now",
            """
            OLD
            invoice.number = f"{invoice.number}-2"
            """,
        ),
    ),
    _breach(
        "a create that may still take effect is free at once",
        f"{INVOICING}::test_a_create_that_never_arrived_is_sent_again_once_the_first_can_no_longer_take_effect",
        give("workers:recover", "free_absent", "True"),
    ),
    _breach(
        "a taken number is not looked up",
        f"{INVOICING}::test_a_create_that_arrived_late_is_found_by_its_number",
        give("workers:_read_refused", "found", "{}"),
    ),
    _breach(
        "an invoice with our number counts as ours",
        f"{INVOICING}::test_an_invoice_of_another_app_with_our_number_is_never_taken_for_ours",
        always("workers:_find", "url"),
    ),
    _breach(
        "POST for PUT",
        f"{INVOICING}::test_an_invoice_of_another_app_with_our_number_is_never_taken_for_ours",
        swap("xero.client:create_invoices", "'PUT'", "'POST'"),
    ),
    _breach(
        "a 429 to a resend frees the invoice",
        f"{INVOICING}::test_a_429_to_a_resent_invoice_says_nothing_about_the_first_send",
        always("workers:_later", "sends uncertain"),
    ),
    _breach(
        "a sent invoice is sent again",
        INVOICES,
        never("domain.invoices:_send", "_SENT"),
        when("domain.invoices:_send", "APPROVED", "OLD and invoice.status not in _SENT"),
    ),
    _breach(
        "a voided invoice that never arrived is sent",
        f"{INVOICING}::test_an_invoice_voided_before_it_arrived_is_not_sent_again",
        always("domain.invoices:_judge", "AWAITING_PAYMENT"),
    ),
    _breach(
        "a void during the create is lost",
        f"{CHANGES}::test_an_invoice_voided_during_its_create_is_voided_in_xero_too",
        never("domain.invoices:end", "_in_flight"),
        never("domain.invoices:_acknowledge", "VOIDED GONE"),
        never("domain.invoices:_decide_voided", "CHANGED_IN_XERO NOT_SENT"),
    ),
    _breach(
        "a void in flight when the sync is switched off is sent",
        f"{INVOICING}::test_a_void_in_flight_when_the_sync_is_switched_off_waits_until_it_is_on",
        always("domain.invoices:_judge", "setup invoice_sync"),
    ),
)

AMOUNTS = (
    _breach(
        "tax is rounded once for each invoice",
        TOTALS,
        swap(
            "domain.invoices:_tax",
            "rounded(_EXACT.divide(...))",
            "_EXACT.divide(_EXACT.multiply(amount, percentage), whole)",
        ),
        give(
            "domain.invoices:totals", "tax", "rounded(sum((line.tax for line in found), Decimal(0)))", "sum"
        ),
    ),
    _breach(
        "halves are rounded to the even cent",
        TOTALS,
        swap("domain.invoices:_EXACT", "ROUND_HALF_UP", '"ROUND_HALF_EVEN"'),
    ),
    _breach(
        "tax is computed from the unrounded line",
        TOTALS,
        swap(
            "domain.invoices:line_total", "_tax(amount, ...)", "_tax(product, line.percentage, amounts_are)"
        ),
    ),
    _breach(
        "Xero keeps two places of a price",
        f"{INVOICING}::test_xero_gets_the_invoice_as_the_practice_made_it",
        swap("xero.client:FOUR_PLACES", "'4'", "'2'"),
    ),
    _breach(
        "Xero's total is not compared",
        f"{CHANGES}::test_a_different_total_in_xero_is_a_failure_that_only_a_void_ends",
        never("domain.invoices:_decide", "xero_total total"),
    ),
    _breach(
        "an invoice with another total in Xero is tried again",
        f"{CHANGES}::test_a_different_total_in_xero_is_a_failure_that_only_a_void_ends",
        sql("domain.invoices:retry", "and failure_code <> 'TOTAL_MISMATCH'", ""),
    ),
    _breach(
        "another currency is sent",
        f"{INVOICING}::test_an_invoice_shows_that_the_organisation_has_another_currency",
        never("domain.invoices:_organisation_problems", "base_currency currency"),
    ),
    _breach(
        "another currency in Xero is accepted as ours",
        f"{INVOICING}::test_a_new_currency_from_xero_cannot_be_accepted",
        never("domain.invoices:_accept", "currency changed"),
    ),
)

REISSUE = "tests/domain/invoices/test_reissue.py"
REISSUED = "tests/workers/invoices/test_reissue.py"

DISCOUNTS = (
    _breach(
        "a discount rate is not sent",
        f"{REISSUED}::test_an_invoice_with_discounts_comes_to_the_same_in_xero",
        give("workers:new_invoice", "discount_rate", "UNSET"),
    ),
    _breach(
        "a discount amount is not sent",
        f"{REISSUED}::test_an_invoice_with_discounts_comes_to_the_same_in_xero",
        give("workers:new_invoice", "discount_amount", "UNSET"),
    ),
    _breach(
        "a discount is taken off the rounded line",
        TOTALS,
        give("domain.invoices:line_total", "product", "rounded(OLD)", "before_discount"),
    ),
    _breach(
        "a discount given in Xero is not accepted",
        f"{REISSUE}::test_discounts_given_in_xero_come_to_the_same_when_they_are_sent_again",
        swap("domain.invoices:_take_over_line", "discount_shown(...)", "(None, None)"),
    ),
    _breach(
        "a long discount rate from Xero is not rounded",
        TOTALS,
        swap("domain.invoices:discount_shown", "rate == round(rate, 2)", "True"),
    ),
    _breach(
        "the old invoice is voided in Xero before the new one of a reissue is there",
        f"{REISSUE}::test_the_old_invoice_is_voided_in_xero_only_once_the_new_one_is_there",
        skip("domain.invoices:settle_change", "hold_void"),
    ),
    _breach(
        "the old invoice is never voided in Xero if the new one of a reissue is given up",
        f"{REISSUE}::test_a_new_invoice_that_is_given_up_lets_the_old_one_be_voided_in_xero",
        skip("domain.invoices:end", "void_replaced"),
    ),
    _breach(
        "a reissue is not checked",
        REISSUE,
        skip("domain.invoices:settle_change", "check"),
    ),
    _breach(
        "tax that was edited in Xero is lost in a reissue",
        f"{REISSUE}::test_each_line_whose_amount_would_differ_is_named",
        never("domain.invoices:_of_line", "tax_amount tax"),
    ),
    _breach(
        "a reissue is checked on the account and the rate that the old invoice had",
        f"{REISSUE}::test_a_tax_rate_that_is_mapped_no_more_refuses_it",
        swap("domain.invoices:_of_line", "_anew(...)", "line"),
    ),
    _breach(
        "an account chosen in Xero becomes the default account when it is closed",
        f"{REISSUE}::test_a_reissue_keeps_an_account_chosen_in_xero_and_is_refused_if_it_is_closed",
        never("domain.invoices:_of_line", "chosen _has_account_of_xero"),
    ),
    _breach(
        "a text line becomes an empty line",
        f"{REISSUED}::test_a_reissue_is_refused_for_a_text_line",
        never("domain.invoices:_of_line", "_is_text_only"),
    ),
    _breach(
        "tracking that needed no decision is lost in a reissue",
        f"{REISSUE}::test_a_reissue_keeps_tracking_and_item_code_that_needed_no_decision",
        give("domain.invoices:_take_along", "tracking", "source.tracking"),
    ),
)

PLACES = (
    _breach(
        "an unmapped tax rate counts as no tax",
        f"{MAPPINGS}::test_invoices_with_an_unmapped_tax_rate_wait_until_it_is_mapped",
        instead("domain.invoices:_rate", "unmapped_rate", 'return {"tax_type": NO_TAX_TYPE}, None'),
    ),
    _breach(
        "a Xero tax rate of another percentage is used",
        f"{MAPPINGS}::test_a_mapping_to_a_tax_rate_that_xero_changed_is_flagged",
        never("domain.invoices:rate_problem", "effective_rate percentage"),
    ),
    _breach(
        "a line follows the mapping after it was resolved",
        f"{CHANGES}::test_a_mapping_changed_during_a_create_does_not_change_the_sent_lines",
        never("domain.invoices:_account", "before active"),
    ),
    _breach(
        "an archived account is sent",
        f"{MAPPINGS}::test_a_mapping_to_an_archived_account_is_flagged_and_kept",
        never("domain.invoices:account_problem", "active"),
    ),
    _breach(
        "the start date is exclusive",
        MAPPINGS,
        swap("domain.invoices:eligible", "issue_date < start", "issue_date <= start"),
    ),
    _breach(
        "an earlier start date needs no confirmation",
        f"{MAPPINGS}::test_an_earlier_start_date_needs_the_count_of_the_preview",
        never("domain.invoices:set_sync", "waiting accept_invoices"),
    ),
    _breach(
        "lock dates are ignored",
        f"{MAPPINGS}::test_invoices_in_a_locked_period_wait_until_the_lock_moves",
        instead("domain.invoices:check", "found locked", "pass"),
    ),
    _breach(
        "an invoice on the lock date is sent",
        f"{MAPPINGS}::test_invoices_in_a_locked_period_wait_until_the_lock_moves",
        swap("domain.invoices:locked", "issue_date > max(...)", "issue_date >= max(locks)"),
    ),
    _breach(
        "of two lock dates the earlier one counts",
        f"{MAPPINGS}::test_the_later_of_two_lock_dates_counts",
        swap("domain.invoices:locked", "... > max(locks)", "issue_date > min(locks)"),
    ),
    _breach(
        "the set-up changes while an invoice is checked",
        f"{MAPPINGS}::test_a_change_of_the_set_up_waits_while_an_invoice_is_checked",
        never("domain.connection:lock_setup", "change"),
    ),
    _breach(
        "a correction makes no invoice due",
        f"{MAPPINGS}::test_invoices_with_an_unmapped_tax_rate_wait_until_it_is_mapped",
        skip("domain.invoices:_changed", "release"),
    ),
)

BACK = (
    _breach(
        "a payment is counted with each read",
        CHANGES,
        instead(
            "domain.invoices:_show_payments", "amount_paid invoice", "invoice.amount_paid += seen.amount_paid"
        ),
    ),
    _breach(
        "a removed payment stays",
        f"{CHANGES}::test_payments_and_credits_are_read_and_removed_again",
        swap("domain.invoices:_show_payments", "True", "False", "reversed"),
    ),
    _breach(
        "an older snapshot is applied",
        f"{CHANGES}::test_an_older_snapshot_and_absent_fields_change_nothing",
        always("domain.invoices:_is_news", "_stamp"),
    ),
    _breach(
        "a voided invoice is open again when Xero shows it open",
        CHANGES,
        never("domain.invoices:_decide", "InvoiceStatus VOIDED"),
    ),
    _breach(
        "a void in Xero needs no decision",
        f"{CHANGES}::test_an_invoice_voided_in_xero_waits_for_a_decision_and_is_never_sent_again",
        when("domain.invoices:_decide", "differing", 'OLD not in ([], ["status"])'),
    ),
    _breach(
        "an invoice with payments is voided",
        f"{CHANGES}::test_an_invoice_with_payments_cannot_be_voided",
        never("domain.invoices:void", "amount_paid"),
    ),
)

CLAIMS = "tests/domain/invoices/test_claims.py"

NEXT = (
    _breach(
        "bulk invoices are claimed before interactive ones",
        f"{CLAIMS}::test_interactive_invoices_are_claimed_before_bulk_and_separately",
        sql("domain.invoices:_lock_due", "order by i.bulk, i.status", "order by i.status"),
    ),
    _breach(
        "bulk and interactive invoices share a delivery",
        f"{CLAIMS}::test_interactive_invoices_are_claimed_before_bulk_and_separately",
        always("domain.invoices:claim", "one bulk"),
    ),
    _breach(
        "a void waits for all creates",
        f"{CLAIMS}::test_voids_are_claimed_before_older_creates",
        sql("domain.invoices:_lock_due", "i.status <> 'VOIDED', i.due_at", "i.due_at"),
    ),
    _breach(
        "a retry sends an uncertain invoice",
        f"{CLAIMS}::test_a_retry_of_an_uncertain_invoice_sends_nothing",
        sql(
            "domain.invoices:_DUE",
            "and m.invoice_id = i.id and m.open)",
            "and m.invoice_id = i.id and m.open and false)",
        ),
    ),
    _breach(
        "a correction makes hundreds of invoices interactive",
        f"{CLAIMS}::test_a_correction_makes_many_invoices_due_as_bulk_work",
        give("domain.invoices:release", "bulk", "False"),
    ),
    _breach(
        "a call holds more than Xero accepts",
        f"{CLAIMS}::test_one_delivery_holds_at_most_as_many_invoices_as_xero_accepts",
        never("domain.invoices:_fitting", "CALL_BYTES"),
    ),
    _breach(
        "an invoice in a locked period is voided",
        f"{CLAIMS}::test_an_invoice_in_a_locked_period_is_not_voided",
        when("domain.invoices:void", "locked", "(OLD) and False"),
    ),
)

BREACHES = (*ONCE, *AMOUNTS, *DISCOUNTS, *PLACES, *BACK, *NEXT)
