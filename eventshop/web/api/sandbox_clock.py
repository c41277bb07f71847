"""The test clock of a sandbox: a customer puts it forward, and what waits for a time happens to them now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Instant
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.rights import Audience, Rights
from eventshop.runtime.database_clock import database_now
from eventshop.sagas.models import Saga, Timer
from eventshop.sagas.timers import bring_forward
from eventshop.web.api import request_parsing
from eventshop.web.api.base_view import ApiView, require_login
from eventshop.web.api.own_events import own_streams
from eventshop.web.api.pagination import refuse_unknown_parameters
from eventshop.web.models import SandboxClock
from eventshop.web.shared import customer_port
from eventshop.web.shared.errors import InvalidBody, NotAllowed, NotFound

#: How far a clock can be ahead.
MAX_AHEAD: Final = timedelta(days=10 * 365)
#: Waiting timers that are listed, the next ones.
MAX_LISTED: Final = 100


class ClockSetting(Struct, frozen=True, forbid_unknown_fields=True):
    """The time that the clock is put forward to."""

    example: ClassVar[dict[str, Any]] = {"now": "2026-03-01T12:00:00Z"}

    now: Instant


class ClockTimer(Struct, frozen=True):
    """What waits for a time: its name, the process that set it, the aggregate it is about, and when it is due."""

    name: str
    process: str
    aggregate_id: UUID
    due_at: Instant


class ClockState(Struct, frozen=True):
    """A customer's clock. `fired` are the timers that became due by putting it forward, `waiting` the next ones."""

    example: ClassVar[dict[str, Any]] = {
        "now": "2026-03-01T12:00:00Z",
        "ahead_s": 2592000,
        "fired": [
            {
                "name": "return-window",
                "process": "return-window",
                "aggregate_id": "5a4f1f9e-1d0b-5c3e-8a7f-9b6c5d4e3f2a",
                "due_at": "2026-02-28T09:30:00Z",
            }
        ],
        "waiting": [],
    }

    now: Instant
    ahead_s: int
    fired: list[ClockTimer]
    waiting: list[ClockTimer]


class Clock(ApiView):
    """Your clock in a sandbox (`TEST_CLOCKS=on`); elsewhere there is none."""

    access = NotLogged("what waits for a time")
    scopes: ClassVar[dict[str, str]] = {"GET": "orders:read", "PUT": "orders:write"}
    rights: ClassVar[Mapping[str, Rights]] = {method: Rights(Audience.CUSTOMERS) for method in ("GET", "PUT")}
    body: ClassVar[type[Struct]] = ClockSetting
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": ClockState, "PUT": ClockState}
    idempotency_key_methods: ClassVar[tuple[str, ...]] = ()
    needs_version = False
    can_be_batched = False

    def get(self, request: Request) -> Response:
        """The time by your clock, and what waits for a time."""
        refuse_unknown_parameters(request, ())
        person = _person(request)
        return _response(person, _ahead(person), ())

    def put(self, request: Request) -> Response:
        """Put your clock forward: what is due by then happens now, in this order. It never goes back.

        A time that it has reached already changes nothing, so that the request can be repeated.
        """
        person = _person(request)
        wanted = request_parsing.parse_body(request, ClockSetting).now
        with transaction.atomic():
            clock, _ = SandboxClock.objects.select_for_update().get_or_create(person=person)
            by = wanted - (database_now() + clock.ahead)
            if clock.ahead + by > MAX_AHEAD:
                detail = f"is more than {MAX_AHEAD.days} days ahead"
                raise InvalidBody(detail, locations=[{"pointer": "/now", "detail": detail}])
            before, fired = clock.ahead, list[Timer]()
            if by > timedelta():
                due_at = dict(_waiting(person).values_list("pk", "due_at"))
                fired = bring_forward(_sagas_of(person), by)
                for timer in fired:
                    timer.due_at = due_at.get(timer.pk, timer.due_at) + before
                clock.ahead += by
                clock.save(update_fields=["ahead"])
        return _response(person, clock.ahead, fired)


def _person(request: Request) -> UUID:
    if not settings.TEST_CLOCKS:
        raise NotFound("This shop is no sandbox: it has no test clocks")
    person = customer_port.current_adapter().person_of(require_login(request))
    if person is None:
        raise NotAllowed
    return person


def _ahead(person: UUID) -> timedelta:
    return SandboxClock.objects.filter(person=person).values_list("ahead", flat=True).first() or timedelta()


def _sagas_of(person: UUID) -> QuerySet[Saga]:
    return Saga.objects.filter(subject_id__in=[person, *own_streams.get()(person, 0, 0).streams])


def _waiting(person: UUID) -> QuerySet[Timer]:
    sagas = _sagas_of(person).values("saga_id")
    return Timer.objects.filter(fired_at=None, saga_id__in=sagas).order_by("due_at", "pk")


def _response(person: UUID, ahead: timedelta, fired: Iterable[Timer]) -> Response:
    done = {timer.pk for timer in fired}
    waiting = [timer for timer in _waiting(person)[: MAX_LISTED + len(done)] if timer.pk not in done][:MAX_LISTED]
    for timer in waiting:
        timer.due_at += ahead
    state = ClockState(database_now() + ahead, round(ahead.total_seconds()), _describe(list(fired)), _describe(waiting))
    return Response(msgspec.to_builtins(state))


def _describe(timers: list[Timer]) -> list[ClockTimer]:
    sagas = Saga.objects.in_bulk([timer.saga_id for timer in timers if timer.saga_id])
    return [
        ClockTimer(timer.name, saga.kind, saga.subject_id, timer.due_at)
        for timer in timers
        if timer.saga_id and (saga := sagas[timer.saga_id])
    ]
