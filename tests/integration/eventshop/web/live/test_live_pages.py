"""Live pages over real HTTP, from gunicorn as it is deployed: immediate updates, resumption, limits, shutdown."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.contrib.auth.models import User as Login
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from eventshop.eventstore import command_dispatcher
from eventshop.web.api.api_tokens import revoke_tokens_of
from eventshop.web.live.connection_loop import (
    END_OF_STREAM,
    HEARTBEAT,
    MAX_PER_LOGIN,
    ConnectionLoop,
    LiveConnection,
    LoopTiming,
    encode_change,
)
from eventshop.web.live.subscriptions import LiveSource, stream_versions
from orders.application.customer_order import order_updates
from orders.domain.commands import CreateOrder, RecordObservedPayment, ShipOrder
from tests.support.api_clients import staff, token_of
from tests.support.customers import sign_in_customer
from tests.support.database import url_of_database
from tests.support.sales import Sale
from tests.support.staff import update_read_models
from tests.support.waiting import DEADLINE_S, wait_until
from tests.support.web_server import WebServer, gunicorn

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture(scope="module")
def server(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebServer]:
    with django_db_blocker.unblock(), gunicorn(url_of_database(), tmp_path_factory.mktemp("web")) as running:
        yield running


class Listener:
    """One page's stream, read as a browser reads it."""

    def __init__(self, server: WebServer, path: str, client: Client | None, **headers: str) -> None:
        self._http = HTTPConnection(urlsplit(server.address).netloc, timeout=DEADLINE_S)
        cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in (client.cookies if client else {}).items())
        self._http.request("GET", path, headers={"Accept": "text/event-stream", "Cookie": cookies, **headers})
        self.answer: HTTPResponse = self._http.getresponse()

    def event(self) -> dict[str, str]:
        """The fields of the next event, without comments and lone `retry` fields. Empty at the end of the stream."""
        fields: dict[str, str] = {}
        while line := self.answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name in ("id", "data", "event", "event:", "data:"):
                fields[name.rstrip(":")] = value
            elif not name and fields:
                return fields
        return {}

    def close(self) -> None:
        self.answer.close()
        self._http.close()


@pytest.fixture
def ada() -> tuple[Client, UUID]:
    return sign_in_customer()


def place_order(person: UUID, number: int = 1) -> Sale:
    sale = Sale(number, customer_id=person)
    command_dispatcher.send(CreateOrder(sale.order_id, sale.reference, person, sale.lines))
    return sale


def order_path(sale: Sale, after: int = 1) -> str:
    return f"/live/order/{sale.order_id}/?after={after}"


def test_what_happens_is_told_at_once_and_missed_events_after_coming_back(
    server: WebServer, ada: tuple[Client, UUID]
) -> None:
    sale = place_order(ada[1])
    with closing(Listener(server, order_path(sale), ada[0])) as page:
        assert (page.answer.status, page.answer.headers["Content-Type"]) == (200, "text/event-stream")
        assert "default-src 'self'" in page.answer.headers["Content-Security-Policy"]
        assert "no-store" in page.answer.headers["Cache-Control"]
        assert page.answer.headers["X-Request-ID"]
        command_dispatcher.send(RecordObservedPayment(sale.order_id, sale.total, "card"))
        assert page.event() == {"id": "2", "data": "2"}
    command_dispatcher.send(ShipOrder(sale.order_id, "Royal Mail", "RM1"))
    # The URL still has the first mark of the page; `Last-Event-ID` takes precedence.
    with closing(Listener(server, order_path(sale), ada[0], **{"Last-Event-ID": "2"})) as page:
        assert page.event() == {"id": "3", "data": "3"}


def test_a_list_follows_its_read_model(server: WebServer, ada: tuple[Client, UUID]) -> None:
    with closing(Listener(server, f"/live/my-orders/{ada[1]}/?after=0", ada[0])) as page:
        place_order(ada[1])
        update_read_models()
        assert page.event()["id"] == "1"


