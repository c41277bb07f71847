"""The status resource of a command: how a client learns the outcome of a command that started a saga."""

from __future__ import annotations

from collections.abc import Mapping
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
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api.base_view import VIEW_EVENTS, ApiView, require_login
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
from eventshop.web.api.token_permissions import require_scope
from eventshop.web.shared import read_your_writes
from eventshop.web.shared.errors import NotFound

_POLL_INTERVAL_S: Final = 0.05


class CommandStatus(ApiView):
    """The outcome of a command, for its sender and for staff who may read events.

    Poll until `state` is no longer `running`; with `Prefer: wait=10` the request waits for that. A token needs no
    scope for a command that its owner sent, and the scope to read events for one of others. Personal values, such as
    a reason that somebody wrote, only the sender sees.
    """

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.OWNER, (VIEW_EVENTS,))}
    access = Logged(Kind.RECEIPTS)
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": CommandOutcome}
    waits = True

    def get(self, request: Request, command_id: UUID) -> Response:
        refuse_unknown_parameters(request, ())
        receipt = find_receipt(command_id)
        if receipt is None or not _may_see(request, receipt):
            raise NotFound
        timeout_s = read_your_writes.preferred_wait_s(request.headers)
        outcome = _wait_for_outcome(request, receipt, timeout_s, personal=_is_sender(request, receipt))
        response = Response(msgspec.to_builtins(outcome))
        if outcome.state is OutcomeState.RUNNING:
            response["Retry-After"] = "1"
        return response


def _is_sender(request: Request, receipt: ReceiptRow) -> bool:
    return receipt.actor == actor_of(require_login(request))


def _may_see(request: Request, receipt: ReceiptRow) -> bool:
    if _is_sender(request, receipt):
        return True
    if not require_login(request).has_perm(VIEW_EVENTS):
        return False
    require_scope(request, "events:read")
    return True


def _wait_for_outcome(request: Request, receipt: ReceiptRow, timeout_s: float, *, personal: bool) -> CommandOutcome:
    terminal = terminal_events_of(receipt)
    resource = request.build_absolute_uri(reverse(terminal.url_name, args=[receipt.aggregate_id])) if terminal else None
    outcome, deadline = read_outcome(receipt, resource, personal=personal), monotonic() + timeout_s
    if timeout_s <= 0:
        return outcome
    with wait_slot() as has_slot:
        while has_slot and outcome.state is OutcomeState.RUNNING and monotonic() < deadline:
            sleep(_POLL_INTERVAL_S)
            outcome = read_outcome(receipt, resource, personal=personal)
    return outcome
