"""Limits the failed sign-ins of an address in a minute, so that a stranger who tries tokens does not occupy the database.

Credentials that were valid here a moment ago pass all the same: others may share the address, behind a router or a proxy.
"""

from collections import OrderedDict

from api.auth.credentials import Credential, NotLetIn
from api.errors import Code
from api.guards.rate_limit import Rates
from domain.practice.workspaces import token_hash

MOST_KNOWN = 10_000  # credentials, and addresses


class SignInLimit:
    """`most`: failures of one address in a minute, over all processes. A process refuses an address as soon as it counts one too many."""

    def __init__(self, rates: Rates, most: int) -> None:
        self._rates, self._most = rates, most
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._refused: set[str] = set()
        self._window = 0

    def check(self, credential: Credential, address: str) -> None:
        """Raises NotLetIn if the address has failed too often in this minute."""
        window, seconds = self._rates.minute()
        if window != self._window:
            self._window = window
            self._refused.clear()
        if address in self._refused and token_hash(credential.token) not in self._known:
            message = f"Too many sign-ins have failed from this address. Try again in {seconds} s."
            raise NotLetIn(Code.RATE_LIMITED, message, retry_after=seconds)

    def succeeded(self, credential: Credential) -> None:
        key = token_hash(credential.token)
        self._known[key] = None
        self._known.move_to_end(key)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    async def failed(self, credential: Credential, address: str) -> None:
        self._known.pop(token_hash(credential.token), None)
        if await self._rates.count_failure(address) >= self._most and len(self._refused) < MOST_KNOWN:
            self._refused.add(address)