def test_open_pages_hold_no_thread_and_one_person_has_a_limit(server: WebServer) -> None:
    """Eight threads serve; twenty streams hold none of them."""
    people = [sign_in_customer(f"p{number}@example.org") for number in range(4)]
    with ExitStack() as stack:
        pages = list[Listener]()
        for number, (client, person) in enumerate(people, start=1):
            sale = place_order(person, number)
            pages += [
                stack.enter_context(open_listener(server, order_path(sale), client)) for _ in range(MAX_PER_LOGIN)
            ]
            refused = stack.enter_context(open_listener(server, order_path(sale), client))
            assert refused.answer.status == 204  # the browser does not reconnect; the page polls
        for number, (_, person) in enumerate(people, start=1):
            sale = Sale(number, customer_id=person)
            command_dispatcher.send(RecordObservedPayment(sale.order_id, sale.total, "card"))
        assert [page.event()["id"] for page in pages] == ["2"] * len(pages)
    wait_until(lambda: can_listen(server, people[0]), seen=server.log)  # those who left have made room


@contextmanager
def open_listener(server: WebServer, path: str, client: Client) -> Iterator[Listener]:
    with closing(Listener(server, path, client)) as listener:
        yield listener


def can_listen(server: WebServer, customer: tuple[Client, UUID]) -> bool:
    with open_listener(server, order_path(Sale(1, customer_id=customer[1])), customer[0]) as page:
        return page.answer.status == 200


def test_a_stream_is_for_whoever_may_see_the_page(server: WebServer, ada: tuple[Client, UUID]) -> None:
    sale, (bob, _) = place_order(ada[1]), sign_in_customer("bob@example.org", "Bob")
    nobodys = place_anonymous_order()
    for client, path, status in (
        (None, order_path(sale), 403),
        (bob, order_path(sale), 404),
        (bob, order_path(nobodys), 404),
        (bob, f"/live/my-orders/{ada[1]}/", 404),
        (ada[0], f"/live/nothing/{sale.order_id}/", 404),
    ):
        with closing(Listener(server, path, client)) as page:
            assert page.answer.status == status, path


def place_anonymous_order() -> Sale:
    sale = Sale(7, customer_id=None)
    command_dispatcher.send(CreateOrder(sale.order_id, sale.reference, None, sale.lines))
    return sale


def test_streams_end_cleanly_when_the_server_stops(ada: tuple[Client, UUID], database_url: str, tmp_path: Path) -> None:
    """They end by themselves: gunicorn would not cut them off for as long as a test may last."""
    sale = place_order(ada[1])
    with gunicorn(database_url, tmp_path) as server, closing(Listener(server, order_path(sale), ada[0])) as page:
        assert server.stop() == 0
        assert page.event() == {}
        assert "Error" not in server.log.read_text() and "Traceback" not in server.log.read_text()


# --- the thread itself -------------------------------------------------------------------------------------------


class OpenPage(NamedTuple):
    """The browser's end of a stream of this process."""

    sock: socket.socket
    live: LiveConnection

    def read(self) -> bytes:
        self.sock.settimeout(DEADLINE_S)
        return self.sock.recv(1_024)

    def next_event(self) -> bytes:
        """The next data that is not a heartbeat."""
        while read := self.read():
            if news := read.replace(HEARTBEAT, b""):
                return news
        return b""


@pytest.fixture
def pages() -> Iterator[Callable[..., OpenPage]]:
    """Open streams of a connection loop with short intervals, which does not end them before the test does."""
    streams = ConnectionLoop(LoopTiming(poll_s=0.02, heartbeat_s=0.2, session_check_s=0.05, lifetime_s=2 * DEADLINE_S))
    with ExitStack() as stack:

        def opened(client: Client, key: UUID, source: LiveSource = order_updates, mark: int = 1) -> OpenPage:
            ours, theirs = map(stack.enter_context, socket.socketpair())
            login = Login.objects.get(pk=client.session["_auth_user_id"])
            page = OpenPage(theirs, LiveConnection(ours, source, key, mark, login.pk, client.session.session_key or ""))
            assert streams.reserve(login.pk)
            streams.add(page.live)
            return page

        yield opened
        streams.stop()
        wait_until(lambda: streams.count == 0, seen=lambda: streams.count)  # it waits for the thread for 5 s at most


