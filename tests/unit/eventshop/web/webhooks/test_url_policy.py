"""Webhooks reach the public internet only, however an address is written."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from eventshop.web.webhooks.url_policy import UnsafeAddress, is_public, resolve_target


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",  # a cloud's metadata service
        "100.64.0.1",
        "224.0.0.1",
        "0.0.0.0",  # noqa: S104
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",  # 6to4 of 127.0.0.1
        "64:ff9b::a00:1",  # NAT64 of 10.0.0.1
        "64:ff9b:1::1",
        "240.0.0.1",
        "192.88.99.1",  # 6to4 relays, anycast
        "192.0.0.9",
        "3fff::1",  # documentation
        "2001:20::1",
        "fec0::1",
        "4000::1",  # not given out
        "ff0e::1",
    ],
)
def test_all_others_are_not(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.216.34/",
        "ftp://93.184.216.34/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://ada:secret@93.184.216.34/",
        "https://",
        "no url",
        "https://93.184.216.34:22/",
        "https://93.184.216.34:5432/",
    ],
)
def test_other_urls_are_refused(url: str, settings: Any) -> None:
    settings.WEBHOOKS_TO_PRIVATE = False
    with pytest.raises(UnsafeAddress):
        resolve_target(url)


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    target = resolve_target("https://93.184.216.34:8443/hook?a=1")
    assert (str(target.url), target.host_header) == ("https://93.184.216.34:8443/hook?a=1", "93.184.216.34:8443")
