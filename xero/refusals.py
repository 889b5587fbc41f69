"""The table of Xero's refusals: the words of each, the failure's code, the remedy, and the source.

Xero documents no list of its messages, so the sentences come from public threads and help pages; each has its
address. The patterns are wider than the sentences, because Xero varies its words. The first rule that matches counts.
`code` is a SyncFailureCode and `remedy` a Remedy of the schema. IN_XERO means that the refusal names nothing that Tandem
sends: `advice` says what a person does in Xero.
"""

import re
from dataclasses import dataclass, field

from xero.messages import Said

GITHUB = "https://github.com/"
_JAVA, _NET, _STANDARD = f"{GITHUB}XeroAPI/Xero-Java/issues/", f"{GITHUB}XeroAPI/Xero-Net/issues/", f"{GITHUB}XeroAPI/Xero-NetStandard/issues/"  # fmt: skip
_PHP, _RUBY = f"{GITHUB}calcinai/xero-php/issues/", f"{GITHUB}waynerobinson/xeroizer/"
TRADIFY = "https://help.tradifyhq.com/hc/en-us/articles/7047397061017-Understanding-Xero-Error-Messages"
FIELD_INSIGHT = "https://help.fieldinsight.com/en/articles/3084244-xero-troubleshooting"
TRADEBASE = "https://help.yourtradebase.com/article/158-xero-error-messages"
XEMPLO = "https://support.xemplo.com/hc/en-au/articles/9153509990553-Troubleshooting-Common-Xero-Errors"
EXPEDO = "https://expedo.atlassian.net/wiki/spaces/ESG/pages/1682112614/Xero+-+common+errors"
CONE = "https://help.getcone.io/en/articles/10544243-errors-with-xero-invoice-creation"
DEXT = "https://help.dext.com/en/collections/878048-xero"
WIPLIST = "https://help.wiplist.io/en/articles/10482959-troubleshooting-xero-error-messages"
WORKGURU = "https://support.workguru.io/support/solutions/articles/43000570879-xero-api-error-messages"
COREBRIDGE = "https://support.corebridge.net/solution/articles/19000073244"
MAROPOST = "https://galaxy.maropost.com/kb/articles/1229-accounting-integrations-common-errors"
AXCELERATE = (
    "https://support.axcelerate.com.au/hc/en-gb/articles/10679402548623-Xero-Import-Export-Troubleshooting"
)
INFLOW = "https://www.inflowinventory.com/support/cloud/xero-troubleshooting"
CIMPLICO = "https://support.cimplico.com/en/articles/8666019-fixing-invoice-create-issues"
FILE_AI = "https://help.file.ai/how-to-troubleshoot-xero-error-messages-during-export"
KHAOS = "https://support.khaoscloud.com/article/"
CHARGEBEE = "https://www.chargebee.com/docs/billing/2.0/kb/accounting/"
CHARGEBEE_LIST = "https://chargebee.com/docs/2.0/integrations/articles-and-faq/error-xero-1-account-must-be-valid-2-tax-rate-must-be-valid.html"  # fmt: skip
WORKFLOW_MAX = (
    "https://workflowmaxhelp.zendesk.com/hc/en-us/articles/4408758931481-Troubleshoot-the-Xero-interface"
)

Met = tuple[tuple[str, str], ...]  # sentences, each with the address of the thread or page that quotes it


@dataclass(frozen=True)
class Rule:
    """`member`: of a contact, by Xero's name, where the words are about one that Tandem writes."""

    code: str
    remedy: str
    words: re.Pattern[str]
    met: Met = field(repr=False, default=())
    advice: str = ""
    member: str = ""


def _rule(code: str, remedy: str, words: str, *met: tuple[str, str], advice: str = "", member: str = "") -> Rule:  # fmt: skip
    return Rule(code, remedy, re.compile(words, re.IGNORECASE | re.DOTALL), met, advice, member)


_INVALID = "INVALID_IN_XERO"
_OF_THE_CONTACT = "Correct it on the contact's page in Xero."

