"""Servers that run as child processes and end with this process, however it ends.

On Linux the kernel sends a child its last signal when the thread that started it is gone, after SIGKILL too. So children
are started from the main thread only. On other systems the next start ends the process that a pid file names.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534
PR_SET_PDEATHSIG = 1
LINUX = sys.platform == "linux"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_libc = ctypes.CDLL(None) if LINUX else None


class StartError(Exception):
    """A service cannot start. The message says why, and what to do."""


@dataclass(frozen=True)
class Account:
    """The operating system's user of a child. `uid` owns the child's files; `prefix` is a command that starts the child."""

    uid: int
    prefix: tuple[str, ...] = ()

    @property
    def user(self) -> int | None:
        """The user for `subprocess`; None if the child has this process's user."""
        return None if self.uid == os.geteuid() else self.uid

    def can(self, *command: str | Path) -> bool:
        """Whether the command runs and succeeds as this user."""
        try:
            return self.run(command).returncode == 0
        except OSError:
            return False

    def run(self, command: Sequence[str | Path], text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own commands, no shell, nothing from outside
            [*self.prefix, *command],
            input=text,
            capture_output=True,
            text=True,
            cwd="/",
            env=ENVIRONMENT,
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
            check=False,
        )

    def own(self, folder: Path) -> None:
        """Create the folder, readable by this user only. Files of another user in it change their owner."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid == self.uid:
            return
        if os.geteuid() != 0:
            raise StartError(
                f"{folder} belongs to another user (uid {folder.stat().st_uid}). Run as that user, or set"
                " TANDEM_DATA to a folder of your own."
            )
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, self.uid, self.uid, follow_symlinks=False)


def myself() -> Account:
    return Account(os.geteuid())


def candidates() -> list[Account]:
    """Users to try for a server that refuses to run as root, the simplest first."""
    if os.geteuid() != 0:
        return [myself()]
    unshare = shutil.which("unshare")
    namespace = [Account(0, (unshare, "--user", "--map-user=1000"))] if unshare else []
    return [Account(NOBODY), *namespace]


def start(
    command: Sequence[str | Path],
    account: Account,
    *,
    log: Path,
    last_signal: signal.Signals,
    environment: Mapping[str, str] = ENVIRONMENT,
    append: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own: Ctrl-C reaches only this process, which stops its children in order.

    The kernel sends `last_signal` to the child when this process is gone.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children are started from the main thread: their life follows that thread")
    with log.open("ab" if append else "wb") as output:
        return subprocess.Popen(  # noqa: S603 - as above
            [*account.prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=dict(environment),
            user=account.user,
            group=account.user,
            extra_groups=None if account.user is None else [],
            start_new_session=True,
            preexec_fn=_follow_parent(last_signal),
        )


def _follow_parent(last_signal: signal.Signals) -> Callable[[], None] | None:
    libc, parent = _libc, os.getpid()
    if libc is None:
        return None

    def follow() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(last_signal))
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)

    return follow


def stop(child: subprocess.Popen[bytes], *signals: signal.Signals) -> None:
    """Send each signal in turn and wait 10 s after each; SIGKILL is the last."""
    for number in (*signals, signal.SIGKILL):
        if child.poll() is None:
            child.send_signal(number)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                continue
    child.wait()


def wait_for(
    ready: Callable[[], bool], child: subprocess.Popen[bytes], log: Path, seconds: float = 60
) -> None:
    """Wait until `ready`. Raise StartError, with the end of the log, if the child ends or takes too long."""
    limit = time.monotonic() + seconds
    while not ready():
        if child.poll() is not None or time.monotonic() > limit:
            end = log.read_text(errors="replace").splitlines()[-12:]
            why = (
                f"ended with {child.returncode}"
                if child.poll() is not None
                else f"not ready in {seconds:.0f} s"
            )
            raise StartError("\n".join([f"{log.stem}: {why}", *end]))
        time.sleep(0.01)


def end_leftover(pid_file: Path, last_signal: signal.Signals, seconds: float = 30) -> None:
    """End the server that a killed process left running in the pid file's folder, and wait for its end."""
    pid = read_pid(pid_file)
    if pid is not None and _works_in(pid, pid_file.parent):
        os.kill(pid, last_signal)
        limit = time.monotonic() + seconds
        while _works_in(pid, pid_file.parent):
            if time.monotonic() > limit:
                raise StartError(
                    f"process {pid}, left from an earlier run in {pid_file.parent}, does not end"
                )
            time.sleep(0.02)
    pid_file.unlink(missing_ok=True)


def read_pid(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _works_in(pid: int, folder: Path) -> bool:
    """Whether the process is a server of this folder. Both servers have their data folder as working folder. The pid alone
    may belong to another program by now."""
    if LINUX:
        try:
            return Path(f"/proc/{pid}/cwd").readlink() == folder
        except OSError:
            return False
    listed = subprocess.run(  # noqa: S603 - as above
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "postgres" in listed.stdout or "valkey" in listed.stdout
