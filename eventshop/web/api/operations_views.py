"""What operators do to projections and rebuilds, as REST resources. The operator log records each action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, TypeVar

import msgspec
from django.db.models import Model
from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.errors import InvalidMessage
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.operations import projection_operations, rebuild_operations
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

M = TypeVar("M", bound=Model)

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


class _ReadView(OperationsView):
    """A GET without parameters; `right` opens it."""

    right: ClassVar[str]

    @classmethod
    def rights_of(cls, method: str) -> Rights | None:
        """The one right."""
        return Rights(Audience.NOBODY, (cls.right,)) if method == "GET" else None

    def check(self, request: Request) -> None:
        """Refuse whoever lacks the right, and any parameter."""
        require_permission(request, self.right)
        refuse_unknown_parameters(request, ())


class ListView(_ReadView):
    """A GET of a list, which `results` reads."""

    def get(self, request: Request) -> Response:
        self.check(request)
        return Response({"results": self.results(request)})

    def results(self, request: Request) -> list[Any]:
        """The list."""
        raise NotImplementedError


class RowView(_ReadView):
    """A GET of one row of `model`, by the only key of the URL."""

    model: ClassVar[type[Model]]
    state: ClassVar[type[Struct]]

    def get(self, request: Request, **keys: int) -> Response:
        """Poll its progress."""
        self.check(request)
        [key] = keys.values()
        return Response(self.state_of(find_row(self.model, pk=key)))

    def state_of(self, row: Any) -> Any:
        """The row as JSON values."""
        return fields_of(row, self.state)


class ActionView(OperationsView):
    """A POST with which operators do one thing; `right` opens it.

    `act` does it, given the body, the actor and the parts of the URL; it returns what became of it.
    """

    right: ClassVar[str]
    act: Callable[..., Any]
    body: ClassVar[type[Struct]] = OperatorReason
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"POST": ActionResult}

    @classmethod
    def rights_of(cls, method: str) -> Rights | None:
        """The one right."""
        return Rights(Audience.NOBODY, (cls.right,)) if method == "POST" else None

    def post(self, request: Request, **keys: Any) -> Response:
        require_permission(request, self.right)
        body: Any = parse_body(request, self.body)
        return self.answer(request, self.act(body, staff_actor(require_login(request)), **keys))

    def answer(self, request: Request, result: Any) -> Response:
        """What became of it, in words."""
        return Response({"result": result})


class RequestView(ActionView):
    """An action that requests work of a worker; `act` returns the row, of which `state` is answered."""

    status = 201
    state: ClassVar[type[Struct]]

    def answer(self, request: Request, result: Any) -> Response:
        return Response(fields_of(result, self.state), status=201)


def fields_of(row: Any, schema: type[Struct], **values: Any) -> Any:
    """The attributes of a row that a schema has, and further values, as JSON values."""
    names = [name for name in schema.__struct_fields__ if name not in values]
    return msgspec.to_builtins(schema(**{name: getattr(row, name) for name in names}, **values))


def find_row(model: type[M], **conditions: Any) -> M:
    """The row; raises `NotFound`."""
    row = model._default_manager.filter(**conditions).first()
    if row is None:
        raise NotFound
    return row


class Projections(ListView):
    """List the projections."""

    right = f"{_ENGINE}view_checkpoint"
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": ProjectionStates}

    def results(self, request: Request) -> list[Any]:
        statuses = sum_by_projection(list_statuses(projection_registry.select([]), create_event_log()))
        names = ProjectionState.__struct_fields__
        return [{name: getattr(status, name) for name in names} for status in statuses]


class _PauseView(ActionView):
    right = f"{_ENGINE}pause_projection"
    paused: ClassVar[bool]

    def act(self, body: OperatorReason, actor: str, *, name: str) -> str:
        changed = projection_operations.set_paused(name, paused=self.paused, actor=actor, reason=body.reason)
        return "done" if changed else "it was so already"


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
        up_to = body.up_to
        if body.up_to_time is not None:
            if up_to is not None:
                raise InvalidMessage("reset to a position or to a time, not to both")
            up_to = rebuild_operations.last_position_until(body.up_to_time)
        job = rebuild_operations.request(name, order, by_hand=body.by_hand, up_to=up_to)
        url = request.build_absolute_uri(reverse("web:operations-rebuild", args=[job.pk]))
        return Response(_rebuild_state(job), status=201, headers={"Location": url})


class Rebuilds(ListView):
    """List rebuilds, the newest first."""

    right = f"{_ENGINE}view_rebuild"
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": RebuildStates}

    def results(self, request: Request) -> list[Any]:
        return [_rebuild_state(job) for job in Rebuild.objects.order_by("-pk")[:_LISTED]]


class RebuildResource(RowView):
    """One rebuild."""

    right = f"{_ENGINE}view_rebuild"
    model = Rebuild
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": RebuildState}

    def state_of(self, row: Rebuild) -> Any:
        return _rebuild_state(row)


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


def _find(rebuild_id: int) -> Rebuild:
    return find_row(Rebuild, pk=rebuild_id)


def _rebuild_state(job: Rebuild) -> Any:
    return fields_of(job, RebuildState, undoes=job.undoes_id)