RULES: tuple[Rule, ...] = (
    _rule("HAS_PAYMENTS", "IN_XERO",
        r"payments? or credit|ha(s|ve) (a )?payments?\b(?! (term|service))|payments? (is|are|has been|have been) (allocated|applied)"
        r"|allocated to it|(pre|over)payments? allocated|credit notes? (is|are|has been|have been) (allocated|applied)|batch payment",
        ("This document cannot be edited as it has a payment or credit note allocated to it.", f"{_STANDARD}84"),
        ("This document cannot be edited as it has a payment or credit note allocated to it", WORKGURU),
        ("This invoice cannot be edited as it has a payment or credit note allocated to it",
         "https://intercom.help/klipboard/en/articles/3854474-xero-sync-error-this-invoice-cannot-be-edited-as-it-has-a-payment-or-credit-note-allocated-to-it"),
        ("Date cannot be changed on an invoice that has payment or credit notes allocated to it.", TRADEBASE),
        ("The status AUTHORISED cannot be applied to the invoice because it has payment or Credit notes allocated to it.", TRADEBASE),
        ("Invoice not of valid status for modification. This document cannot be edited as it has a payment or credit note"
         " allocated to it.", COREBRIDGE)),
    _rule("INVOICE_NUMBER_TAKEN", "VOID_INVOICE",
        r"(invoice|document) ?(#|no\b|num).*(unique|already|duplicate|exists|taken)|duplicate (invoice|document) ?(#|no\b|num)"
        r"|invoice with (this|that|the same|the) (#|num).*exists|^invoice \S+ already exists",
        ("Invoice # must be unique.", FILE_AI),
        ("Invoice # must be unique", XEMPLO),
        ("Invoice number must be unique.", f"{CHARGEBEE}xero-sync-error-invoice-number-must-be-unique"),
        ("Invoice number must be unique", f"{KHAOS}common-errors-for-xero-and-how-to-resolve-5-4-2024/"),
        ("This invoice number must be unique.", DEXT)),
    _rule("NAME_TAKEN_IN_XERO", "UPDATE_CONTACT",
        r"contact ?name.*(already|must be unique)|name .*already assigned|existing contact with (that )?name"
        r"|contact (already )?(exists )?with (this|that|the same|the) name|name of (the|this) contact.*(already|unique|taken)",
        ("The contact name [Name] is already assigned to another contact. The contact name must be unique across all active"
         " contacts.", INFLOW),
        ("The contact name <NAME> is already assigned to another contact. The contact name must be unique across all active"
         " contacts.", COREBRIDGE),
        ("The Contact Name already exists. Please enter a different Contact Name.",
         "https://syncro.helpjuice.com/accounting-integrations/troubleshooting-xero"),
        ('The existing contact with name "[A]" cannot be updated to use new name "[B]". There is an existing contact with'
         " that name.", XEMPLO),
        ("The contact name (###) is already assigned to another contact.", WIPLIST),
        ("The contact name already exists. Please enter a different contact name", EXPEDO), member="Name"),
    _rule("ARCHIVED_IN_XERO", "WAIT",
        r"^(the|this) contact\b.*(archived|merged)|contact (is|was|has been) (archived|merged|deactivated|inactive|not active)|archived contact"
        r"|contact details has been archived|'ARCHIVED' is not valid",
        ("The contact with the specified contact details has been archived. The contact must be un-archived before creating"
         " new invoices or credit notes.", XEMPLO),
        ("The contact with the specified contact details has been archived. The contact must be un-archived before creating"
         " new invoices or credit notes", "https://help.writeupp.com/en/article/xero-troubleshooting-axgu8g/"),
        ("The contact with the specified contact details has been archived", CIMPLICO),
        ("The contact with the specified contact details has been archived.", TRADIFY),
        ("The contact X has possibly been merged (or archived)",
         "https://help.autoentry.com/en/articles/4661693-xero-merged-contact-error"),
        ("Unable to assign an Archived contact.", f"{_PHP}525"),
        ("The status 'ARCHIVED' is not valid for contacts.", MAROPOST)),
    _rule(_INVALID, "IN_XERO", r"contact ?number.*(already|unique|different|another)|contact has this contact number",
        ("Another contact has this contact number. Please enter a different contact number.", WORKGURU),
        ("The contact number XXX is already assigned to another contact. The contact number must be unique across all"
         " contacts.", CHARGEBEE_LIST),
        ("The contact number is already linked to another contact.", AXCELERATE),
        advice="Find the other contact with this number in Xero and change its number."),
    _rule(_INVALID, "IN_XERO", r"account ?number.*(already|unique|different|another)",
        ("The Account Number already exists. Please enter a different Account Number", CIMPLICO),
        ("The Account Number already exists. Please enter a different Account Number.", f"{_PHP}880"),
        advice="Two contacts in Xero have one account number: change one of them there."),
    _rule("PERIOD_LOCKED", "IN_XERO",
        r"lock(ed)? date|(locked|closed) period|(year|period|books?) (is|are|was|were|has been|have been) (locked|closed)",
        ("The document date cannot be before the period lock date, currently set at 30-Nov-2018",
         "http://52.63.23.66:8090/display/EKB/Xero+Period+Lock+Date+Exists+-+Cannot+Sync+Data"),
        ("The document date cannot be before the end of year lock date, currently set at 30-Sep-2021", MAROPOST),
        ("The document date cannot be before the end of year lock date, currently set at 30-Jun-20XX.", WIPLIST),
        ("The document cannot be edited as it is dated before the end of year lock date", WIPLIST),
        ("the document cannot be edited as it is currently dated before the period lock date",
         "https://kb.clouddepot.com/knowledge/transaction-amount-x-is-greater-than-invoice-amount-y"),
        ("The document date cannot be before the period lock date",
         "https://help.pleo.io/en/articles/6018863-what-to-do-if-you-see-the-message-the-document-date-cannot-be-before-the-period-lock-date"),
        ("The document date cannot be before the end of year lock date, currently set at [date].",
         "https://help.dext.com/en/articles/105721-how-do-xero-lock-dates-affect-publishing-in-dext"),
        ("The document date cannot be before the period lock date, currently set at DD-MM-YYYY", FILE_AI)),
    _rule(_INVALID, "UPDATE_INVOICE", r"tax amount",
        ("The tax amount cannot be greater than the line amount!", DEXT)),
    _rule("TAX_RATE_UNAVAILABLE", "SET_TAX_MAPPING",
        r"tax ?type|tax ?rate|tax code|\b(tax|gst|vat)\b(?! ?(num|no\b|reg|id\b)).*(valid|archived|deleted|exist|available|used|rate)",
        ("Tax rate must be valid.", f"{_JAVA}353"),
        ("The TaxType code GST on Income does not exist or cannot be used for this type of transaction.", f"{_JAVA}336"),
        ("The TaxType code 'GST on Income' cannot be used with account code '60410'.", f"{_JAVA}336"),
        ("The TaxType field is mandatory", f"{GITHUB}benedwards44/Apex-for-Xero/issues/9"),
        ("The TaxType code OUTPUT does not exist or cannot be used for this type of transaction.", WORKFLOW_MAX),
        ("The TaxType code 'OUTPUT2' cannot be used with account code 'xxx'", WORKFLOW_MAX),
        ("The TaxType code GSTONIMPORTS cannot be used with account code 33.",
         f"{CHARGEBEE}the-taxtype-code-x-cannot-be-used-with-account-code-y"),
        ("The TaxType code ### cannot be used with this account code", DEXT),
        ("The TaxType code '<TAX CODE>' cannot be used with account code '<ACCOUNT CODE>'.",
         "https://help-au.re-leased.com/hc/en-au/articles/360062088872-Common-error-The-Tax-Type-Code-cannot-be-used-with-account-code")),
    _rule(_INVALID, "IN_XERO", r"bank (account )?detail|bank account num",
        ("The specified bank account details do not match a known bank account", DEXT), advice=_OF_THE_CONTACT),
    _rule("ACCOUNT_UNAVAILABLE", "SET_ACCOUNT_MAPPING",
        r"\b(account(s|code|id)?|account ?codes?)\b(?! ?num).*"
        r"(valid|archived|deleted|exist|specified|found|mandatory|appl|required|type|code|used|system|active)|archived accounts?\b",
        ("Account must be valid.", f"{_JAVA}353"),
        ("Account code '200' is not a valid code for this document", f"{_STANDARD}364"),
        ("Account code '200' has been archived, or has been deleted. Each line item must reference a valid account", TRADEBASE),
        ("Account code '###' has been archived or has been deleted. Each line item must reference a valid account.", DEXT),
        ("Account code 'XYZ' does not exist or cannot be applied to items.", TRADIFY),
        ("Account code '200'/'400' does not exist or cannot be applied to Items.", FIELD_INSIGHT),
        ("Account could not be found", f"{GITHUB}freakboy3742/pyxero/issues/43"),
        ("Account code is not valid code for this document", CONE),
        ("Account code '0000' is not a valid code for this document.", CHARGEBEE_LIST),
        ("Account code must be specified", f"{_PHP}230"),
        ("Account code or ID must be specified",
         f"{KHAOS}validation-exception-occurred-account-code-or-id-must-be-specified-from-xero"),
        ("The account code or ID must be specified", AXCELERATE)),
    _rule("CURRENCY_MISMATCH", "VOID_INVOICE", r"currenc(y|ies)|requested value '[A-Z]{3}' was not found",
        ("Organisation is not subscribed to currency British Pound", f"{GITHUB}n8n-io/n8n/pull/19499"),
        ("Organisation is not subscribed to currency", FILE_AI),
        ("A currency rate must be specified", f"{CHARGEBEE}xero-sync-errors-a-currency-rate-must-be-specified"),
        ("Requested value 'TRY' was not found.", f"{_STANDARD}656")),
    _rule("XERO_UNAVAILABLE", "WAIT",
        r"error occurred in xero|api status page|(temporarily|currently) (unavailable|offline)|please try again"
        r"|try again (later|in a|shortly)|(service|xero) is (busy|down|unavailable)|unexpected error|time(d)? ?out",
        ("An error occurred in Xero. Check the API Status page http://status.developer.xero.com for current service status."
         " Contact the API support team at api@xero.com for more assistance", f"{GITHUB}calcinai/xero-php/pull/386")),
    _rule("VALUE_TOO_LONG", "UPDATE_INVOICE",
        r"too long|maximum (allowed )?(length|characters|number of characters)|exceeds? (the )?(length|max|\d+ char)"
        r"|(more|longer|greater) than (the )?(\d+ char|max)|longer than \d|no (more|longer) than|not exceed \d|\d+ characters or (less|fewer)"
        r"|(limited to|at most|up to) \d+ char|would be truncated",
        ("Price List Item Code must not be more than 30 characters long.", CHARGEBEE_LIST),
        ("Line Item 5 SellingUnitOfMeasure: Maximum allowed characters for SellingUnitOfMeasure is 5.", TRADIFY)),
    _rule(_INVALID, "IN_XERO", r"limit of (\d+ )?(\w+ )?invoices|invoice limit",
        ("You have reached the limit of invoices you can approve", TRADIFY),
        ("You have reached the limit of invoices you can approve!", DEXT),
        advice="Approve fewer invoices this month, or choose a larger plan in Xero."),
    _rule(_INVALID, "IN_XERO", r"additional people|contact ?persons?|maximum of \d+ (contact )?pe(rsons|ople)|primary person",
        ("Additional people cannot be added when the primary person has no email address set", CIMPLICO),
        ("Additional people cannot be added when the primary person has no email address set.",
         "https://integrately.com/integrations/xero/error"),
        ("You can only have a maximum of 5 contact persons.", WIPLIST), advice=_OF_THE_CONTACT),
    _rule(_INVALID, "UPDATE_CONTACT", r"e-?mail",
        ("Email address must be valid.", f"{_RUBY}issues/477"),
        ("Email address must be valid", TRADIFY),
        ("Failed to create contact in Xero: Email address must be valid.",
         "https://sortscape.com.au/docs/faq/why-is-my-xero-invoice-failing-to-create-when-a-contact-has-multiple-email-addresses/"),
        member="EmailAddress"),
    _rule(_INVALID, "IN_XERO", r"web ?site",
        ("Website must be valid.", f"{_STANDARD}434"),
        ("Website must be valid", f"{_STANDARD}623"),
        advice="Correct or clear the website on the contact's page in Xero; Xero lets no other program write it."),
    _rule(_INVALID, "IN_XERO", r"tracking|sales ?category",
        ("There is no ACTIVE tracking category with the name ''", f"{GITHUB}calcinai/xero-php/pull/386"),
        ("SalesCategory is missing a TrackingCategoryName", f"{GITHUB}calcinai/xero-php/pull/386"),
        advice="Correct the tracking categories in Xero, in the settings and on the contact's page."),
    _rule(_INVALID, "IN_XERO", r"item ?code|branding|payment service|inventory",
        ("Item Code is invalid.", AXCELERATE), advice="Look at the invoice's items and theme in Xero's settings."),
    _rule(_INVALID, "IN_XERO", r"permission|not permitted|(user|role).*(identified|rights?\b)",
        ("The User specified does not have the correct permissions to perform this action", DEXT),
        ("A valid user should be identified using the UserID", DEXT),
        advice="Give the Xero user who connected Tandem the right to do this, or let another user connect."),
    _rule(_INVALID, "IN_XERO", r"not of valid status|existing invoice with|status different from",
        ("Invoice not of valid status for modification", f"{_STANDARD}79"),
        ("A validation exception occurred: Invoice not of valid status for modification.", INFLOW),
        ("Invoice or CN not of valid status for modification", AXCELERATE),
        ("Invoice not of valid status for creation", TRADEBASE),
        ("An existing Invoice with the specified InvoiceID could not be found",
         "https://cashflow360.bill.com/hc/en-us/articles/360059584231-Xero-sync-erorr-An-existing-Invoice-with-the-specified-InvoiceID-could-not-be-found"),
        advice="Look at the invoice in Xero: it was paid, voided or deleted there."),
    _rule(_INVALID, "UPDATE_CONTACT", r"contact name|paid to name", ("Contact Name cannot be empty.", f"{_RUBY}pull/380"),
        ("Paid to name cannot be empty.", "https://gist.github.com/holm/1234265"), member="Name"),
    _rule(_INVALID, "PUSH_TO_XERO", r"contact (cannot|must|could|requires|does not exist|(was |is )?not found)|contact ?id\b|specified contact",
        ("Contact cannot be empty.", "https://gist.github.com/holm/1234265"),
        ("The Contact must contain at least 1 of the following elements to identify the contact: Name, ContactID,"
         " ContactNumber", "https://integrately.com/integrations/xero/error")),
    _rule(_INVALID, "UPDATE_INVOICE",
        r"line ?(item|total|amount)|descri(ption|be)|quantity|unit ?(amount|price)|discount|due ?date|\bdate\b|reference"
        r"|invoice ?number|total|\burl\b",
        ("The description field is mandatory for each line item.", f"{_NET}198"),
        ("The line total 666.88 does not match the expected line total 666.93", f"{_NET}198"),
        ("Discounts may not be applied to ACCPAY invoices.", f"{_NET}198"),
        ("The line total -795.00 does not match the expected line total 0.00", f"{_STANDARD}74"),
        ("The line total -0.01 does not match the expected line total 0.00", f"{_STANDARD}147"),
        ("The discount rate '0.00' is invalid. Discount must not be greater than the line total.",
         f"{GITHUB}XeroAPI/Xero-OpenAPI/issues/429"),
        ("The discount rate '27.83' is invalid. Discount must not be greater than the line total.",
         f"{GITHUB}XeroAPI/xero-php-oauth2/issues/288"),
        ("One or more line items must be specified", f"{_RUBY}issues/40"),
        ("The quantity value '-x.0000' is invalid. Quantity must not be less than zero.", WORKGURU),
        ('The UnitAmount value "0.0000" is invalid. UnitAmount must not be equal to zero.', COREBRIDGE),
        ("The Document total does not equal the sum of the lines.",
         "https://wise-sync.freshdesk.com/support/solutions/articles/36000041682-the-document-total-does-not-equal-the-sum-of-the-lines"),
        ("The document DueDate field must be specified", FIELD_INSIGHT)),
)  # fmt: skip

