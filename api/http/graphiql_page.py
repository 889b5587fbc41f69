"""GraphiQL: Strawberry's page, with the scripts of api/http/graphiql in place of those of a public server. So it works offline.

The page names the hash of each script, and the browser runs no other. A test compares the files with these hashes.
"""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from strawberry.http.ides import get_graphql_ide_html

FOLDER = Path(__file__).parent / "graphiql"
PATH = "/graphiql"
ELSEWHERE = "https://unpkg.com"


class Page(NamedTuple):
    """The HTML, and the Content-Security-Policy that allows what the HTML needs and nothing else."""

    html: str
    policy: str


@cache
def page() -> Page:
    html = get_graphql_ide_html(graphql_ide="graphiql").replace(f"{ELSEWHERE}/", f"{PATH}/")
    inline = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in inline)
    policy = (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        " font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(html, policy)


def routes() -> list[Mount]:
    return [Mount(PATH, StaticFiles(directory=FOLDER))]


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
