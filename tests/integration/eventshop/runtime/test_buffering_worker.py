"""Gunicorn with the worker that buffers requests: slow clients take no thread from others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import MSG_WAITALL, create_connection, socket
from urllib.parse import urlsplit

import pytest

from tests.support.waiting import DEADLINE_S
from tests.support.web_server import WebServer, gunicorn, is_healthy

pytestmark = pytest.mark.long(on="postgres")  # its server has a database that does not exist

HEAD = b"POST /account/sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
#: Many times the threads of the server.
CLIENTS = 500


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    folder: Path = tmp_path_factory.mktemp("server")
    with gunicorn("sqlite:///" + str(folder / "none.sqlite3"), folder) as running:
        yield running


@pytest.fixture
def connect(server: WebServer) -> Iterator[Callable[[], socket]]:
    parts = urlsplit(server.address)
    with ExitStack() as connections:
        yield lambda: connections.enter_context(create_connection((parts.hostname, parts.port), timeout=DEADLINE_S))


@pytest.mark.parametrize(
    "beginning",
    [b"GET / HTTP/1.1\r\nHost: local", HEAD + b"Content-Length: 9\r\n\r\na=", b""],
    ids=["head", "body", "none"],
)
def test_many_unfinished_requests_do_not_stop_health_checks(
    server: WebServer, connect: Callable[[], socket], beginning: bytes
) -> None:
    for _ in range(CLIENTS):
        connect().sendall(beginning)
    assert is_healthy(server.address)


def test_a_request_in_pieces_is_answered_once_it_is_whole(connect: Callable[[], socket]) -> None:
    client = connect()
    for piece in (GET[:7], GET[7:-2], GET[-2:]):
        client.sendall(piece)
    assert read_response(client).startswith(b"HTTP/1.1 200")


def test_two_requests_sent_together_get_two_answers(connect: Callable[[], socket]) -> None:
    client = connect()
    client.sendall(GET + GET[:20])
    first = read_response(client)
    client.sendall(GET[20:])
    assert first.startswith(b"HTTP/1.1 200") and read_response(client).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "rest",
    [b"Content-Length: 3\r\n\r\na=b", b"Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n"],
    ids=["length", "chunks"],
)
def test_a_body_arrives_by_its_length_or_in_chunks(connect: Callable[[], socket], rest: bytes) -> None:
    client = connect()
    client.sendall(HEAD + rest[:-4])
    client.sendall(rest[-4:])
    assert read_response(client).startswith(b"HTTP/1.1 403")  # it has no CSRF token


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(connect: Callable[[], socket]) -> None:
    client = connect()
    client.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")


def test_a_body_that_no_request_needs_is_refused_unread(connect: Callable[[], socket]) -> None:
    client = connect()
    client.sendall(HEAD + b"Content-Length: 99999999\r\n\r\n")
    assert client.recv(100).startswith(b"HTTP/1.1 413")
    assert client.recv(100) == b""


def test_a_connection_is_kept_after_a_body_that_nobody_read(connect: Callable[[], socket]) -> None:
    client = connect()
    client.sendall(HEAD + b"Content-Length: 400000\r\n\r\n" + bytes(400_000))
    assert b"Connection: keep-alive" in read_response(client)
    client.sendall(GET)
    assert read_response(client).startswith(b"HTTP/1.1 200")


def read_response(client: socket) -> bytes:
    """The next response: its head, and as much body as that declares."""
    response = b""
    while b"\r\n\r\n" not in response:
        response += client.recv(1) or b"\r\n\r\n"
    declared = re.search(rb"(?i)content-length: (\d+)", response)
    return response + client.recv(int(declared[1]) if declared else 0, MSG_WAITALL)