# What Xero keeps with a contact and Tandem does not write: by place, by type, and by words of a message.
_XEROS_OWN_PLACES = frozenset(
    ("ContactPersons", "ContactGroups", "BatchPayments", "PaymentTerms", "SalesTrackingCategories", "PurchasesTrackingCategories",
     "BrandingTheme", "Attachments", "Balances")
)  # fmt: skip
_WRITTEN_KINDS = ("", "DEFAULT", "POBOX")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_XEROS_OWN_WORDS = re.compile(
    r"(first|last|user|group|theme|category|bank\w*|account) ?name|contact person|\bskype|\bweb ?(site|address)|\bmobile|\bfax\b"
    r"|direct dial|\bddi\b|street|delivery address|\btax\b|(company|registration|account) ?number|\bbank\b|network ?key",
    re.IGNORECASE,
)
# A member of a contact that Tandem writes, by words of a message that no rule knows.
_MEMBERS = (
    ("Phones", re.compile(r"phone|area code|country code", re.IGNORECASE)),
    ("Addresses", re.compile(r"address|postal|post ?code|\bcity\b|region|attention|country", re.IGNORECASE)),
    ("Name", re.compile(r"\bname\b", re.IGNORECASE)),
)
_AGAIN = "Tandem tries again when the contact or the invoice changes in Xero, and once a day."
UNKNOWN = Rule(
    _INVALID,
    "IN_XERO",
    re.compile(""),
    advice="Look at the contact and the invoice in Xero, and correct there what Xero names.",
)


