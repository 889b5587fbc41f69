"""Whether an invoice may go to Xero, on which accounts and tax rates, and what keeps it back.

`check` is pure: from an organisation's set-up and an invoice it computes the problems, and where each line goes. `place`
puts a sent invoice where it belongs: sync off, before the start date, waiting for a fix, or due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol
from uuid import UUID

from domain import activity
from domain.connection import held_invoices
from domain.invoices import waiting as waiting_invoices
from domain.invoices import xero_catalogue
from domain.invoices.setup import Account, Billed, PracticeRate, Setup, XeroRate
from domain.links.failures import stored_failure
from domain.tables import (
    ACTIVE,
    ActivityKind,
    AmountsAre,
    Invoice,
    InvoiceLine,
    InvoiceLineKind,
    InvoiceSyncState,
    StoredFailure,
    StoredProblem,
)
from domain.tx import Tx

NO_TAX_TYPE = "NONE"  # Xero's code for lines of an invoice without tax
GONE = ("VOIDED", "DELETED")  # ends of an invoice in Xero
LINKED = ACTIVE


CONTACT = "Contact"  # among a problem's subjects: the contact of the invoice, whose id is not known yet


@dataclass(frozen=True)
class Problem:
    """SyncProblem of the schema. `subjects` as 'TaxRate:id'. `line`: the place of the line that it is about, if it is
    about one. `each`: where Xero named several things at once, each of them."""

    code: str
    message: str
    remedy: str
    subjects: tuple[str, ...] = ()
    line: int | None = None
    each: tuple["Problem", ...] = ()

    def stored(self) -> StoredProblem:
        """The problem among `each` of a stored failure; `of` reads it."""
        return {
            "code": self.code,
            "message": self.message,
            "subjects": list(self.subjects),
            "remedy": self.remedy,
        }

    @classmethod
    def of(cls, stored: StoredProblem | StoredFailure) -> "Problem":
        remedy = stored["remedy"]
        assert remedy is not None  # each problem of an invoice has a remedy
        return cls(stored["code"], stored["message"], remedy, tuple(stored["subjects"]))


class Line(Protocol):
    """An invoice line as the check needs it. Account and tax type are set if an earlier check found them."""

    @property
    def kind(self) -> InvoiceLineKind: ...
    @property
    def service_type_id(self) -> UUID | None: ...
    @property
    def tax_rate_id(self) -> UUID | None: ...
    @property
    def xero_account_id(self) -> UUID | None: ...
    @property
    def tax_type(self) -> str | None: ...


class Sendable(Protocol):
    """An invoice, or a draft of one, as the check needs it."""

    @property
    def contact_id(self) -> UUID | None: ...
    @property
    def issue_date(self) -> date | None: ...
    @property
    def currency(self) -> str: ...
    @property
    def amounts_are(self) -> AmountsAre: ...


@dataclass(frozen=True)
class Resolved:
    """The account and tax type of a line. None if not known yet."""

    account: Account | None
    tax_type: str | None


class _Linked(NamedTuple):
    contact_id: UUID
    xero_contact_id: UUID


async def linked(tx: Tx, organisation_id: UUID, contacts: Sequence[UUID]) -> dict[UUID, UUID]:
    """For each contact, Xero's own id of the linked Xero contact that can be billed. Xero bills no archived contact."""
    rows = await tx.read(
        _Linked,
        "select l.contact_id, x.xero_contact_id from sync_link l join xero_contact x on x.workspace_id = :ws"
        " and x.id = l.xero_contact_id and x.status = 'ACTIVE' where l.workspace_id = :ws and l.organisation_id = :organisation"
        f" and l.contact_id = any(:contacts) and l.state in {LINKED}",
        organisation=organisation_id, contacts=list(contacts),
    )  # fmt: skip
    return {row.contact_id: row.xero_contact_id for row in rows}


def account_problem(account: Account, kind: InvoiceLineKind, remedy: str) -> Problem | None:
    """Why lines of this kind cannot go on the account. Billed expenses may go on an expense account or on one of income."""
    name, fit = account.name, {"REVENUE"} if kind is InvoiceLineKind.SERVICE else {"REVENUE", "EXPENSE"}
    if not account.active:
        why = f"The account {name} was archived in Xero. Choose another one, or restore it there and call syncNow."
    elif account.account_class not in fit:
        why = f"The account {name} may not be used for {'revenue' if kind is InvoiceLineKind.SERVICE else 'expenses'}. Choose another one."
    elif account.system_account or not account.code:
        why = f"The account {name} has no code, or Xero keeps it for itself. Choose another one."
    else:
        return None
    return Problem("ACCOUNT_UNAVAILABLE", why, remedy, (f"XeroAccount:{account.id}",))


