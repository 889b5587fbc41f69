"""The simulated world: Xero's users, apps, organisations, consents and subscriptions.

The world is in memory, for one process. `World.save` and `World.load` keep it in a file between runs.
"""

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from xero.simulator.catalogue import Catalogue
from xero.simulator.clock import Clock, system_clock
from xero.simulator.contacts import Contact, ContactBook
from xero.simulator.ledger import Ledger, StoredLedger


class User(msgspec.Struct, frozen=True):
    """A person who signs in to Xero; `tenants` are the organisations that this person may connect."""

    id: str
    name: str
    email: str
    tenants: list[str]


class App(msgspec.Struct):
    """An app that is registered with Xero. An app without a secret is a native one, which must use PKCE.

    `granular` apps (made since March 2026) may not ask for the two broad scopes. `custom_tenant` is the one
    organisation of a custom connection. Only a custom connection has client credentials for the Accounting
    API.
    """

    client_id: str
    name: str
    secret: str | None
    redirect_uris: list[str]
    granular: bool = True
    custom_tenant: str | None = None


class Organisation(msgspec.Struct):
    """A tenant. `details`, `accounts`, `tax_rates` and `currencies` are as the API shows them.
    `approvals_left` is how many sales invoices the plan still lets it approve; None for no limit."""

    id: str
    name: str
    details: dict[str, Any]
    accounts: list[dict[str, Any]]
    tax_rates: list[dict[str, Any]]
    contacts: ContactBook
    currencies: list[dict[str, str]]
    ledger: Ledger
    approvals_left: int | None = None
    catalogue: Catalogue = msgspec.field(default_factory=Catalogue)


class Connection(msgspec.Struct):
    id: str
    client_id: str
    user_id: str | None
    tenant_id: str
    auth_event_id: str
    created: datetime
    updated: datetime


class Grant(msgspec.Struct):
    """The refresh tokens of one consent: the present one, and the one before with the end of its grace."""

    client_id: str
    user_id: str
    auth_event_id: str
    scope: str
    token: str
    issued: datetime
    previous: str | None = None
    previous_until: datetime | None = None


class Subscription(msgspec.Struct, forbid_unknown_fields=True):
    """The address at which an app receives webhooks, and the state of its deliveries. `own_writes`: the app gets webhooks
    about its own writes too. After a failure Xero tries again at once, then each `retry_seconds`, and disables the
    subscription after `give_up_seconds`."""

    client_id: str
    url: str
    key: str
    own_writes: bool = True
    enabled: bool = True
    retry_seconds: float = 900.0
    give_up_seconds: float = 86_400.0
    attempts: int = 0
    failing_since: datetime | None = None
    next_attempt: datetime | None = None


class _StoredOrganisation(msgspec.Struct):
    id: str
    name: str
    details: dict[str, Any]
    accounts: list[dict[str, Any]]
    tax_rates: list[dict[str, Any]]
    contacts: list[Contact]
    currencies: list[dict[str, str]]
    ledger: StoredLedger
    approvals_left: int | None = None
    catalogue: Catalogue = msgspec.field(default_factory=Catalogue)


class _Stored(msgspec.Struct):
    seed: int
    signing_key: str
    users: list[User]
    apps: list[App]
    organisations: list[_StoredOrganisation]
    connections: list[Connection]
    grants: list[Grant]
    subscriptions: list[Subscription] = []


class World:
    """`seed` decides random faults and the offsets of windows, never ids or tokens.

    `writes` grows with every change that must be saved.
    """

    def __init__(self, seed: int = 1, clock: Clock = system_clock) -> None:
        self.seed = seed
        self.clock = clock
        self.signing_key = secrets.token_urlsafe(32)
        self.users: dict[str, User] = {}
        self.apps: dict[str, App] = {}
        self.organisations: dict[str, Organisation] = {}
        self.connections: dict[str, Connection] = {}
        self.grants: list[Grant] = []
        self.subscriptions: dict[str, Subscription] = {}
        """By client id."""
        self.writes = 0

    def add_user(self, user: User) -> User:
        self.users[user.id] = user
        return user

    def add_app(self, app: App) -> App:
        """A custom connection is authorised already: its organisation is connected."""
        self.apps[app.client_id] = app
        if app.custom_tenant is not None:
            self.connect(app.client_id, None, app.custom_tenant, str(uuid4()))
        return app

    def add_organisation(self, organisation: Organisation) -> Organisation:
        self.organisations[organisation.id] = organisation
        return organisation

    def subscribe(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.client_id] = subscription
        self.changed()

    def is_connected(self, client_id: str, tenant_id: str) -> bool:
        """Whether any user connected the app with the tenant."""
        return any((c.client_id, c.tenant_id) == (client_id, tenant_id) for c in self.connections.values())

    def changed(self) -> None:
        self.writes += 1

    def connect(self, client_id: str, user_id: str | None, tenant_id: str, auth_event_id: str) -> Connection:
        """A reconnect keeps the connection and its authEventId, and moves only its updatedDateUtc."""
        now = self.clock()
        connection = self.find_connection(client_id, user_id, tenant_id)
        if connection is None:
            connection = Connection(str(uuid4()), client_id, user_id, tenant_id, auth_event_id, now, now)
            self.connections[connection.id] = connection
        connection.updated = now
        self.changed()
        return connection

    def find_connection(self, client_id: str, user_id: str | None, tenant_id: str) -> Connection | None:
        of_user = self.connections_of(client_id, user_id)
        return next((c for c in of_user if c.tenant_id == tenant_id), None)

    def connections_of(self, client_id: str, user_id: str | None) -> list[Connection]:
        return [c for c in self.connections.values() if (c.client_id, c.user_id) == (client_id, user_id)]

    def disconnect(self, connection_id: str) -> None:
        del self.connections[connection_id]
        self.changed()

    def encode(self) -> bytes:
        organisations = [
            _StoredOrganisation(
                o.id,
                o.name,
                o.details,
                o.accounts,
                o.tax_rates,
                list(o.contacts),
                o.currencies,
                o.ledger.stored(),
                o.approvals_left,
                o.catalogue,
            )
            for o in self.organisations.values()
        ]
        stored = _Stored(
            self.seed,
            self.signing_key,
            list(self.users.values()),
            list(self.apps.values()),
            organisations,
            list(self.connections.values()),
            self.grants,
            list(self.subscriptions.values()),
        )
        return msgspec.json.encode(stored)

    def save(self, path: Path) -> None:
        write_file(path, self.encode())

    @classmethod
    def load(cls, path: Path, clock: Clock = system_clock) -> "World":
        """Read a saved world. Raise msgspec.ValidationError or DecodeError for any other file."""
        stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
        world = cls(stored.seed, clock)
        world.signing_key = stored.signing_key
        world.users = {user.id: user for user in stored.users}
        world.apps = {app.client_id: app for app in stored.apps}
        world.connections = {connection.id: connection for connection in stored.connections}
        world.grants = stored.grants
        world.subscriptions = {one.client_id: one for one in stored.subscriptions}
        for o in stored.organisations:
            book, ledger = ContactBook(o.contacts), Ledger(o.ledger)
            known = (o.id, o.name, o.details, o.accounts, o.tax_rates, book, o.currencies, ledger)
            world.add_organisation(
                Organisation(*known, approvals_left=o.approvals_left, catalogue=o.catalogue)
            )
        return world


def write_file(path: Path, content: bytes) -> None:
    """The file is written as a whole or not at all: a crash leaves the old file. Only its owner can read it,
    because it holds tokens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
