"""python -m xero.simulator"""

import argparse
from pathlib import Path

from xero.simulator.serve import run


def main() -> None:
    parser = argparse.ArgumentParser(prog="xero.simulator", description="A stand-in Xero.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--contacts", type=int, default=1200)
    parser.add_argument(
        "--organisations", type=int, default=1, help="how many: of NZ, AU, UK, US and SG, in this order"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=None, help="file that keeps the world between runs")
    parser.add_argument(
        "--redirect-uri", action="append", default=[], help="another redirect URI of the demo app"
    )
    parser.add_argument("--webhook-url", default=None, help="address of the demo app's webhooks")
    parser.add_argument("--webhook-key", default="", help="what those bodies are signed with")
    given = parser.parse_args()
    webhooks = (given.webhook_url, given.webhook_key) if given.webhook_url else None
    run(
        given.host,
        given.port,
        given.contacts,
        given.seed,
        given.data,
        tuple(given.redirect_uri),
        webhooks,
        given.organisations,
    )


if __name__ == "__main__":
    main()
