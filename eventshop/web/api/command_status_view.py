"""The status resource of a command: how a client learns the outcome of a command that started a saga."""

from __future__ import annotations

from time import monotonic, sleep
from typing import ClassVar, Final
from uuid import UUID

import msgspec
from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.web.api.base_view import ApiView, require_login
from eventshop.web.api.command_endpoint import actor_of
from eventshop.web.api.command_outcomes import (
    CommandOutcome,
    OutcomeState,
    find_receipt,
    read_outcome,
    terminal_events_of,
)
from eventshop.web.api.event_feed_views import wait_slot
from eventshop.web.api.pagination import refuse_unknown_parameters
from eventshop.web.shared import read_your_writes
from eventshop.web.shared.errors import NotFound

_POLL_INTERVAL_S: Final = 0.05


class CommandStatus(ApiView):
    """The outcome of a command, for its sender and for staff who may read events.

    Poll until `state` is no longer `running`; with `Prefer: wait=10` the request waits for that. A token needs no
    scope: the response only describes a command that the token's owner sent.
    """

    access = Logged(Kind.RECEIPTS)
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": CommandOutcome}
    waits = True

    def get(self, request: Request, command_id: UUID) -> Response:
        refuse_unknown_parameters(request, ())
        receipt = find_receipt(command_id)
        if receipt is None or not _may_see(request, receipt):
            raise NotFound
        outcome = _wait_for_outcome(request, receipt, read_your_writes.preferred_wait_s(request.headers))
        response = Response(msgspec.to_builtins(outcome))
        if outcome.state is OutcomeState.RUNNING:
            response["Retry-After"] = "1"
        return response


def _may_see(request: Request, receipt: ReceiptRow) -> bool:
    login = require_login(request)
    return receipt.actor == actor_of(login) or login.has_perm("store.view_storedevent")


def _wait_for_outcome(request: Request, receipt: ReceiptRow, timeout_s: float) -> CommandOutcome:
    terminal = terminal_events_of(receipt)
    resource = request.build_absolute_uri(reverse(terminal.url_name, args=[receipt.aggregate_id])) if terminal else None
    outcome, deadline = read_outcome(receipt, resource), monotonic() + timeout_s
    if timeout_s <= 0:
        return outcome
    with wait_slot() as has_slot:
        while has_slot and outcome.state is OutcomeState.RUNNING and monotonic() < deadline:
            sleep(_POLL_INTERVAL_S)
            outcome = read_outcome(receipt, resource)
    return outcome