def rate_problem(rate: XeroRate, percentage: Decimal, account_class: str = "REVENUE") -> Problem | None:
    """The reason why Xero's tax rate cannot be used for a rate of this percentage, on an account of this class."""
    name, applies = rate.name, f"can_apply_to_{'expenses' if account_class == 'EXPENSE' else 'revenue'}"
    if not rate.active:
        why = f"The tax rate {name} was archived in Xero. Choose another one, or restore it there and call syncNow."
    elif not getattr(rate, applies):
        why = f"The tax rate {name} may not be used for {applies.rpartition('_')[2]} in Xero. Choose another one."
    elif rate.effective_rate != percentage:
        why = f"The tax rate {name} is {rate.effective_rate:f} % in Xero, not {percentage:f} %. Choose another one."
    else:
        return None
    return Problem("TAX_RATE_UNAVAILABLE", why, "SET_TAX_MAPPING", (f"XeroTaxRate:{rate.id}",))


def resolve(setup: Setup, line: Line, amounts_are: AmountsAre) -> tuple[Resolved, list[Problem]]:
    """The line's account and tax type, and the problems with them. An earlier result stays while Xero has it."""
    account, problem = _account(setup, line)
    problems = [problem] if problem else []
    if amounts_are is AmountsAre.NO_TAX:
        return Resolved(account, NO_TAX_TYPE), problems
    rate, problem = _rate(setup, line, account)
    if problem:
        problems.append(problem)
    return Resolved(account, rate.tax_type if rate else None), problems


def _account(setup: Setup, line: Line) -> tuple[Account | None, Problem | None]:
    before = setup.accounts.get(line.xero_account_id) if line.xero_account_id else None
    if before is not None and before.active:
        return before, None
    service = line.service_type_id
    if line.kind is InvoiceLineKind.EXPENSE:
        chosen, remedy = setup.organisation.expense_account_id, "SET_DEFAULT_ACCOUNTS"
    elif service is not None and service in setup.service_accounts:
        chosen, remedy = setup.service_accounts[service], "SET_ACCOUNT_MAPPING"
    else:
        chosen, remedy = setup.organisation.revenue_account_id, "SET_DEFAULT_ACCOUNTS"
    account = setup.accounts.get(chosen) if chosen else None
    if account is not None:
        return account, account_problem(account, line.kind, remedy)
    if line.kind is InvoiceLineKind.SERVICE and service is not None:
        name = setup.service_types[service]
        message = f"No account is chosen for {name}. Map one, or set a default revenue account."
        return None, Problem("ACCOUNT_UNMAPPED", message, "SET_ACCOUNT_MAPPING", (f"ServiceType:{service}",))
    message = (
        f"There is no default {'expense' if line.kind is InvoiceLineKind.EXPENSE else 'revenue'} account."
        " Set one with setDefaultAccounts."
    )
    return None, Problem("ACCOUNT_UNMAPPED", message, "SET_DEFAULT_ACCOUNTS", (setup.subject,))


def _rate(setup: Setup, line: Line, account: Account | None) -> tuple[XeroRate | None, Problem | None]:
    if line.tax_rate_id is None:
        message = "A line has no tax rate. Choose one, or set `amountsAre` to NO_TAX."
        return None, Problem("TAX_RATE_UNMAPPED", message, "UPDATE_INVOICE")
    own = setup.tax_rates[line.tax_rate_id]
    before = [rate for rate in setup.xero_rates.values() if rate.tax_type == line.tax_type and rate.active]
    chosen = setup.rate_choices.get(line.tax_rate_id)
    rate = before[0] if before else setup.xero_rates.get(chosen) if chosen else None
    if rate is None:
        return None, unmapped_rate(own)
    return rate, rate_problem(rate, own.percentage, account.account_class if account else "REVENUE")


def unmapped_rate(own: PracticeRate) -> Problem:
    message = f"The tax rate {own.name} is not mapped to one of Xero's. Map it with setTaxMapping."
    return Problem("TAX_RATE_UNMAPPED", message, "SET_TAX_MAPPING", (f"TaxRate:{own.id}",))


def check(
    setup: Setup, invoice: Sendable, lines: Sequence[Line], *, linked: bool
) -> tuple[list[Problem], list[Resolved]]:
    """All problems that keep the invoice from Xero, each once, and where each line goes. `linked`: the contact is linked."""
    resolved = [resolve(setup, line, invoice.amounts_are) for line in lines]
    found = [*_organisation_problems(setup, invoice, linked=linked)]
    for _, problems in resolved:
        found += problems
    found += locked(setup.organisation, invoice.issue_date)
    return list(dict.fromkeys(found)), [line for line, _ in resolved]


def _organisation_problems(setup: Setup, invoice: Sendable, *, linked: bool) -> list[Problem]:
    found, organisation = [], setup.organisation
    if not setup.connected:
        found.append(unconnected(setup))
    if organisation.base_currency not in ("", invoice.currency):
        message = (
            f"{organisation.name} keeps its books in {organisation.base_currency}, but the invoice is in"
            f" {invoice.currency}. Both must use the same currency."
        )
        found.append(Problem("CURRENCY_MISMATCH", message, "VOID_INVOICE", (setup.subject,)))
    if invoice.contact_id is not None and not linked:
        message = "The contact is not linked to an active contact in Xero. Push it or match it first."
        found.append(
            Problem("CONTACT_NOT_SYNCED", message, "PUSH_TO_XERO", (f"Contact:{invoice.contact_id}",))
        )
    return found


