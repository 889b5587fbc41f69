"""Tests the console in a real browser, against a demo of its own: `python3 scripts/test_console.py [--full]`.

It uses only the standard library. Without Chromium it says so, and that is no failure. `--full` settles 500 match issues at the pace of a
person, which takes about ten minutes. `--built` skips the tests unless the console is built already.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bootstrap
import build_console

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
READY = "Tandem runs until Ctrl-C"
AUDIENCE = "urn:tandem"
LONGEST = 900  # seconds until the demo is ready
LONG_LIST = 100_000  # contacts of a practice of its own, with --full
FILL = """
import asyncio, asyncpg, sys
from bench.pages import CONTACTS

async def fill(url, workspace, rows):
    owner = await asyncpg.connect(url)
    await owner.execute(CONTACTS, workspace, int(rows))
    await owner.execute("vacuum analyze contact")

asyncio.run(fill(*sys.argv[1:]))
"""
CONTACTS, MANY = 1200, 7200  # in the demo's Xero: about 100 and 600 match issues


def main(words: list[str]) -> None:
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        bootstrap.say("The console was not tested, because this machine has no Chromium (set CHROMIUM=…)")
        return
    if "--built" in words and build_console.read(build_console.BUILT / build_console.STAMP) is None:
        bootstrap.say("The console was not tested, because it is not built here (make console)")
        return
    build_console.main()
    programs = build_console.find_programs()
    node = shutil.which("node", path=str(programs) if programs else None)
    contacts = MANY if "--full" in words else CONTACTS
    issuer = f"http://127.0.0.1:{free_port()}"
    with demo(contacts, issuer) as given:
        given |= {"ISSUER": issuer, "CHROMIUM": browser}
        done = subprocess.run(
            [str(node), "e2e/run.mjs", *words], cwd=build_console.CONSOLE, env=os.environ | given, check=False
        )
    sys.exit(done.returncode)


@contextmanager
def demo(contacts: int, issuer: str) -> Iterator[dict[str, str]]:
    """A demo in a folder of its own, as e2e/run.mjs has to know it. It ends with the block.

    People sign in at `issuer`, which the test of the sign-in starts.
    """
    with tempfile.TemporaryDirectory(prefix="tandem-console-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - PostgreSQL may run as another user, who has to enter
        port, log = free_port(), Path(folder) / "demo.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(bootstrap.VENV / "bin/tandem"), "demo", "--contacts", str(contacts)],
                env=os.environ | provider(issuer) | {"TANDEM_DATA": f"{folder}/data", "PORT": str(port)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait(process, log)
            settings = json.loads(Path(f"{folder}/data/demo/settings.json").read_text())
            only_full = {}
            if contacts == MANY:
                only_full["LONG"] = long_list(f"{folder}/data", settings["database_admin_url"])
                only_full["THIRD"] = new_practice(f"{folder}/data", "Third Practice")[1]
            yield {
                "API": f"http://localhost:{port}",
                "TOKEN": Path(f"{folder}/data/demo/token").read_text(),
                "SECOND": new_practice(f"{folder}/data", "Second Practice")[1],
                "SIMULATOR": settings["xero_api_url"],
                "DEMO_PID": str(process.pid),
                **only_full,
            }
        finally:
            process.terminate()
            process.wait()


def long_list(data: str, database: str) -> str:
    """The token of a practice with LONG_LIST contacts, which the database makes: through the API this would take many minutes."""
    workspace, token = new_practice(data, "Long list")
    words = [database.replace("+asyncpg", ""), workspace, str(LONG_LIST)]
    subprocess.run([str(bootstrap.VENV / "bin/python"), "-c", FILL, *words], cwd=bootstrap.ROOT, check=True)
    return token


def new_practice(data: str, name: str) -> tuple[str, str]:
    """The id and the token of another practice on the same server, which has nothing yet."""
    command = [
        str(bootstrap.VENV / "bin/tandem"),
        "workspace",
        "create",
        name,
        "--currency",
        "NZD",
    ]
    done = subprocess.run(
        command, env=os.environ | {"TANDEM_DATA": data}, check=True, capture_output=True, text=True
    )
    workspace, token = (line.split()[1] for line in done.stdout.splitlines()[:2])
    return workspace, token


def provider(issuer: str) -> dict[str, str]:
    """The settings for tests/oidc_provider/oidc-provider.mjs."""
    return {
        "OIDC_ISSUER": issuer,
        "OIDC_AUDIENCE": AUDIENCE,
        "OIDC_CLIENT_ID": "public",
        "OIDC_CLIENT_PARAMETERS": f"resource={AUDIENCE}",
    }


def wait(process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + LONGEST
    while READY not in (text := log.read_text()):
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"The demo did not start:\n{text}")
        time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main(sys.argv[1:])
