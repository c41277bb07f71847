"""HTTP clients for a web server on this machine: at full speed, at a steady pace, or with pages left open."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from itertools import cycle
from statistics import median
from threading import Lock, local
from time import perf_counter, sleep
from urllib.parse import urlsplit
from uuid import uuid4

from benchmarks.measurement_process import measure_rate

_thread_state = local()


def _send_request(address: str, method: str, path: str, headers: dict[str, str], body: str = "") -> int:
    """Send a request over this thread's keep-alive connection; return the status."""
    connections: dict[str, HTTPConnection] = _thread_state.__dict__.setdefault("connections", {})
    connection = connections.setdefault(address, HTTPConnection(urlsplit(address).netloc, timeout=30))
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
    except ConnectionError:  # The server closed the connection, which was idle between two turns.
        connection.close()
        connection.request(method, path, body, headers)
        response = connection.getresponse()
    response.read()
    return response.status


def post_commands(
    *, address: str, path: str, authorization: str, body: str, threads: int, seconds: float
) -> dict[str, float]:
    """Commands per second, each with its own Idempotency-Key."""
    headers = {"Authorization": authorization, "Content-Type": "application/json"}

    def once() -> None:
        status = _send_request(address, "POST", path, headers | {"Idempotency-Key": uuid4().hex}, body)
        if status != 201:
            raise SystemExit(f"{path} answered {status}")

    return measure_rate(once, per_call=1, threads=threads, seconds=seconds)


def read_paths(*, address: str, paths: list[str], authorization: str, pace: int, seconds: float) -> dict[str, float]:
    """Milliseconds from the due time of a request to the end of its response, at `pace` requests per second.

    `slowest` is the highest median of a path.
    """
    headers, taken, lock = {"Authorization": authorization}, list[tuple[str, float]](), Lock()

    def once(path: str, due_at: float) -> None:
        status = _send_request(address, "GET", path, headers)
        with lock:
            taken.append((path, (perf_counter() - due_at) * 1_000))
        if status != 200:
            raise SystemExit(f"{path} answered {status}")

    started, futures, all_paths = perf_counter(), [], cycle(paths)
    with ThreadPoolExecutor(16) as pool:
        for number in range(int(pace * seconds)):
            due_at = started + number / pace
            sleep(max(0.0, due_at - perf_counter()))
            futures.append(pool.submit(once, next(all_paths), due_at))
        for future in futures:
            future.result()
    pace_kept, counted = len(taken) / (perf_counter() - started), taken[pace:]  # The first second is warm-up.
    sorted_ms = sorted(ms for _, ms in counted)
    slowest = max(median(ms for requested, ms in counted if requested == path) for path in paths)
    return {
        "p50": median(sorted_ms),
        "p99": sorted_ms[int(len(sorted_ms) * 0.99)],
        "slowest": slowest,
        "pace": pace_kept,
    }


@contextmanager
def open_pages(address: str, pages: list[tuple[str, str]]) -> Iterator[None]:
    """Hold live page streams open without reading them, like background tabs; `pages` are pairs of path and session."""
    with ExitStack() as stack:
        url = urlsplit(address)
        for path, session in pages:
            sock = stack.enter_context(socket.create_connection((url.hostname or "", url.port or 80), timeout=30))
            lines = [f"GET {path} HTTP/1.1", f"Host: {url.netloc}", f"Cookie: sessionid={session}"]
            sock.sendall("\r\n".join([*lines, "Accept: text/event-stream", "", ""]).encode())
            response = sock.recv(4_096)
            if b" 200 OK" not in response:
                raise SystemExit(f"{path} answered {response[:40]!r}")
        yield


def prepare_shop(*, customers: int) -> dict[str, str]:
    """Create a product, and customers with a session and an order each.

    Returns the session of each live page path, and the API tokens of a customer and of staff.
    """
    from datetime import timedelta
    from decimal import Decimal
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User

    from eventshop.core.deterministic_ids import derive_id
    from eventshop.core.messages import new_id
    from eventshop.core.money import Money
    from eventshop.eventstore.command_dispatcher import send
    from eventshop.web.api import api_tokens
    from eventshop.web.api.token_permissions import SCOPES
    from orders.domain.commands import CreateOrder
    from orders.domain.events import Line
    from orders.models import Product
    from users.application.accounts import sign_up

    Product.objects.create(sku="MUG", name="Stoneware mug, oat", price=Decimal("12.50"))
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    sessions = import_module(settings.SESSION_ENGINE)
    access: dict[str, str] = {}
    for number in range(customers):
        person = derive_id("person", form := new_id())
        login = sign_up(form_id=form, email=f"p{number}@example.org", name="Ada Marker", password="three lanterns")  # noqa: S106
        order, line = new_id(), Line("MUG", "Mug", 1, Money(Decimal("12.50"), "GBP"))
        send(CreateOrder(order, f"W-{number}", person, (line,)))
        session = sessions.SessionStore()
        session.update(
            {
                SESSION_KEY: str(login.pk),
                BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                HASH_SESSION_KEY: login.get_session_auth_hash(),
            }
        )
        session.save()
        access[f"/live/order/{order}/?after=1"] = session.session_key
        access["customer"] = api_tokens.create_token(login, name="bench", scopes=SCOPES, lifetime=timedelta(days=1))[1]
    boss = User.objects.create_superuser("boss")
    access["staff"] = api_tokens.create_token(boss, name="bench", scopes=SCOPES, lifetime=timedelta(days=1))[1]
    return access


ORDER = json.dumps(
    {
        "lines": [{"sku": "MUG", "quantity": 2, "price": {"amount": "12.50", "currency": "GBP"}}],
        "delivery": {"name": "Ada Marker", "address": "1 Garden Street\nYork"},
    }
)
PLAIN_ORDER = json.dumps(
    {
        "sku": "MUG",
        "quantity": 2,
        "price": "12.50",
        "currency": "GBP",
        "name": "Ada Marker",
        "address": "1 Garden Street\nYork",
    }
)
