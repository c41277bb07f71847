"""What web servers and workers log: JSON on every line, with ids to find it again, and no word that a person wrote."""

from __future__ import annotations

import json
import logging
import logging.config
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from eventshop.core.messages import new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.log_settings import logging_config
from eventshop.projections.models import DeadLetter
from eventshop.sagas.models import Saga, SagaStep
from orders.domain.commands import ReceiveStock
from tests.support.api_clients import staff, token_of
from tests.support.celery_workers import Celery
from tests.support.web_server import WebServer, gunicorn

SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.support.quoting_settings",
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "DEBUG",
    "EMAIL_URL": "dummymail://",  # `consolemail` is a mailbox on the screen
}
#: In what each request and event brings with it, and in the messages of the errors that follow.
PLANTED = ("Planted", "planted", "secret words")


def read_lines(log: Path) -> list[dict[str, Any]]:
    """The lines of a log. Celery says by itself that it stops."""
    lines = [line for line in log.read_text().splitlines() if line and not line.startswith("worker: ")]
    return [json.loads(line) for line in lines]


def request(server: WebServer, path: str, data: bytes | None = None, **headers: str) -> tuple[int, str]:
    """The status of a response, and the request that it names."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(server.address + path, data, named)) as response:
            return response.status, response.headers["X-Request-ID"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["X-Request-ID"]


def test_a_web_server_logs_no_word_of_a_request(celery: Celery, database_url: str, tmp_path: Path) -> None:
    with gunicorn(database_url, tmp_path, env={**celery.environment, **SETTINGS}) as server:
        own_id, token = str(new_id()), token_of(staff("planted"))
        form = b"username=planted@example.org&password=Planted"
        answers = [
            request(server, "/api/v1/failing/fault?q=Planted", Authorization=f"Bearer {token}", X_Request_ID=own_id),
            request(server, "/Planted?mail=planted@example.org"),
            request(server, "/", Host="planted.example"),
            request(server, "/sign-in/", form),
            request(server, "/payments/notices", b'{"name": "Planted"', webhook_id="Planted"),
            request(server, "/api/v1/orders", b'{"reference": "Planted"', Content_Type="application/json"),
        ]
        assert server.stop() == 0
    assert [status for status, _ in answers][:3] == [500, 404, 400]
    text, lines = server.log.read_text(), read_lines(server.log)
    assert not [word for word in PLANTED if word in text], text
    by_request = {line["request_id"]: line for line in lines if "request_id" in line}
    assert by_request[own_id]["message"] == "GET api/v1/failing/<str:failure>: 500"
    assert by_request[own_id]["error"].endswith("RuntimeError")
    assert by_request[own_id]["trace_id"]
    assert all(request_id for _, request_id in answers)
    assert all(request_id in by_request for _, request_id in answers[:3])


def test_a_worker_logs_no_word_of_an_event(celery: Celery) -> None:
    celery.environment |= SETTINGS
    with celery.worker("all", "one", "filesystem://", "--sagas") as worker:
        for number in range(2):
            send(ReceiveStock(f"mug-{number // 2}", 1, f"Planted {number}"))
        worker.wait_until(DeadLetter.objects.filter(projection="quoting-stock").exists)
        worker.wait_until(Saga.objects.filter(kind="quoting", status=Saga.Status.SUSPENDED).exists)
        worker.wait_until(SagaStep.objects.filter(name="Quote", attempts__gt=0).exists)
        worker.stop()
    text, lines = worker.log, read_lines(worker.log_file)
    assert not [word for word in PLANTED if word in text], text
    [set_aside, *_] = [line for line in lines if "is set aside" in line["message"]]
    assert set_aside["message"].endswith("IntegrityError") and set_aside["projection"] == "quoting-stock"
    assert set_aside["event_type"] == "StockReceived" and set_aside["position"] and set_aside["command_id"]
    [suspended, *_] = [line for line in lines if "is suspended" in line["message"]]
    assert suspended["message"].endswith("ValueError") and suspended["saga_id"] and suspended["event_id"]
    [failed, *_] = [line for line in lines if line["message"].startswith("Quote of saga")]
    assert failed["message"].endswith("RuntimeError")
    # EventShop's own lines are the first ones, without a banner.
    assert "is ready" in text and "celery@" not in lines[0]["message"] and "superuser" not in text


def test_a_log_file_is_rotated_under_a_program_that_goes_on(tmp_path: Path) -> None:
    file, moved = tmp_path / "shop.log", tmp_path / "shop.log.1"
    config = logging_config(level="INFO", json=True, file=str(file))
    # As a logger of its own: the root logger belongs to the test run.
    config["loggers"] = {"rotated": {"handlers": ["lines"], "level": "INFO", "propagate": False}}
    config.pop("root")
    logging.config.dictConfig(config)
    log = logging.getLogger("rotated")
    log.info("before")
    file.rename(moved)
    log.info("after")
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    assert [line["message"] for line in read_lines(moved)] == ["before"]
    assert [line["message"] for line in read_lines(file)] == ["after"]


@pytest.fixture
def celery(tmp_path: Path, database_url: str) -> Celery:
    return Celery(tmp_path, database_url)
