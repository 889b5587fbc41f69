"""What a worker process holds for as long as it runs, and how it reaches an organisation of Xero."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from domain.grants import Grants
from domain.limits import Limits
from runtime.bells import Bells
from runtime.database import Database, guard
from runtime.seal import KeyRing
from runtime.settings import Settings
from xero.allowance import Priority
from xero.client import Client
from xero.oauth import App
from xero.tokens import GrantTokens


@dataclass(frozen=True)
class Parts:
    settings: Settings
    database: Database
    keys: KeyRing
    http: httpx.AsyncClient
    bells: Bells
    app: App
    limits: Limits = field(init=False)
    grants: Grants = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", Limits(self.database.door, self.database.clock))
        object.__setattr__(self, "grants", Grants(self.database.door, self.database.clock))

    def client(self, organisation: Mapping[str, Any], priority: Priority) -> Client:
        """A client of this organisation, within its limits and never inside a transaction."""
        return Client(
            http=self.http,
            tenant_id=organisation["tenant_id"],
            tokens=self.tokens(organisation),
            limiter=self.limits,
            clock=self.database.clock,
            guard=guard,
            api_url=self.settings.xero_api_url,
            priority=priority,
        )

    def tokens(self, organisation: Mapping[str, Any]) -> GrantTokens[Any]:
        return GrantTokens(
            http=self.http,
            app=self.app,
            grants=self.grants,
            seal=self.keys,
            clock=self.database.clock,
            grant_id=organisation["grant_id"],
        )
