"""Live, ready, and what an outage looks like from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from socket import socket
from typing import Any

import pytest
from django.test import Client

from eventshop.ops import health
from projections.engine.projection import catalogue
from projections.engine.tables import Worker
from tests.processes import ROOT, until

pytestmark = pytest.mark.usefixtures("clean_database")


def parts(client: Client) -> tuple[str, dict[str, bool]]:
    answer = client.get("/readyz").json()
    return answer["status"], {part["name"]: part["ok"] for part in answer["parts"]}


def free_port() -> int:
    with closing(socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_live_needs_nothing(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"
    assert client.post("/healthz").status_code == 405


def test_ready_says_that_nobody_projects(client: Client) -> None:
    status, found = parts(client)
    assert status == "degraded"
    assert found == {"database": True, "event log": True, "broker": True, "relay": True, "projections": False}


def test_ready_with_a_worker_is_ok(client: Client) -> None:
    from eventshop.log.database import DatabaseLog
    from projections.engine.runner import Runner

    runner = Runner(catalogue.chosen([]), DatabaseLog(), owner="test")
    runner._lease()
    assert Worker.objects.count() == 1
    status, found = parts(client)
    assert (status, found["projections"]) == ("ok", True)


def test_a_broker_that_is_down_degrades_and_says_so(client: Client, settings: Any) -> None:
    health._breakers.clear()
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{free_port()}/0"
    response = client.get("/readyz")
    assert response.status_code == 200
    assert parts(client)[1]["broker"] is False


def test_details_are_for_staff(client: Client, admin_user: Any) -> None:
    assert all("detail" not in part for part in client.get("/readyz").json()["parts"])
    client.force_login(admin_user)
    assert all("detail" in part for part in client.get("/readyz").json()["parts"])


@pytest.fixture
def server_without_database() -> Iterator[str]:
    """A web server whose PostgreSQL is not there."""
    port, nowhere = free_port(), free_port()
    env = {**os.environ, "DATABASE_URL": f"postgres://nobody@127.0.0.1:{nowhere}/none", "ENV_FILE": ""}
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "eventshop.wsgi", "--bind", f"127.0.0.1:{port}", "--log-level", "critical"],
        cwd=ROOT,
        env=env,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(address), what="the server answers")
        yield address
    finally:
        process.terminate()
        process.wait(15)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def test_without_the_database_it_is_503_and_when_to_come_back(server_without_database: str) -> None:
    for path in ("/admin/login/", "/readyz"):
        request = urllib.request.Request(f"{server_without_database}{path}", method="GET")
        with pytest.raises(urllib.error.HTTPError) as answer:
            # A session cookie makes the page look for its session.
            request.add_header("Cookie", "sessionid=0123456789abcdef0123456789abcdef")
            urllib.request.urlopen(request, timeout=10)
        assert answer.value.code == 503
        assert answer.value.headers["Retry-After"] == "5"
        body = answer.value.read()
        assert b"Traceback" not in body
        if path == "/readyz":
            assert json.loads(body)["status"] == "down"
        else:
            assert b"away for a moment" in body
