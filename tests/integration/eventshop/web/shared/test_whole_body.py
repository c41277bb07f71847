"""A request whose sender dies before it has sent the whole body is refused before any view sees the beginning of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from socket import SHUT_WR
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from pytest_django import Settings
from standardwebhooks import Webhook

from eventshop.web.shared.errors import IncompleteBody
from eventshop.web.shared.whole_body import WholeBody
from orders.models import GatewayMessage
from tests.support.api_clients import token_of
from tests.support.browser import serve
from tests.support.customers import sign_up
from tests.support.gateway_process import SECRET
from tests.support.waiting import DEADLINE_S
from tests.support.web_server import gunicorn

pytestmark = pytest.mark.usefixtures("clean_database")

CSRF_TOKEN = "c" * 32


@pytest.fixture
def address(clean_database: None) -> Iterator[str]:
    with serve() as address:
        yield address


def post(url: str, body: bytes, headers: Mapping[str, str], *, missing: int = 0) -> tuple[int, bytes]:
    """Post all but the last `missing` bytes of a body, and end the connection there; gives the status and the body."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=DEADLINE_S)
    connection.putrequest("POST", parts.path)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body[: len(body) - missing])
    connection.sock.shutdown(SHUT_WR)  # as if the sender were dead, except that the response can be read
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def test_part_of_a_webhook_is_not_taken_for_a_forgery(address: str, settings: Settings) -> None:
    settings.PAYMENT_GATEWAY_SECRET = SECRET
    data = {"key": str(uuid4()), "kind": "charge", "reference": "ch_1", "amount": 900, "currency": "GBP"}
    text = json.dumps({"type": "charge.succeeded", "data": {**data, "status": "succeeded", "reason": ""}})
    now = datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", now, text),
    }
    for missing in (1, len(text) // 2, len(text)):
        status, _ = post(f"{address}/payments/notices", text.encode(), headers, missing=missing)
        assert status == 400
    assert not GatewayMessage.objects.exists()
    status, _ = post(f"{address}/payments/notices", text.encode(), headers)
    assert status == 404 and GatewayMessage.objects.get().code == "unknown-payment"


def test_part_of_a_form_is_not_taken_for_another_quantity(database_url: str, tmp_path: Path) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={CSRF_TOKEN}"}
    body = f"csrfmiddlewaretoken={CSRF_TOKEN}&quantity=12".encode()
    with gunicorn(database_url, tmp_path) as server:
        assert post(f"{server.address}/basket/MUG/", body, headers, missing=1)[0] == 400
        assert post(f"{server.address}/basket/MUG/", body, headers)[0] == 302


@pytest.mark.parametrize("signed_in", [True, False])
def test_part_of_an_api_request_is_a_problem_of_its_own(address: str, signed_in: bool) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "once"}
    if signed_in:
        headers["Authorization"] = f"Bearer {token_of(sign_up())}"
    status, answer = post(f"{address}/api/v1/orders", b'{"lines": []}', headers, missing=3)
    assert (status, json.loads(answer)["code"]) == ((400, "incomplete-body") if signed_in else (401, "not-signed-in"))


def test_a_body_is_read_to_its_end_however_small_its_parts_are() -> None:
    class OneByteAtATime(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(1, size or 0))

    assert WholeBody(OneByteAtATime(b"whole")).read(5) == b"whole"
    lines = WholeBody(BytesIO(b"one\ntwo"))
    assert (lines.readline(7), lines.readline(3)) == (b"one\n", b"two")


def test_a_connection_that_breaks_has_sent_no_body() -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError

    with pytest.raises(IncompleteBody):
        WholeBody(Broken()).read(1)
    with pytest.raises(IncompleteBody):
        WholeBody(BytesIO(b"half a li")).readline(20)
