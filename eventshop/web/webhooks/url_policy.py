"""Where a webhook may go: to the public internet and nowhere else, whatever a name resolves to at that moment.

Otherwise whoever may enter an address could have us knock at our own database, or at a cloud's metadata service
(server-side request forgery). The very address that was looked at is the one that is connected to.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, NamedTuple, TypeAlias

import httpx
from django.conf import settings

from eventshop.core.errors import InvalidMessage

Address: TypeAlias = IPv4Address | IPv6Address

#: IPv6 that carries an IPv4 address (RFC 6052), and the same within one network (RFC 8215).
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")


class UnsafeAddress(InvalidMessage):
    """A webhook goes to https on the public internet only."""

    code = "unsafe-address"


class Target(NamedTuple):
    """A checked address: where to connect to, and under which name."""

    url: httpx.URL
    host: str
    port: int | None

    @property
    def host_header(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host


def resolve_target(url: str) -> Target:
    """The address, resolved now; raises `UnsafeAddress`, or `OSError` when the name cannot be resolved."""
    try:
        parsed = httpx.URL(url)
        host, port = parsed.host, parsed.port
    except (httpx.InvalidURL, ValueError):
        raise UnsafeAddress("This is no address") from None
    if parsed.scheme not in (("https", "http") if settings.WEBHOOKS_TO_PRIVATE else ("https",)) or not host:
        raise UnsafeAddress(scheme=parsed.scheme)
    if parsed.userinfo:
        raise UnsafeAddress("An address of a webhook holds no password")
    resolved = socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(where[0]).partition("%")[0]) for *_, where in resolved]
    if not settings.WEBHOOKS_TO_PRIVATE and (private := [it for it in addresses if not is_public(it)]):
        raise UnsafeAddress(host=host, resolves_to=private[0])
    return Target(parsed.copy_with(host=str(addresses[0])), host, port)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, also where IPv6 only wraps an IPv4 address."""
    if address in _LOCAL_NAT64:
        return False
    if isinstance(address, IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            embedded = IPv4Address(int(address) & 0xFFFFFFFF)
        if embedded is not None:
            return is_public(embedded)
    return address.is_global and not address.is_multicast
