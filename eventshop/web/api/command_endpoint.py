"""From a request to a command and its receipt as an answer."""

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
from eventshop.eventstore.command_dispatcher import Receipt
from eventshop.eventstore.event_store import store
from eventshop.web.api import idempotency
from eventshop.web.api.base_view import require_login
from eventshop.web.api.etag import etag, expected_version
from eventshop.web.shared import customer_port, read_your_writes

CHANNEL: Final = {"channel": "api"}
CREATED: Final = 201
ACCEPTED: Final = 202


def actor_of(login: Login) -> str:
    """Who a command is from: a customer by their id, staff by their name."""
    person_id = customer_port.current_adapter().person_of(login)
    return str(person_id) if person_id else login.get_username()


def send_command(command: Command, *, command_id: UUID, actor: str, expected_version: int | None = None) -> Receipt:
    """Raises what `dispatch.send` raises."""
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
    """Send the command that a request is, once.

    `command` makes it from its id. If the same key was used before, it is made again with the event that came of it
    then: a moment or an address that entered the first time is taken from there, so that the same request is the same
    command. Raises what `send`, `command_id` and `expected_version` raise.
    """
    command_id, expected = idempotency.command_id_from(request), expected_version(request, required=needs_version)
    actor = actor_of(require_login(request))
    with idempotency.command_lock(command_id):
        try:
            receipt = send_command(build(command_id, None), command_id=command_id, actor=actor, expected_version=expected)
        except CommandIdReused:
            earlier_events = store.events_of_command(command_id)
            if not earlier_events:
                raise
            same_command = build(command_id, earlier_events[0].event)
            receipt = send_command(same_command, command_id=command_id, actor=actor, expected_version=expected)
    return receipt_response(request, receipt, status=status, location=location)


def receipt_response(request: Request, receipt: Receipt, *, status: int, location: str = "") -> Response:
    """The receipt; the same each time the command is sent, but for the header that says so.

    With status 202 a process decides what becomes of it, and `Location` is where to ask. A program that creates
    something may prefer that to the address of what it made: `Prefer: respond-async` (RFC 7240).
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
