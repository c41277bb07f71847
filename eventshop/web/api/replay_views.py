"""Checks of rows, dry runs, point-in-time queries and rows published again, as REST resources of operators."""

from __future__ import annotations

from typing import ClassVar, Final

from msgspec import Struct

from eventshop.operations import row_operations
from eventshop.operations.topic_operations import republish
from eventshop.projections import replays
from eventshop.projections.models import Replay
from eventshop.projections.projection import projection_registry
from eventshop.projections.republish_rows import count_rows
from eventshop.web.api.base_view import require_login
from eventshop.web.api.operations_schemas import (
    NewPointInTimeQuery,
    NewRowCheck,
    OperatorReason,
    ReplayState,
    Republication,
)
from eventshop.web.api.operations_views import ActionView, RequestView, RowView, find_row
from eventshop.web.shared.errors import NotAllowed

_ENGINE: Final = "projection_engine."


class _ReplayRequest(RequestView):
    right = f"{_ENGINE}replay_projection"
    state = ReplayState
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"POST": ReplayState}


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


class ReplayResource(RowView):
    """One check, repair, dry run or point-in-time query."""

    right = f"{_ENGINE}view_replay"
    model, state = Replay, ReplayState
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": ReplayState}


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