def rule_of(said: Said) -> Rule:
    """The rule of one message. An unknown message about a line has the remedy UPDATE_INVOICE."""
    found = _known(said)
    if found is not None:
        about_value = found.code == "VALUE_TOO_LONG" or found.member
        return UNKNOWN if about_value and _is_xeros_own(said, found) else found
    if "LineItems" in said.place:
        return Rule(_INVALID, "UPDATE_INVOICE", UNKNOWN.words)
    return UNKNOWN


def _known(said: Said) -> Rule | None:
    return next((rule for rule in RULES if rule.words.search(said.text)), None)


def _is_xeros_own(said: Said, known: Rule | None) -> bool:
    """Whether a message is about data of a contact that Tandem does not write. No change of the practice's contact helps. Values that
    Xero quotes say nothing about that, and neither do the names in a message about a taken name."""
    if "LineItems" in said.place or (known is not None and known.code not in (_INVALID, "VALUE_TOO_LONG")):
        return False
    placed = not _XEROS_OWN_PLACES.isdisjoint(said.place) or said.kind not in _WRITTEN_KINDS
    if known is not None and known.member:
        return placed
    return placed or _XEROS_OWN_WORDS.search(_QUOTED.sub("", said.text)) is not None


def member_of(said: Said) -> str:
    """The member of a contact, by Xero's name, that a message is about; blank if it names none that Tandem writes."""
    known = _known(said)
    if _is_xeros_own(said, known):
        return ""
    placed = next((step for step in said.place if step in ("Phones", "Addresses")), "")
    if known is not None and (known.member or known.remedy == "IN_XERO"):
        return known.member
    return str(placed) or next((name for name, words in _MEMBERS if words.search(said.text)), "")


def advised(said: Said, rule: Rule) -> str:
    """The message for people: Xero's own words, and for IN_XERO the advice."""
    return f"{said.shown} {rule.advice} {_AGAIN}" if rule.advice else said.shown
