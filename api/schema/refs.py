"""Types that refer to each other. They are named lazily here, so that their modules do not import each other."""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from api.schema.activity import ActivityConnection, ActivityEvent, ValueChange
    from api.schema.contacts import Contact
    from api.schema.invoice_lists import InvoiceConnection, InvoiceOrder
    from api.schema.invoices import Invoice
    from api.schema.issues import MatchIssue, SureMatchesPreview
    from api.schema.links import SyncLink
    from api.schema.organisations import ImportProgress, XeroOrganisation
    from api.schema.viewer import ApiToken
    from api.schema.workspace import ContactType, Workspace
    from api.schema.xero_contacts import XeroContact

ActivityConnectionRef = Annotated["ActivityConnection", strawberry.lazy("api.schema.activity")]
ActivityEventRef = Annotated["ActivityEvent", strawberry.lazy("api.schema.activity")]
ApiTokenRef = Annotated["ApiToken", strawberry.lazy("api.schema.viewer")]
ContactRef = Annotated["Contact", strawberry.lazy("api.schema.contacts")]
ContactTypeRef = Annotated["ContactType", strawberry.lazy("api.schema.workspace")]
ImportProgressRef = Annotated["ImportProgress", strawberry.lazy("api.schema.organisations")]
InvoiceConnectionRef = Annotated["InvoiceConnection", strawberry.lazy("api.schema.invoice_lists")]
InvoiceOrderRef = Annotated["InvoiceOrder", strawberry.lazy("api.schema.invoice_lists")]
InvoiceRef = Annotated["Invoice", strawberry.lazy("api.schema.invoices")]
MatchIssueRef = Annotated["MatchIssue", strawberry.lazy("api.schema.issues")]
SureMatchesPreviewRef = Annotated["SureMatchesPreview", strawberry.lazy("api.schema.issues")]
SyncLinkRef = Annotated["SyncLink", strawberry.lazy("api.schema.links")]
ValueChangeRef = Annotated["ValueChange", strawberry.lazy("api.schema.activity")]
WorkspaceRef = Annotated["Workspace", strawberry.lazy("api.schema.workspace")]
XeroContactRef = Annotated["XeroContact", strawberry.lazy("api.schema.xero_contacts")]
XeroOrganisationRef = Annotated["XeroOrganisation", strawberry.lazy("api.schema.organisations")]
