"""What only wants to be quicker goes on without the cache: pages, health and metrics while Redis is away or frozen."""

from __future__ import annotations

import socket
from time import monotonic
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from eventshop.operations.health_checks import check_components
from eventshop.runtime import counted_cache
from eventshop.runtime.counted_cache import RECENT_S, forget, get_or_compute
from orders.demo.catalogue import store_catalogue
from tests.support.web_server import free_port


@pytest.fixture
def redis_away(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted_cache, "_away_until", 0.0)
    settings.CACHES = {"default": redis_at(free_port())}


def redis_at(port: int) -> dict[str, Any]:
    timeouts = {"socket_connect_timeout": 1.0, "socket_timeout": 1.0}
    backend = "django.core.cache.backends.redis.RedisCache"
    return {"BACKEND": backend, "LOCATION": f"redis://127.0.0.1:{port}/1", "OPTIONS": timeouts}


@pytest.mark.usefixtures("clean_database", "redis_away")
def test_pages_health_and_metrics_go_on_without_redis(client: Client, admin_client: Client) -> None:
    store_catalogue()
    for path in ("/", "/shop/", "/status/", "/readyz", "/metrics", "/api/v1/products"):
        assert client.get(path).status_code in (200, 401), path
    for path in ("/admin/", "/admin/projections/dailysales/", "/api/v1/products"):
        assert admin_client.get(path).status_code == 200, path
    assert "database" in {part.name for part in check_components()}


def test_a_frozen_server_is_asked_once_in_some_seconds(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted_cache, "_away_until", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        settings.CACHES = {"default": redis_at(frozen.getsockname()[1])}
        began = monotonic()
        assert [get_or_compute("figures", str(number), lambda: 7, 60) for number in range(50)] == [7] * 50
        forget("figures", "1")
        assert monotonic() - began < RECENT_S


def test_it_is_asked_again_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted_cache, "_away_until", monotonic() + 60)
    assert get_or_compute("figures", "back", lambda: 1, 60) == 1
    assert cache.get("figures:back") is None
    monkeypatch.setattr(counted_cache, "_away_until", 0.0)
    assert get_or_compute("figures", "back", lambda: 2, 60) == 2
    assert get_or_compute("figures", "back", lambda: 3, 60) == 2
