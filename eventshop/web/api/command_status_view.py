"""What has become of a command: the status resource of those whose end a process decides."""

from __future__ import annotations

from time import monotonic, sleep
from typing import ClassVar, Final
from uuid import UUID

import msgspec
from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.eventstore.records import ReceiptRow
from eventshop.web.api.base_view import ApiView, signed_in
from eventshop.web.api.command_endpoint import actor
from eventshop.web.api.command_outcomes import Outcome, OutcomeState, ends_of, outcome, receipt_of
from eventshop.web.api.event_feed_views import waiting_place
from eventshop.web.api.pagination import refuse_unknown
from eventshop.web.shared import read_your_writes
from eventshop.web.shared.errors import NotFound

_PAUSE_S: Final = 0.05


class CommandStatus(ApiView):
    """What has become of a command, for whoever sent it, and for staff who may read events.

    Ask until `state` is no longer `running`; with `Prefer: wait=10` the answer waits for that. No scope is needed: it
    tells nothing but what came of something that the token's owner asked for.
    """

    answers: ClassVar[dict[str, type[Struct] | None]] = {"GET": Outcome}
    waits = True

    def get(self, request: Request, command_id: UUID) -> Response:
        refuse_unknown(request, ())
        receipt = receipt_of(command_id)
        if receipt is None or not _may_see(request, receipt):
            raise NotFound
        told = _waited(request, receipt, read_your_writes.prefers_wait(request.headers))
        response = Response(msgspec.to_builtins(told))
        if told.state is OutcomeState.RUNNING:
            response["Retry-After"] = "1"
        return response


def _may_see(request: Request, receipt: ReceiptRow) -> bool:
    login = signed_in(request)
    return receipt.actor == actor(login) or login.has_perm("store.view_storedevent")


def _waited(request: Request, receipt: ReceiptRow, patience_s: float) -> Outcome:
    ends = ends_of(receipt)
    resource = request.build_absolute_uri(reverse(ends.shown_at, args=[receipt.aggregate_id])) if ends else None
    told, until = outcome(receipt, resource), monotonic() + patience_s
    if patience_s <= 0:
        return told
    with waiting_place() as place:
        while place and told.state is OutcomeState.RUNNING and monotonic() < until:
            sleep(_PAUSE_S)
            told = outcome(receipt, resource)
    return told
