"""Types that lead to one another, by name, so that their modules need not import each other."""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from api.activity import ActivityConnection, ActivityEvent, ValueChange
    from api.contacts import Contact
    from api.invoice_lists import InvoiceConnection, InvoiceOrder
    from api.invoices import Invoice
    from api.issues import MatchIssue
    from api.links import SyncLink
    from api.organisations import ImportProgress, XeroOrganisation
    from api.viewer import ApiToken
    from api.workspace import ContactType, Workspace
    from api.xero_contacts import XeroContact

ActivityConnectionRef = Annotated["ActivityConnection", strawberry.lazy("api.activity")]
ActivityEventRef = Annotated["ActivityEvent", strawberry.lazy("api.activity")]
ApiTokenRef = Annotated["ApiToken", strawberry.lazy("api.viewer")]
ContactRef = Annotated["Contact", strawberry.lazy("api.contacts")]
ContactTypeRef = Annotated["ContactType", strawberry.lazy("api.workspace")]
ImportProgressRef = Annotated["ImportProgress", strawberry.lazy("api.organisations")]
InvoiceConnectionRef = Annotated["InvoiceConnection", strawberry.lazy("api.invoice_lists")]
InvoiceOrderRef = Annotated["InvoiceOrder", strawberry.lazy("api.invoice_lists")]
InvoiceRef = Annotated["Invoice", strawberry.lazy("api.invoices")]
MatchIssueRef = Annotated["MatchIssue", strawberry.lazy("api.issues")]
SyncLinkRef = Annotated["SyncLink", strawberry.lazy("api.links")]
ValueChangeRef = Annotated["ValueChange", strawberry.lazy("api.activity")]
WorkspaceRef = Annotated["Workspace", strawberry.lazy("api.workspace")]
XeroContactRef = Annotated["XeroContact", strawberry.lazy("api.xero_contacts")]
XeroOrganisationRef = Annotated["XeroOrganisation", strawberry.lazy("api.organisations")]
