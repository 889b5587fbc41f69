"""Says what keeps the sync from working, for a nightly job: python check_sync.py [--retry]

TANDEM_URL and TANDEM_TOKEN say where and as whom. Exit code 1: somebody has to do something.
"""

import os
import sys
from collections.abc import Iterator

from tandem_client import Tandem

ORGANISATIONS = "{ workspace { xeroOrganisations { name health } } }"
FAILING = """query($after: String) { syncLinks(first: 100, after: $after, filter: {state: [FAILING]}) {
  edges { node { id contact { name } failure { message } allowedActions } } pageInfo { hasNextPage endCursor } } }"""
RETRY = "mutation($input: RetrySyncInput!) { retrySync(input: $input) { retried userErrors { code message path } } }"
MOST = 500  # rows that a mutation takes


def findings(tandem: Tandem, *, retry: bool) -> Iterator[str]:
    for organisation in tandem.ask(ORGANISATIONS)["workspace"]["xeroOrganisations"]:
        if organisation["health"] != "HEALTHY":
            yield f"{organisation['name']}: the connection is {organisation['health']}"
    failing = list(tandem.pages(FAILING))
    for link in failing:
        yield f"{link['contact']['name']}: {link['failure']['message']}"
    again = [link["id"] for link in failing if retry and "RETRY" in link["allowedActions"]]
    for start in range(0, len(again), MOST):
        links = again[start : start + MOST]
        retried = tandem.change(RETRY, {"linkIds": links}, repeatable=True)["retried"]
        yield f"{retried} links are tried again now"


def main(arguments: list[str]) -> int:
    tandem = Tandem.at(os.environ["TANDEM_URL"], os.environ["TANDEM_TOKEN"])
    found = list(findings(tandem, retry="--retry" in arguments))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
