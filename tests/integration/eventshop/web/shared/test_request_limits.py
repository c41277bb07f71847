"""Limits of costly requests: by network address, and none while the cache is away."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from eventshop.core.messages import new_id
from eventshop.web.shared.attempt_limits import TooManyAttempts
from eventshop.web.shared.request_limits import limit_requests


def request_from(address: str) -> Any:
    return RequestFactory(REMOTE_ADDR=address).get("/shop/?q=mug")


@pytest.mark.parametrize(
    "same_network", [["192.0.2.1", "192.0.2.1"], ["2001:db8::1", "2001:db8::ffff"]], ids=["4", "6"]
)
def test_requests_of_one_network_are_counted_together(same_network: list[str]) -> None:
    name = str(new_id())
    limit_requests(request_from("198.51.100.7"), name, "1/d")
    with pytest.raises(TooManyAttempts) as refused:
        for address in (*same_network, same_network[0]):  # a day may end between two of them, two days cannot
            limit_requests(request_from(address), name, "1/d")
    assert 0 < refused.value.wait_s <= 24 * 3600


def test_while_the_cache_is_away_nobody_is_held_up(settings: Any) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}
    }
    name = str(new_id())
    for _ in range(3):
        limit_requests(request_from("192.0.2.9"), name, "1/d")