def test_all_pages_of_one_process_are_looked_after_by_one_statement(
    ada: tuple[Client, UUID], pages: Callable[..., OpenPage]
) -> None:
    key_counts = list[int]()

    def marks(keys: Collection[UUID]) -> Mapping[UUID, int]:
        key_counts.append(len(keys))
        with CaptureQueriesContext(connection) as statements:
            found = stream_versions(keys)
        assert len(statements) == 1
        return found

    source = LiveSource("counted", order_updates.is_allowed, marks)
    sales = [place_order(ada[1], number) for number in (1, 2)]
    opened = [pages(ada[0], sale.order_id, source) for sale in (*sales, *sales)]
    wait_until(lambda: 2 in key_counts, seen=lambda: key_counts)  # each poll reads both orders at once
    for sale in sales:
        command_dispatcher.send(RecordObservedPayment(sale.order_id, sale.total, "card"))
    assert [page.next_event() for page in opened] == [encode_change(2)] * 4
    assert max(key_counts) == 2


def test_a_stream_ends_with_its_session_and_with_its_login(
    ada: tuple[Client, UUID], pages: Callable[..., OpenPage]
) -> None:
    sale, (bob, person) = place_order(ada[1]), sign_in_customer("bob@example.org", "Bob")
    hers, his = pages(ada[0], sale.order_id), pages(bob, place_order(person, 2).order_id)
    ada[0].logout()
    assert (hers.next_event(), hers.next_event()) == (END_OF_STREAM, b"")
    assert his.read() == HEARTBEAT  # the other stream stays open
    Login.objects.filter(pk=his.live.login).update(is_active=False)
    assert (his.next_event(), his.next_event()) == (END_OF_STREAM, b"")


def test_a_stream_ends_with_the_password_and_with_the_right_to_read(
    ada: tuple[Client, UUID], pages: Callable[..., OpenPage]
) -> None:
    sale, (bob, person) = place_order(ada[1]), sign_in_customer("bob@example.org", "Bob")
    hers, his = pages(ada[0], sale.order_id), pages(bob, place_order(person, 2).order_id)
    login = Login.objects.get(pk=hers.live.login)
    login.set_password("changed by staff, who end no session")
    login.save()
    assert (hers.next_event(), hers.next_event()) == (END_OF_STREAM, b"")
    his.live.is_allowed = lambda login: login.has_perm("eventstore.view_storedevent")
    assert (his.next_event(), his.next_event()) == (END_OF_STREAM, b"")


def test_staff_follow_all_events_as_long_as_they_may(server: WebServer, ada: tuple[Client, UUID]) -> None:
    program = staff("integrator", "view_storedevent")
    headers = {"Authorization": f"Bearer {token_of(program)}"}
    place_order(ada[1])
    with closing(Listener(server, "/api/v1/events?types=OrderCreated", None, **headers)) as stream:
        assert stream.event()["event"] == "OrderCreated"
        program.user_permissions.clear()
        assert stream.event()["event"] == "over"


def test_nothing_runs_while_nobody_follows(ada: tuple[Client, UUID], pages: Callable[..., OpenPage]) -> None:
    """The thread ends, and its database connection with it."""
    page = pages(ada[0], place_order(ada[1]).order_id)
    assert "live pages" in {thread.name for thread in threading.enumerate()}
    page.sock.close()
    wait_until(lambda: "live pages" not in {thread.name for thread in threading.enumerate()}, seen=threading.enumerate)


def test_a_program_follows_its_events_and_resumes_where_it_stopped(server: WebServer, ada: tuple[Client, UUID]) -> None:
    login, path = Login.objects.get(), "/api/v1/events?types=OrderCreated"
    headers = {"Authorization": f"Bearer {token_of(login)}"}
    with closing(Listener(server, path, None, **headers)) as stream:
        assert (stream.answer.status, stream.answer.headers["Content-Type"]) == (200, "text/event-stream")
        first = place_order(ada[1])
        update_read_models()
        created = stream.event()
        assert (created["event"], json.loads(created["data"])["aggregate_id"]) == ("OrderCreated", str(first.order_id))
    second = place_order(ada[1], 2)
    update_read_models()
    with closing(Listener(server, path, None, **headers, **{"Last-Event-ID": created["id"]})) as stream:
        assert json.loads(stream.event()["data"])["aggregate_id"] == str(second.order_id)
        revoke_tokens_of(login)
        assert stream.event()["event"] == "over"
