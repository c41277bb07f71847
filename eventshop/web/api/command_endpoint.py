"""Executes the command of an API request and returns its receipt as the response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import User as Login
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.errors import CommandIdReused
from eventshop.core.messages import Command, Envelope, Event
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.event_store import store
from eventshop.operations.staff_actors import staff_actor
from eventshop.web.api import idempotency
from eventshop.web.api.base_view import require_login
from eventshop.web.api.etag import etag, expected_version
from eventshop.web.shared import customer_port, read_your_writes

CHANNEL: Final = {"channel": "api"}
CREATED: Final = 201
ACCEPTED: Final = 202


def actor_of(login: Login) -> str:
    """The actor of a command: the staff actor of staff, who may be customers as well; otherwise the person's id."""
    if login.is_staff:
        return staff_actor(login)
    person_id = customer_port.current_adapter().person_of(login)
    return str(person_id) if person_id else login.get_username()


def send_command(command: Command, *, command_id: UUID, actor: str, expected_version: int | None = None) -> Receipt:
    """Dispatch the command on the channel `api`. Raises what `command_dispatcher.send` raises."""
    envelope = Envelope(command_id=command_id, actor=actor, metadata=CHANNEL)
    return command_dispatcher.send(command, envelope=envelope, expected_version=expected_version)


def execute_command(
    request: Request,
    build: Callable[[UUID, Event | None], Command],
    *,
    status: int = 200,
    location: str = "",
    needs_version: bool = True,
) -> Response:
    """Build the command of a request and dispatch it once per `Idempotency-Key`.

    `build` makes the command from its id. If the key was used before, `build` is called again with the first event of
    the earlier command: it takes times and addresses from that event, so that the same request gives the same command.
    Raises what `send_command`, `command_id_from` and `expected_version` raise.
    """
    command_id, expected = idempotency.command_id_from(request), expected_version(request, required=needs_version)
    actor = actor_of(require_login(request))
    with idempotency.command_lock(command_id):
        try:
            receipt = send_command(
                build(command_id, None), command_id=command_id, actor=actor, expected_version=expected
            )
        except CommandIdReused:
            earlier_events = store.events_of_command(command_id)
            if not earlier_events:
                raise
            same_command = build(command_id, earlier_events[0].event)
            receipt = send_command(same_command, command_id=command_id, actor=actor, expected_version=expected)
    return receipt_response(request, receipt, status=status, location=location)


def receipt_response(request: Request, receipt: Receipt, *, status: int, location: str = "") -> Response:
    """The receipt as a response. A replayed command gets the same body, and the header `Idempotency-Replayed`.

    With status 202 a saga decides the outcome, and `Location` is the status resource. A client that creates something
    may prefer this to the URL of the new resource: `Prefer: respond-async` (RFC 7240).
    """
    prefers_async = status == CREATED and "respond-async" in request.headers.get("Prefer", "")
    status = ACCEPTED if prefers_async else status
    body: dict[str, Any] = {
        "command_id": receipt.command_id,
        "aggregate_id": receipt.aggregate_id,
        "aggregate_type": receipt.aggregate_type,
        "version": receipt.version,
        "events": receipt.events,
        "position": receipt.position,
    }
    response = Response(body, status=status)
    response["ETag"] = etag(receipt.version)
    if receipt.position:
        response["Consistency-Token"] = read_your_writes.consistency_token(receipt)
    if receipt.replayed:
        response["Idempotency-Replayed"] = "true"
    status_url = request.build_absolute_uri(reverse("web:command", args=[receipt.command_id]))
    if status == ACCEPTED:
        response["Location"] = status_url
    elif location:
        response["Location"] = request.build_absolute_uri(location)
    response["Link"] = f'<{status_url}>; rel="status"'
    if prefers_async:
        response["Preference-Applied"] = "respond-async"
    return response
