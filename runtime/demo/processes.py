"""The demo's own processes: the Xero simulator, the API and a worker. A process that ends is started again."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from runtime.embedded import children

LASTED = 60.0  # seconds; the pause of a process that ran longer begins at 1 s again
LONGEST = 30  # seconds; the pause doubles from 1 s to this
LOOK = 0.5


@dataclass
class Process:
    """A child process that runs a command. Its log is in the demo's folder."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(repr=False)
    child: subprocess.Popen[bytes] = field(init=False)
    began: float = field(init=False)
    ends: int = 0
    again_at: float | None = None

    def start(self, now: float, *, anew: bool = True) -> None:
        """`anew`: empties the log."""
        self.began, self.again_at = now, None
        self.child = children.start(
            self.command,
            children.myself(),
            log=self.log,
            last_signal=signal.SIGTERM,
            environment=self.environment,
            append=not anew,
        )

    def stop(self) -> None:
        children.stop(self.child, signal.SIGTERM)

    def restart_if_ended(self, now: float, console: Console) -> None:
        """Print that the process has ended, and start it again after a pause."""
        if self.again_at is not None:
            if now >= self.again_at:
                self.start(now, anew=False)
                console.print(f"{self.name} was started again.")
            return
        if self.child.poll() is None:
            return
        self.ends = 0 if now - self.began > LASTED else self.ends
        pause = min(2**self.ends, LONGEST)
        self.ends, self.again_at = self.ends + 1, now + pause
        why = _why(self.child.returncode)
        console.print(f"\n{self.name} ended ({why}). It starts again in {pause} s. Its log: {self.log}")


def _why(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


def tandem(home: Path, environment: Mapping[str, str], *words: str) -> Process:
    """A process of the demo that runs `tandem …`."""
    command = [sys.executable, "-m", "runtime", *words]
    return Process(f"tandem {words[0]}", command, home / f"{words[0]}.log", environment)


def keep_up(processes: Sequence[Process], console: Console) -> None:
    """Run until a signal ends this process."""
    while True:
        for process in processes:
            process.restart_if_ended(time.monotonic(), console)
        time.sleep(LOOK)
