"""The address of the client, behind proxies too."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import HTTPConnection

UNKNOWN = "unknown"  # of a client on a unix socket
IPV6_SUBSCRIBER = 64  # bits: a provider gives each subscriber all addresses below such a prefix
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def read_networks(texts: Sequence[str]) -> list[Network]:
    """Addresses and networks, as TRUSTED_PROXIES has them. Raise ValueError for any other text."""
    return [ip_network(each, strict=False) for each in texts]


def client_address(connection: HTTPConnection, trusted: Sequence[Network]) -> str:
    """The address, or its network of IPv6, for which sign-ins count together.

    X-Forwarded-For is believed only from the proxies in the networks `trusted`: each proxy has added the address of its own client at the
    right. So the first address from the right that is no trusted proxy is the client's.
    """
    address = _parse(connection.client.host if connection.client else "")
    if address is None:
        return UNKNOWN
    named = [each for header in connection.headers.getlist("x-forwarded-for") for each in header.split(",")]
    while named and any(address in each for each in trusted):
        before = _parse(named.pop())
        if before is None:
            break
        address = before
    return str(ip_network((address, IPV6_SUBSCRIBER), strict=False)) if address.version == 6 else str(address)


def _parse(text: str) -> Address | None:
    """An address with or without a port; None for anything else. An IPv4 address that is written as IPv6 is the IPv4 address."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
