"""What operators do, as REST resources: projections, rebuilds, dead letters. The operator log records each action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec
from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.messaging.event_log_factory import create_event_log
from eventshop.operations import dead_letter_operations, projection_operations, rebuild_operations
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.rebuild_operations import VERBS, Order, control_rebuild
from eventshop.operations.rights import Audience, Rights
from eventshop.operations.staff_actors import staff_actor
from eventshop.projections.lag import list_statuses, sum_by_projection
from eventshop.projections.models import Rebuild
from eventshop.projections.projection import projection_registry
from eventshop.web.api.base_view import ApiView, require_login, require_permission
from eventshop.web.api.operations_schemas import (
    ActionResult,
    LetterAction,
    NewRebuild,
    OperatorReason,
    ProjectionState,
    ProjectionStates,
    RebuildState,
    RebuildStates,
)
from eventshop.web.api.pagination import refuse_unknown_parameters
from eventshop.web.api.request_parsing import parse_body
from eventshop.web.shared.errors import NotFound

_SCOPES: Final = {"GET": "operations:read", "POST": "operations:write"}
_ENGINE: Final = "projection_engine."
#: Rebuilds in the list, the newest first.
_LISTED: Final = 100


class OperationsView(ApiView):
    """Base of the views of operators."""

    access = NotLogged("the state of projections and rebuilds")
    scopes: ClassVar[dict[str, str]] = _SCOPES
    # Not commands of an aggregate: what was done already is refused, or is "so already".
    idempotency_key_methods: ClassVar[tuple[str, ...]] = ()
    needs_version: ClassVar[bool] = False


class Projections(OperationsView):
    """Every projection with its lag."""

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.NOBODY, (f"{_ENGINE}view_checkpoint",))}
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": ProjectionStates}

    def get(self, request: Request) -> Response:
        """List the projections."""
        require_permission(request, f"{_ENGINE}view_checkpoint")
        refuse_unknown_parameters(request, ())
        statuses = sum_by_projection(list_statuses(projection_registry.select([]), create_event_log()))
        names = ProjectionState.__struct_fields__
        return Response({"results": [{name: getattr(status, name) for name in names} for status in statuses]})


class _PauseView(OperationsView):
    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.NOBODY, (f"{_ENGINE}pause_projection",))}
    body: ClassVar[type[Struct]] = OperatorReason
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"POST": ActionResult}
    paused: ClassVar[bool]

    def post(self, request: Request, name: str) -> Response:
        require_permission(request, f"{_ENGINE}pause_projection")
        body = parse_body(request, OperatorReason)
        changed = projection_operations.set_paused(
            name, paused=self.paused, actor=staff_actor(require_login(request)), reason=body.reason
        )
        return Response({"result": "done" if changed else "it was so already"})


class ProjectionPause(_PauseView):
    """Pause a projection: its workers leave it alone within seconds, and events wait."""

    paused = True


class ProjectionResumption(_PauseView):
    """Resume a paused projection."""

    paused = False


class ProjectionRebuilds(OperationsView):
    """Request a rebuild of a projection, or a reset."""

    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.NOBODY, (f"{_ENGINE}rebuild_projection",))}
    body: ClassVar[type[Struct]] = NewRebuild
    status = 201
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"POST": RebuildState}

    def post(self, request: Request, name: str) -> Response:
        """A worker starts it. The open rebuild is returned if there is one already."""
        require_permission(request, f"{_ENGINE}rebuild_projection")
        body = parse_body(request, NewRebuild)
        order = Order(staff_actor(require_login(request)), body.reason, body.events_per_s)
        job = rebuild_operations.request(name, order, by_hand=body.by_hand, up_to=body.up_to)
        url = request.build_absolute_uri(reverse("web:operations-rebuild", args=[job.pk]))
        return Response(_rebuild_state(job), status=201, headers={"Location": url})


class Rebuilds(OperationsView):
    """The newest rebuilds."""

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.NOBODY, (f"{_ENGINE}view_rebuild",))}
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": RebuildStates}

    def get(self, request: Request) -> Response:
        """List rebuilds, the newest first."""
        require_permission(request, f"{_ENGINE}view_rebuild")
        refuse_unknown_parameters(request, ())
        return Response({"results": [_rebuild_state(job) for job in Rebuild.objects.order_by("-pk")[:_LISTED]]})


class RebuildResource(OperationsView):
    """One rebuild."""

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.NOBODY, (f"{_ENGINE}view_rebuild",))}
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": RebuildState}

    def get(self, request: Request, rebuild_id: int) -> Response:
        """Poll its progress."""
        require_permission(request, f"{_ENGINE}view_rebuild")
        refuse_unknown_parameters(request, ())
        return Response(_rebuild_state(_find(rebuild_id)))


class RebuildAction(OperationsView):
    """Pause, resume, throttle, cancel, switch or undo a rebuild."""

    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.NOBODY, (f"{_ENGINE}rebuild_projection",))}
    body: ClassVar[type[Struct]] = OperatorReason
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"POST": RebuildState}

    def post(self, request: Request, rebuild_id: int, verb: str) -> Response:
        """`undo` requests another rebuild, which names this one in `undoes`."""
        require_permission(request, f"{_ENGINE}rebuild_projection")
        if verb not in VERBS:
            raise NotFound
        body, job = parse_body(request, OperatorReason), _find(rebuild_id)
        control_rebuild(verb, job, Order(staff_actor(require_login(request)), body.reason, body.events_per_s))
        return Response(_rebuild_state(_find(rebuild_id)))


class _DeadLetterView(OperationsView):
    body: ClassVar[type[Struct]] = LetterAction
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"POST": ActionResult}

    def post(self, request: Request, name: str, event_id: UUID) -> Response:
        require_permission(request, self.rights["POST"].staff[0])
        body = parse_body(request, LetterAction)
        return Response({"result": self.act(name, event_id, body, staff_actor(require_login(request)))})

    def act(self, name: str, event_id: UUID, body: LetterAction, actor: str) -> str:
        """Do it; returns what became of it."""
        raise NotImplementedError


class DeadLetterRetry(_DeadLetterView):
    """Retry the queue of a dead letter."""

    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.NOBODY, (f"{_ENGINE}retry_dead_letters",))}

    def act(self, name: str, event_id: UUID, body: LetterAction, actor: str) -> str:
        found = projection_operations.retry_dead_letter(name, event_id, actor=actor)
        return f"{found.folded} folded, {found.remaining} remain"


class DeadLetterSkip(_DeadLetterView):
    """Skip a dead letter: the projection leaves the event out."""

    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.NOBODY, (f"{_ENGINE}skip_dead_letters",))}

    def act(self, name: str, event_id: UUID, body: LetterAction, actor: str) -> str:
        projection_operations.skip_dead_letter(name, event_id, actor=actor, reason=body.reason)
        return "skipped"


class DeadLetterCorrection(_DeadLetterView):
    """Correct a dead letter: those of `fields` that differ are what the projection reads from now on."""

    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.NOBODY, (f"{_ENGINE}correct_dead_letters",))}

    def act(self, name: str, event_id: UUID, body: LetterAction, actor: str) -> str:
        row = dead_letter_operations.correct(name, event_id, body.fields, actor=actor, reason=body.reason)
        return "holds" if row.approved_at else "waits for a second person"


def _find(rebuild_id: int) -> Rebuild:
    job = Rebuild.objects.filter(pk=rebuild_id).first()
    if job is None:
        raise NotFound
    return job


def _rebuild_state(job: Rebuild) -> Any:
    values = {name: getattr(job, name) for name in RebuildState.__struct_fields__ if name not in ("id", "undoes")}
    return msgspec.to_builtins(RebuildState(id=job.pk, undoes=job.undoes_id, **values))
