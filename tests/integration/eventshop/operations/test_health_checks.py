"""Liveness, readiness and the status page, also during outages."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.operations import health_checks
from eventshop.projections.projection import projection_registry
from eventshop.sagas.models import InboxMessage, Saga
from tests.support.read_models import running_projections
from tests.support.waiting import DEADLINE_S, wait_until
from tests.support.web_server import free_port, gunicorn

pytestmark = pytest.mark.usefixtures("clean_database")


def component_states(client: Client) -> tuple[str, dict[str, bool]]:
    answer = client.get("/readyz").json()
    return answer["status"], {part["name"]: part["ok"] for part in answer["parts"]}


def test_live_needs_nothing(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"
    assert client.post("/healthz").status_code == 405


def test_ready_says_that_nobody_projects(client: Client) -> None:
    status, found = component_states(client)
    assert status == "degraded"
    assert found == {
        "database": True,
        "event table": True,
        "divergence": True,
        "workers": True,
        "clocks": True,
        "event log": True,
        "broker": True,
        "relay": True,
        "publisher": True,
        "sagas": True,
        "payments": True,
        "gateway key": True,
        "venue": True,
        "projections": False,
        "unreadable records": True,
        "deleted records": True,
        "certificates": True,
        "webhooks": True,
        "letters": True,
        "erasures": True,
        "periodic jobs": True,
    }


def test_ready_with_a_worker_is_ok(client: Client) -> None:
    with running_projections(*projection_registry.select([]), owner="test"):
        wait_until(lambda: component_states(client)[1]["projections"])
        assert component_states(client)[0] == "ok"


def test_a_broker_that_is_down_degrades_and_says_so(client: Client, settings: Any) -> None:
    health_checks._circuit_breakers.clear()
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{free_port()}/0"
    response = client.get("/readyz")
    assert response.status_code == 200
    assert component_states(client)[1]["broker"] is False


def test_a_stuck_saga_degrades_and_says_so(client: Client) -> None:
    now = timezone.now()
    told: dict[str, Any] = {"kind": "k", "version": 1, "slot": 0, "state": "{}", "started_at": now, "moved_at": now}
    Saga.objects.create(
        saga_id=new_id(), subject_id=new_id(), correlation_id=new_id(), sequence_number=1, status="stuck", **told
    )
    status, found = component_states(client)
    assert (status, found["sagas"]) == ("degraded", False)


# Not a few seconds ago: on a slow machine a minute might pass before the question. Ten minutes ahead is as recent.
@pytest.mark.parametrize(("seconds", "heard"), [(-600, True), (90, False)])
def test_what_is_not_heard_for_a_minute_degrades(client: Client, seconds: int, heard: bool) -> None:
    InboxMessage.objects.create(
        saga_id=new_id(),
        slot=0,
        what="event",
        name="OrderCreated",
        cause_id=new_id(),
        heard_at=timezone.now() - timedelta(seconds=seconds),
    )
    assert component_states(client)[1]["sagas"] is heard


def test_a_gateway_that_is_away_degrades_and_says_so(client: Client, settings: Any) -> None:
    health_checks._circuit_breakers.clear()
    settings.PAYMENT_GATEWAY_URL = f"http://127.0.0.1:{free_port()}"
    status, found = component_states(client)
    assert (status, found["payments"]) == ("degraded", False)


def test_details_are_for_staff(client: Client, admin_user: Any) -> None:
    assert all("detail" not in part for part in client.get("/readyz").json()["parts"])
    client.force_login(admin_user)
    assert all("detail" in part for part in client.get("/readyz").json()["parts"])


@pytest.fixture
def server_without_database(tmp_path: Path) -> Iterator[str]:
    """A web server whose PostgreSQL is down."""
    with gunicorn(f"postgres://nobody@127.0.0.1:{free_port()}/none", tmp_path) as server:
        yield server.address


def test_without_the_database_it_is_503_and_when_to_come_back(server_without_database: str) -> None:
    for path in ("/admin/login/", "/readyz"):
        request = urllib.request.Request(f"{server_without_database}{path}", method="GET")
        with pytest.raises(urllib.error.HTTPError) as answer:
            # A session cookie makes the page look for its session.
            request.add_header("Cookie", "sessionid=0123456789abcdef0123456789abcdef")
            urllib.request.urlopen(request, timeout=DEADLINE_S)
        assert answer.value.code == 503
        assert answer.value.headers["Retry-After"] == "5"
        body = answer.value.read()
        assert b"Traceback" not in body
        if path == "/readyz":
            assert json.loads(body)["status"] == "down"
        else:
            assert b"temporarily unavailable" in body
