"""Types that refer to each other, and the batches that lead from one to another. This module names the types, so that their
modules do not import each other.

A type is named lazily. A batch has the types of its keys and of its objects; the module of the objects registers how it is
read. Batches that one module alone uses are named there.
"""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from api.relay.loaders import BatchName
from api.relay.paging import Asked
from domain import tables
from domain.tables import ActivityKind

if TYPE_CHECKING:
    from api.schema.activity import ActivityConnection, ActivityEvent
    from api.schema.billing import ServiceType, TaxRate
    from api.schema.catalogue import XeroAccount, XeroTaxRate
    from api.schema.contacts import Contact
    from api.schema.invoice_lines import Payment
    from api.schema.invoice_lists import InvoiceConnection, InvoiceOrder
    from api.schema.invoices import Invoice
    from api.schema.issues import MatchIssue, SureMatchesPreview
    from api.schema.links import SyncLink
    from api.schema.organisations import ImportProgress, XeroOrganisation
    from api.schema.summary import SyncSummary
    from api.schema.viewer import ApiToken, User
    from api.schema.workspace import ContactType, Workspace
    from api.schema.xero_contacts import XeroContact

ActivityConnectionRef = Annotated["ActivityConnection", strawberry.lazy("api.schema.activity")]
ContactRef = Annotated["Contact", strawberry.lazy("api.schema.contacts")]
ContactTypeRef = Annotated["ContactType", strawberry.lazy("api.schema.workspace")]
InvoiceConnectionRef = Annotated["InvoiceConnection", strawberry.lazy("api.schema.invoice_lists")]
InvoiceOrderRef = Annotated["InvoiceOrder", strawberry.lazy("api.schema.invoice_lists")]
InvoiceRef = Annotated["Invoice", strawberry.lazy("api.schema.invoices")]
MatchIssueRef = Annotated["MatchIssue", strawberry.lazy("api.schema.issues")]
SureMatchesPreviewRef = Annotated["SureMatchesPreview", strawberry.lazy("api.schema.issues")]
SyncLinkRef = Annotated["SyncLink", strawberry.lazy("api.schema.links")]
XeroContactRef = Annotated["XeroContact", strawberry.lazy("api.schema.xero_contacts")]
XeroOrganisationRef = Annotated["XeroOrganisation", strawberry.lazy("api.schema.organisations")]

# A parent with the arguments of its list.
ActivityUnder = tuple[UUID, tuple[Asked, tuple[ActivityKind, ...]]]
InvoicesUnder = tuple[UUID, tuple[Asked, tuple[str, str] | None]]

ACTIVITY_CONNECTION_OF_CONTACT: "BatchName[ActivityUnder, ActivityConnection]" = BatchName(
    "ActivityConnection.of_contact"
)
ACTIVITY_CONNECTION_OF_INVOICE: "BatchName[ActivityUnder, ActivityConnection]" = BatchName(
    "ActivityConnection.of_invoice"
)
ACTIVITY_EVENT: "BatchName[UUID, ActivityEvent]" = BatchName("ActivityEvent")
API_TOKEN: "BatchName[UUID, ApiToken]" = BatchName("ApiToken")
CONTACT: "BatchName[UUID, Contact]" = BatchName("Contact")
CONTACT_TYPE: "BatchName[UUID, ContactType]" = BatchName("ContactType")
IMPORT_PROGRESS: "BatchName[UUID, ImportProgress]" = BatchName("ImportProgress")
IMPORT_PROGRESS_OF_ORGANISATION: "BatchName[UUID, ImportProgress]" = BatchName(
    "ImportProgress.of_organisation"
)
INVOICE: "BatchName[UUID, Invoice]" = BatchName("Invoice")
INVOICE_CONNECTION_OF_CONTACT: "BatchName[InvoicesUnder, InvoiceConnection]" = BatchName(
    "InvoiceConnection.of_contact"
)
INVOICE_LINES_OF_INVOICE: "BatchName[UUID, list[tables.InvoiceLine]]" = BatchName("InvoiceLines.of_invoice")
MATCH_ISSUE: "BatchName[UUID, MatchIssue]" = BatchName("MatchIssue")
PAYMENTS_OF_INVOICE: "BatchName[UUID, list[Payment]]" = BatchName("Payments.of_invoice")
SERVICE_TYPE: "BatchName[UUID, ServiceType]" = BatchName("ServiceType")
SYNC_LINK: "BatchName[UUID, SyncLink]" = BatchName("SyncLink")
SYNC_LINK_ACTIVE: "BatchName[tuple[UUID, UUID], SyncLink]" = BatchName("SyncLink.active")
SYNC_LINK_OF_XERO_CONTACT: "BatchName[UUID, SyncLink]" = BatchName("SyncLink.of_xero_contact")
SYNC_LINKS_OF_CONTACT: "BatchName[UUID, list[SyncLink]]" = BatchName("SyncLinks.of_contact")
SYNC_SUMMARY: "BatchName[UUID, SyncSummary]" = BatchName("SyncSummary")
TAX_RATE: "BatchName[UUID, TaxRate]" = BatchName("TaxRate")
USER: "BatchName[UUID, User]" = BatchName("User")
WORKSPACE: "BatchName[UUID, Workspace]" = BatchName("Workspace")
XERO_ACCOUNT: "BatchName[UUID, XeroAccount]" = BatchName("XeroAccount")
XERO_CONTACT: "BatchName[UUID, XeroContact]" = BatchName("XeroContact")
XERO_CONTACT_SHOWN: "BatchName[UUID, XeroContact]" = BatchName("XeroContact.shown")
XERO_ORGANISATION: "BatchName[UUID, XeroOrganisation]" = BatchName("XeroOrganisation")
XERO_TAX_RATE: "BatchName[UUID, XeroTaxRate]" = BatchName("XeroTaxRate")
XERO_TAX_RATES_OF_ORGANISATION: "BatchName[UUID, list[XeroTaxRate]]" = BatchName(
    "XeroTaxRates.of_organisation"
)
