"""The likely number of objects and rows of a field, if its document does not give a number.

The numbers are those of a practice with full pages. These numbers are used only until the same document has run in the
workspace (api.guards.cost_report).
"""

from graphql import GraphQLNamedType

# How long a list is likely to be, or how often an object is there, by the name of the field. Others: once.
LENGTHS = {
    "userErrors": 0.0,
    "differences": 0.0,
    "failure": 0.0,
    "failures": 0.5,
    "problem": 0.0,
    "problems": 0.0,
    "gaps": 0.0,
    "blockedBy": 0.0,
    "massChange": 0.0,
    "importProgress": 0.5,
    "contactType": 0.5,
    "billingAddress": 0.5,
    "payments": 0.5,
    "taxRates": 5.0,
    "accountMappings": 5.0,
    "serviceTypes": 5.0,
    "contactTypes": 5.0,
}
# How many rows a connection below another object, or with a filter, is likely to hold, by the name of its field. Others: `NESTED`.
CONNECTIONS = {"changes": 50, "accounts": 50}
NESTED = 5
# Types of which a few rows serve all objects of an answer.
SHARED = {
    "XeroOrganisation",
    "ContactType",
    "Workspace",
    "Viewer",
    "InvoiceSyncSettings",
    "TaxRate",
    "ServiceType",
}
MUTATION, MUTATION_STATEMENTS = 8.0, 10
ROWS = {
    "invoicePreview": 40.0,
    "totalCount": 1.0,
    "summary": 4.0,
    "callBudget": 2.0,
    "syncCursor": 1.0,
    "results": 1.0,
    "unsync": 10.0,
    "confirmMatch": 10.0,
    "createSeparateContact": 12.0,
}


def likely_length(name: str, times: int) -> float:
    """`times` is the length of the page or of the list of rows in the input, for the lists that have one."""
    return float(times) if name in ("edges", "results") else LENGTHS.get(name, 1.0)


def likely_page(name: str, page: int, *, is_full: bool) -> int:
    return page if is_full else min(page, CONNECTIONS.get(name, NESTED))


def likely_rows(parent: GraphQLNamedType | None, name: str, kind: GraphQLNamedType | None) -> float:
    """The rows to read for one value of the field."""
    rows = ROWS.get(name, 0.0) + (MUTATION if str(parent) == "Mutation" else 0.0)
    return rows + (1.0 if "id" in getattr(kind, "fields", {}) and str(kind) not in SHARED else 0.0)


def likely_statements(
    parent: GraphQLNamedType | None, name: str, kind: GraphQLNamedType | None, *, is_page: bool
) -> int:
    """The statements that read all values of the field. The node of an edge has come with its page, and the caller with the token."""
    above = str(parent)
    if above == "Mutation":
        return MUTATION_STATEMENTS
    has_come = above.endswith("Edge") or name == "viewer"
    reads_objects = "id" in getattr(kind, "fields", {}) and not has_come
    return 1 if is_page or reads_objects or name in ROWS else 0