def unconnected(setup: Setup) -> Problem:
    message = held_invoices.message(setup.organisation.name)
    return Problem(held_invoices.CODE, message, held_invoices.REMEDY, (setup.subject,))


def locked(organisation: Billed, issue_date: date | None) -> list[Problem]:
    locks = [lock for lock in (organisation.period_lock_date, organisation.year_lock_date) if lock]
    if not locks or issue_date is None or issue_date > max(locks):
        return []
    message = (
        f"Xero's books are locked up to {max(locks).isoformat()}. Move the lock date in Xero, or the issue date of"
        " the invoice."
    )
    return [Problem("PERIOD_LOCKED", message, "IN_XERO", (f"XeroOrganisation:{organisation.id}",))]


def eligible(organisation: Billed | None, issue_date: date) -> InvoiceSyncState | None:
    """Why a sent invoice stays here. None if it goes to Xero."""
    if organisation is None or not organisation.invoice_sync:
        return InvoiceSyncState.SYNC_OFF
    start = organisation.invoice_start_date
    return InvoiceSyncState.BEFORE_START_DATE if start is not None and issue_date < start else None


async def place(
    tx: Tx, setup: Setup | None, invoice: Invoice, lines: Sequence[InvoiceLine], *, linked: bool, bulk: bool
) -> None:
    """Set the sync state of a sent invoice that Xero does not have. Lines that can be resolved are resolved and stored."""
    stays = eligible(setup.organisation if setup else None, invoice.issue_date)
    if stays is not None or setup is None:
        rest(invoice, stays or InvoiceSyncState.SYNC_OFF)
        return
    problems, resolved = check(setup, invoice, lines, linked=linked)
    if problems:
        fail(tx, invoice, problems[0])
        # Nothing but the connection is the matter: it goes once that is back.
        invoice.due_at = tx.now if problems[0].code == held_invoices.CODE else None
        if problems[0].code in waiting_invoices.CATALOGUE_CODES:
            await xero_catalogue.wanted_after_failure(tx, setup.organisation.id)
        return
    freeze(lines, resolved)
    invoice.sync_state, invoice.failure, invoice.failure_code = InvoiceSyncState.PENDING, None, None
    invoice.due_at, invoice.bulk, invoice.next_attempt_at = invoice.due_at or tx.now, bulk, None
    tx.notify_workers()


def place_void(tx: Tx, setup: Setup, invoice: Invoice) -> None:
    """Put an invoice that was voided here, and that Xero has, where it belongs.

    The void becomes due, or waits for the invoice sync or the connection and shows that.
    """
    if not setup.organisation.invoice_sync:
        rest(invoice, InvoiceSyncState.SYNC_OFF)
        return
    rest(invoice, InvoiceSyncState.PENDING)
    invoice.due_at, invoice.bulk, invoice.attempts = tx.now, False, 0
    if not setup.connected:
        fail(tx, invoice, unconnected(setup))
    tx.notify_workers()


def rest(invoice: Invoice, state: InvoiceSyncState) -> None:
    """Make the invoice not due."""
    invoice.sync_state, invoice.failure, invoice.failure_code = state, None, None
    invoice.due_at, invoice.next_attempt_at = None, None


def freeze(lines: Sequence[InvoiceLine], resolved: Sequence[Resolved]) -> None:
    for line, where in zip(lines, resolved, strict=True):
        assert where.account is not None
        line.xero_account_id, line.account_code = where.account.id, where.account.code
        line.tax_type = where.tax_type


def fail(
    tx: Tx,
    invoice: Invoice,
    problem: Problem,
    *,
    next_at: datetime | None = None,
    attempted: bool = False,
) -> None:
    """Show a failure on the invoice. The caller sets `due_at`.

    The same failure again keeps its time, and is published once. `attempted`: Xero refused the invoice.
    """
    before = invoice.failure
    same = before is not None and (before["code"], before["message"]) == (problem.code, problem.message)
    invoice.attempts += attempted
    invoice.sync_state, invoice.failure_code = InvoiceSyncState.FAILING, problem.code
    invoice.next_attempt_at = next_at
    invoice.failure = stored_failure(
        problem.code, problem.message, since=datetime.fromisoformat(before["since"]) if same and before else tx.now,
        subjects=problem.subjects, attempts=invoice.attempts, next_attempt_at=next_at, remedy=problem.remedy,
        refused=attempted, each=[one.stored() for one in problem.each],
    )  # fmt: skip
    waiting_invoices.tell(tx, invoice)
    if not same:
        activity.record(
            tx, ActivityKind.FAILED, f"Invoice {invoice.number}: {problem.message}",
            organisation=invoice.organisation_id, contact=invoice.contact_id, invoice=invoice.id,
        )  # fmt: skip
