"""The name that people see of a contact that came from Xero without one. Pure.

The name follows the values of which it was made up, until the contact gets a name. Nothing is matched by such a name, and
it is not sent to Xero before a person edits it (`Contact.name_made_up`).
"""

UNNAMED = "Unnamed contact"


def made_up_name(first_name: str | None, last_name: str | None, email: str | None) -> str:
    """First and last name; else the email; else UNNAMED."""
    person = " ".join(f"{first_name or ''} {last_name or ''}".split())
    return person or (email or "").strip() or UNNAMED
