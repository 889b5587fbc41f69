"""The console of the demo: built in the background, because the API answers without it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "scripts" / "build_console.py"


@contextmanager
def building(home: Path) -> Iterator[Path]:
    """Build the console while the block runs, with a low priority. Give the log of the build, which says why a build has failed."""
    log = home / "console.log"
    with log.open("wb") as output:
        command = ["nice", sys.executable, str(BUILD)]
        build = subprocess.Popen(  # noqa: S603 - our own script
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield log
        finally:
            with suppress(ProcessLookupError):  # it has ended
                os.killpg(build.pid, signal.SIGTERM)
            build.wait()
