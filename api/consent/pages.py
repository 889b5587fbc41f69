"""The pages of the consent, which Tandem shows itself. These pages have no script, and load nothing from elsewhere."""

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem;color:#1b1b1b}"
    "h1{font-size:1.4rem}button{font:inherit;padding:.5rem 1rem;margin:.5rem .5rem .5rem 0}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def notice(title: str, *paragraphs: str, status: int = 200) -> HTMLResponse:
    """A page with paragraphs of text. The texts are escaped here."""
    return _page(title, _paragraphs(paragraphs), status=status)


def question(
    title: str, *paragraphs: str, token: str, yes: str, no: str, action: str, goes_to: str | None
) -> HTMLResponse:
    """A page with two buttons, which post `token` and `answer` (yes or no) to `action`.

    `goes_to` is the origin to which the response redirects: browsers check such a redirect against form-action.
    """
    form = (
        f'<form method="post" action="{escape(action)}"><input type="hidden" name="token" value="{escape(token)}">'
        f'<button name="answer" value="yes">{escape(yes)}</button>'
        f'<button name="answer" value="no">{escape(no)}</button></form>'
    )
    return _page(title, _paragraphs(paragraphs) + form, form_action=f"'self' {goes_to or ''}".strip())


def _paragraphs(texts: tuple[str, ...]) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def _page(title: str, body: str, *, status: int = 200, form_action: str = "'none'") -> HTMLResponse:
    html = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form_action}; base-uri 'none';"
        " frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
    return HTMLResponse(html, status, headers)
