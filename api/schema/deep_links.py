"""Addresses of pages in Xero. These addresses are in wide use, but Xero does not document them."""

from urllib.parse import quote


def deep_link(short_code: str | None, path: str) -> str:
    """The address of `path` in Xero. With a short code, Xero opens that organisation. Without one, it stays in the
    organisation that the browser has open."""
    if short_code is None:
        return f"https://go.xero.com{path}"
    return (
        f"https://go.xero.com/organisationlogin/default.aspx?shortcode={short_code}"
        f"&redirecturl={quote(path, safe='/')}"
    )
