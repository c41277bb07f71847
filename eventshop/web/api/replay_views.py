"""Checks of rows, dry runs, point-in-time queries and rows published again, as REST resources of operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.operations import row_operations
from eventshop.operations.rights import Audience, Rights
from eventshop.operations.topic_operations import republish
from eventshop.projections import replays
from eventshop.projections.models import Replay
from eventshop.projections.projection import projection_registry
from eventshop.projections.republish_rows import count_rows
from eventshop.web.api.base_view import require_login, require_permission
from eventshop.web.api.operations_schemas import (
    NewPointInTimeQuery,
    NewRowCheck,
    OperatorReason,
    ReplayState,
    Republication,
)
from eventshop.web.api.operations_views import ActionView, OperationsView, fields_of, find_row
from eventshop.web.api.pagination import refuse_unknown_parameters
from eventshop.web.shared.errors import NotAllowed

_ENGINE: Final = "projection_engine."


class _ReplayRequest(ActionView):
    right = f"{_ENGINE}replay_projection"
    status = 201
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"POST": ReplayState}

    def answer(self, request: Request, result: Replay) -> Response:
        return Response(fields_of(result, ReplayState), status=201)


class RowChecks(_ReplayRequest):
    """Have one row, or the rows of a stream, compared with their events by a worker."""

    body = NewRowCheck

    def act(self, body: NewRowCheck, actor: str, *, name: str) -> Replay:
        """A repair needs the right to rebuild, too."""
        if body.repair and not require_login(self.request).has_perm(f"{_ENGINE}rebuild_projection"):
            raise NotAllowed
        return row_operations.request_row_check(
            name, key=body.key, stream=body.stream, repair=body.repair, actor=actor, reason=body.reason
        )


class DryRuns(_ReplayRequest):
    """Have today's code fold the events again: the numbers say what a rebuild would change."""

    def act(self, body: OperatorReason, actor: str, *, name: str) -> Replay:
        return replays.request_dry_run(name, requested_by=actor)


class PointInTimeQueries(_ReplayRequest):
    """Have a read model folded as it was. The rows are in the console, for those who may view them."""

    body = NewPointInTimeQuery

    def act(self, body: NewPointInTimeQuery, actor: str, *, name: str) -> Replay:
        return replays.request_as_of(name, body.at, happened=body.happened, key=body.key, requested_by=actor)


class ReplayResource(OperationsView):
    """One check, repair, dry run or point-in-time query."""

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.NOBODY, (f"{_ENGINE}view_replay",))}
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": ReplayState}

    def get(self, request: Request, replay_id: int) -> Response:
        """Poll its progress."""
        require_permission(request, f"{_ENGINE}view_replay")
        refuse_unknown_parameters(request, ())
        return Response(fields_of(find_row(Replay, pk=replay_id), ReplayState))


class ReplayCancellation(ActionView):
    """End one without a result."""

    right = f"{_ENGINE}replay_projection"

    def act(self, body: OperatorReason, actor: str, *, replay_id: int) -> str:
        row_operations.cancel_replay(find_row(Replay, pk=replay_id), actor=actor)
        return "cancelled"


class Republications(ActionView):
    """Publish rows of a read model once more on its topic, or with `dry_run` count them."""

    right = f"{_ENGINE}rebuild_projection"
    body = Republication

    def act(self, body: Republication, actor: str, *, name: str) -> str:
        if body.dry_run:
            return f"{count_rows(projection_registry.get(name), body.first, body.last):,} rows"
        number = republish(name, body.first, body.last, actor=actor, reason=body.reason)
        return f"{number:,} rows are in the outbox"
