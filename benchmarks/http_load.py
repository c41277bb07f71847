"""Clients of a web server on this machine: as fast as they can, or at a pace; and browsers that leave a page open."""

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

from benchmarks.child import rate_of

_of_thread = local()


def _asked(address: str, method: str, path: str, headers: dict[str, str], body: str = "") -> int:
    """Over a connection of this thread's own that stays open; gives the status."""
    connections: dict[str, HTTPConnection] = _of_thread.__dict__.setdefault("connections", {})
    http = connections.setdefault(address, HTTPConnection(urlsplit(address).netloc, timeout=30))
    try:
        http.request(method, path, body, headers)
        answer = http.getresponse()
    except ConnectionError:  # it was left alone between two turns for longer than the server keeps it
        http.close()
        http.request(method, path, body, headers)
        answer = http.getresponse()
    answer.read()
    return answer.status


def posts(*, address: str, path: str, authorization: str, body: str, threads: int, seconds: float) -> dict[str, float]:
    """Commands a second, each with a key of its own."""
    headers = {"Authorization": authorization, "Content-Type": "application/json"}

    def once() -> None:
        status = _asked(address, "POST", path, headers | {"Idempotency-Key": uuid4().hex}, body)
        if status != 201:
            raise SystemExit(f"{path} answered {status}")

    return rate_of(once, per_call=1, threads=threads, seconds=seconds)


def reads(*, address: str, paths: list[str], authorization: str, pace: int, seconds: float) -> dict[str, float]:
    """Milliseconds from when a request was due to the end of its answer, `pace` of them a second.

    `slowest` is the median of the path whose median is the highest: what a busy machine does meets all of them alike.
    """
    headers, took, lock = {"Authorization": authorization}, list[tuple[str, float]](), Lock()

    def once(path: str, due: float) -> None:
        status = _asked(address, "GET", path, headers)
        with lock:
            took.append((path, (perf_counter() - due) * 1_000))
        if status != 200:
            raise SystemExit(f"{path} answered {status}")

    began, due, all_paths = perf_counter(), [], cycle(paths)
    with ThreadPoolExecutor(16) as pool:
        for number in range(int(pace * seconds)):
            when = began + number / pace
            sleep(max(0.0, when - perf_counter()))
            due.append(pool.submit(once, next(all_paths), when))
        for one in due:
            one.result()
    kept, counted = len(took) / (perf_counter() - began), took[pace:]  # the first second warms up
    every = sorted(ms for _, ms in counted)
    slowest = max(median(ms for asked, ms in counted if asked == path) for path in paths)
    return {"p50": median(every), "p99": every[int(len(every) * 0.99)], "slowest": slowest, "pace": kept}


@contextmanager
def open_pages(address: str, pages: list[tuple[str, str]]) -> Iterator[None]:
    """Streams of live pages, path and session each, that nobody reads: as a browser in the background does."""
    with ExitStack() as stack:
        place = urlsplit(address)
        for path, session in pages:
            sock = stack.enter_context(socket.create_connection((place.hostname or "", place.port or 80), timeout=30))
            lines = [f"GET {path} HTTP/1.1", f"Host: {place.netloc}", f"Cookie: sessionid={session}"]
            sock.sendall("\r\n".join([*lines, "Accept: text/event-stream", "", ""]).encode())
            said = sock.recv(4_096)
            if b" 200 OK" not in said:
                raise SystemExit(f"{path} answered {said[:40]!r}")
        yield


def shop(*, customers: int) -> dict[str, str]:
    """A product on sale, and people with a token, a session and an order each. The last one's token is staff's."""
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
    found: dict[str, str] = {}
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
        found[f"/live/order/{order}/?after=1"] = session.session_key
        found["customer"] = api_tokens.create_token(login, name="bench", scopes=SCOPES, lifetime=timedelta(days=1))[1]
    boss = User.objects.create_superuser("boss")
    found["staff"] = api_tokens.create_token(boss, name="bench", scopes=SCOPES, lifetime=timedelta(days=1))[1]
    return found


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
