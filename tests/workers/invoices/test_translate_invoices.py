"""Translation of Xero's invoices to domain values and back."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.invoices.deliveries import Outgoing
from domain.tables import AmountsAre, Invoice, InvoiceLine, InvoiceLineKind
from workers.translate_invoices import new_invoice, seen_invoice
from xero import listing

ZEROS = UUID(int=0)
SHOWN = {
    "InvoiceID": str(UUID(int=7)),
    "LineItems": [
        {"Description": "Advice", "Quantity": 0.0, "UnitAmount": 50.0, "LineAmount": 0.0, "DiscountRate": 0.0,
         "ItemCode": "ADV", "Tracking": [{"Name": "Region", "Option": "North", "TrackingCategoryID": str(UUID(int=8))}]},
        {"Description": "Text"},
    ],
}  # fmt: skip


def test_a_line_is_read_with_all_that_xero_holds() -> None:
    [found] = listing.INVOICES.read(msgspec.json.encode({"Invoices": [SHOWN]})).items
    seen = seen_invoice(found, datetime(2026, 11, 30, tzinfo=UTC))
    assert isinstance(seen.lines, tuple)
    advice, text = seen.lines
    assert (advice.quantity, advice.unit_price, advice.amount, advice.discount_rate) == (
        Decimal(0),
        Decimal(50),
        Decimal(0),
        None,
    )
    assert (advice.item_code, advice.tracking) == (
        "ADV",
        ({"Name": "Region", "Option": "North", "TrackingCategoryID": str(UUID(int=8))},),
    )
    assert (text.quantity, text.unit_price, text.item_code, text.tracking) == (None, None, None, ())


def test_item_code_tracking_and_discount_are_sent_again() -> None:
    tracking = {"Name": "Region", "Option": "North", "TrackingCategoryID": str(UUID(int=8))}
    line = InvoiceLine(
        workspace_id=ZEROS, id=ZEROS, invoice_id=ZEROS, place=0, kind=InvoiceLineKind.SERVICE, description="Advice",
        quantity=Decimal(1), unit_price=Decimal(50), amount=Decimal(40), tax_amount=Decimal(6),
        discount_amount=Decimal(10), item_code="ADV", tracking=[tracking], tax_type="OUTPUT2", account_code="200",
    )  # fmt: skip
    plain = InvoiceLine(
        workspace_id=ZEROS, id=ZEROS, invoice_id=ZEROS, place=1, kind=InvoiceLineKind.SERVICE, description="More",
        quantity=Decimal(1), unit_price=Decimal(5), amount=Decimal(5), tax_amount=Decimal(0), tax_type="NONE",
    )  # fmt: skip
    nothing = Decimal(0)
    invoice = Invoice(
        workspace_id=ZEROS, id=ZEROS, number="TI-1", contact_id=ZEROS, issue_date=date(2026, 11, 30),
        due_date=date(2026, 12, 20), currency="NZD", amounts_are=AmountsAre.TAX_EXCLUSIVE, subtotal=nothing,
        tax_total=nothing, total=nothing, total_cents=0, amount_paid=nothing, amount_due=nothing,
    )  # fmt: skip
    sent = msgspec.to_builtins(
        new_invoice(Outgoing(invoice, [line, plain], UUID(int=9)), "https://x.example/i/1")
    )
    first, second = sent["LineItems"]
    assert (first["ItemCode"], first["Tracking"], first["DiscountAmount"]) == ("ADV", [tracking], "10")
    assert not {"ItemCode", "Tracking", "DiscountAmount", "DiscountRate"} & set(second)
