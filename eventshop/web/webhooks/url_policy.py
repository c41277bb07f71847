"""Which URLs a webhook may have: https to a few ports of public unicast addresses, checked after name resolution.

This prevents server-side request forgery: a webhook must not reach our own database or a cloud's metadata service. The
connection goes to the address that was checked, so a name cannot resolve to another one in between (DNS rebinding).
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple, TypeAlias

import httpx
from django.conf import settings

from eventshop.core.errors import InvalidMessage

Address: TypeAlias = IPv4Address | IPv6Address

#: What IANA has given out for unicast, and the parts of it that are for documentation or for something else: all other
#: addresses are refused, also those that some later standard gives a meaning (IANA's registries of November 2026).
_IPV6_UNICAST: Final = IPv6Network("2000::/3")
_NOT_UNICAST: Final = tuple(
    ip_network(network) for network in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20")
)
#: The prefix of IPv6 addresses that embed an IPv4 address (RFC 6052), and its local-use prefix (RFC 8215).
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")


class UnsafeAddress(InvalidMessage):
    """The URL of a webhook must be https and lead to the public internet."""

    code = "unsafe-address"


class Target(NamedTuple):
    """A checked URL: `url` contains the IP address to connect to, `host` the name for `Host` and TLS."""

    url: httpx.URL
    host: str
    port: int | None

    @property
    def host_header(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host


def resolve_target(url: str) -> Target:
    """Check the URL and resolve its host; raises `UnsafeAddress`, or `OSError` if the name cannot be resolved."""
    try:
        parsed = httpx.URL(url)
        host, port = parsed.host, parsed.port
    except (httpx.InvalidURL, ValueError):
        raise UnsafeAddress("This is not a valid URL") from None
    if parsed.scheme not in (("https", "http") if settings.WEBHOOKS_TO_PRIVATE else ("https",)) or not host:
        raise UnsafeAddress(scheme=parsed.scheme)
    if parsed.userinfo:
        raise UnsafeAddress("The URL of a webhook must not contain a user name or password")
    if not settings.WEBHOOKS_TO_PRIVATE and (port or 443) not in settings.WEBHOOK_PORTS:
        raise UnsafeAddress(f"The port of a webhook must be one of {', '.join(map(str, settings.WEBHOOK_PORTS))}")
    resolved = socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in resolved]
    if not (settings.WEBHOOKS_TO_PRIVATE or all(map(is_public, addresses))):
        raise UnsafeAddress(host=host)  # and not where it leads to: names of our own network are no business of others
    return Target(parsed.copy_with(host=str(addresses[0])), host, port)


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet; an IPv6 address that embeds an IPv4 address is judged by that."""
    if address in _LOCAL_NAT64:
        return False
    if isinstance(address, IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            embedded = IPv4Address(int(address) & 0xFFFFFFFF)
        if embedded is not None:
            return is_public(embedded)
        if address not in _IPV6_UNICAST:
            return False
    is_unicast = not (address.is_multicast or address.is_reserved or any(address in part for part in _NOT_UNICAST))
    return address.is_global and is_unicast
