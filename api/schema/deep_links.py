"""Addresses of Xero's own pages: in wide use, but promised by nobody."""

from urllib.parse import quote


def deep_link(short_code: str | None, path: str) -> str:
    """In the right organisation where its short code is known; without it, in the one that the browser is in."""
    if short_code is None:
        return f"https://go.xero.com{path}"
    return (
        f"https://go.xero.com/organisationlogin/default.aspx?shortcode={short_code}"
        f"&redirecturl={quote(path, safe='/')}"
    )
