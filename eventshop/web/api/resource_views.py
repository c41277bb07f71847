"""API views of tables: a list with filters, ordering and cursors, and single rows, now or as they were."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils.cache import get_conditional_response
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_200_OK

from eventshop.core.request_context import note_access
from eventshop.operations.access_log.declarations import Access, Kind, Logged
from eventshop.operations.completeness import Missing, missing_from
from eventshop.operations.rights import Audience, Rights
from eventshop.operations.row_state import digest, read_row_state
from eventshop.projections.historical_queries import row_as_of
from eventshop.projections.projection import projection_registry
from eventshop.runtime.counted_cache import look_up, store
from eventshop.web.api.base_view import ApiView, require_login
from eventshop.web.api.etag import etag
from eventshop.web.api.event_feed_views import read_instant
from eventshop.web.api.moving_pages import MovingPagination
from eventshop.web.api.pagination import KeysetPagination, invalid_parameter, refuse_unknown_parameters
from eventshop.web.api.past_lists import PastPagination, past_rows
from eventshop.web.api.resource import Resource
from eventshop.web.api.resource_filters import filter_set
from eventshop.web.api.resource_serializer import RowSerializer, contained, expandable, serializer_class
from eventshop.web.shared import customer_port, read_your_writes
from eventshop.web.shared.errors import NotAllowed, NotFound, ReadModelBehind

#: How long it is remembered which version of a row a caller got.
TAG_KEPT_S: Final = 3600


class ResourceView(ApiView, GenericAPIView[Any]):
    """Permissions, fields and freshness: common to lists and single rows."""

    access: ClassVar[Access | None] = Logged(Kind.ROWS)
    resource: ClassVar[Resource]
    is_list: ClassVar[bool] = False
    row_type: ClassVar[type[RowSerializer]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Complete a class that names its `resource`; scopes of other methods that it inherits stay."""
        super().__init_subclass__(**kwargs)
        if "resource" in vars(cls):
            cls.scopes = {**getattr(cls, "scopes", {}), "GET": cls.resource.scope}
            cls.queryset = cls.resource.model._default_manager.none()
            cls.row_type = cls.serializer_class = serializer_class(cls.resource)
            cls.__doc__ = cls.__doc__ or cls.resource.model.__doc__

    @classmethod
    def rights_of(cls, method: str) -> Rights | None:
        if method != "GET":
            return super().rights_of(method)
        if cls.resource.is_public:
            return Rights(Audience.SIGNED_IN)
        return Rights(cls._audience(), (cls._view_permission(),))

    @classmethod
    def _audience(cls) -> Audience:
        """Who sees rows without the permission; the list is everybody's, of which they see what is theirs."""
        return Audience.CUSTOMERS if cls.resource.owner or cls.resource.parent else Audience.NOBODY

    @classmethod
    def _view_permission(cls) -> str:
        return f"{cls.resource.model._meta.app_label}.view_{cls.resource.model._meta.model_name}"

    def get_queryset(self) -> QuerySet[Any]:
        """The rows that this user may see; raises `NotAllowed` where the user can never see any."""
        rows: QuerySet[Any] = self.resource.model._default_manager.all()
        user = require_login(self.request)
        if self.resource.is_public or user.has_perm(self._view_permission()):
            return rows
        person = customer_port.current_adapter().person_of(user)
        own = self.resource.owner_condition(person) if person else None
        if own is None:
            raise NotAllowed
        return rows.filter(**own)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        return super().get_serializer(*args, fields=self._requested_columns, **kwargs)

    @cached_property
    def _requested_columns(self) -> set[str] | None:
        """The columns of the parameter `fields`; None without it."""
        if not (requested := self.request.query_params.get("fields")):
            return None
        fields = set(requested.split(","))
        if unknown := sorted(fields - set(self.row_type().fields) - {one.name for one in self.resource.computed}):
            raise invalid_parameter("fields", f"names unknown columns: {', '.join(unknown)}")
        return fields

    @cached_property
    def _requested_parts(self) -> list[str]:
        """What belongs to a row and is wanted: as `expand` says; without it, for one row all that it contains."""
        if not (requested := self.request.query_params.get("expand")):
            return [] if self.is_list or self._requested_columns else [part.name for part in self.resource.parts]
        names, known = requested.split(","), expandable(self.resource)
        if unknown := sorted(set(names) - set(known)):
            raise invalid_parameter("expand", f"is not {', '.join(unknown)}, but one or more of {', '.join(known)}")
        return names

    def serialize(self, rows: list[Any], as_of: datetime | None = None) -> list[dict[str, Any]]:
        """The rows with the requested columns and what belongs to them."""
        parts = contained(self.resource, rows, self._requested_parts, as_of)
        for computed in self.resource.computed:
            if self._requested_columns is None or computed.name in self._requested_columns:
                values = computed.load(rows)
                for key, part in parts.items():
                    part[computed.name] = values.get(key)
        return [
            columns | parts[row.pk]
            for row, columns in zip(rows, self.get_serializer(rows, many=True).data, strict=True)
        ]

    def get_serializer_context(self) -> dict[str, Any]:
        person = customer_port.current_adapter().person_of(self.request.user) if self.resource.personal else None
        return {**super().get_serializer_context(), "person": person}

    @cached_property
    def missing(self) -> Missing | None:
        """What is missing from the projection, for this request."""
        return missing_from([self.resource.projection]) if self.resource.projection else None

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say in a header, and in a list in the body too, what is missing from the projection."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code == HTTP_200_OK and self.missing:
            response["Incomplete"] = self.missing.header
        return response

    def has_state(self) -> bool:
        """Whether all that is shown changes with `read_state`: here, with the checkpoints of one projection alone.

        An erasure empties personal columns without moving a checkpoint; such a list is compared as it is sent.
        """
        resource = self.resource
        is_more = resource.computed or set(self._requested_parts) - {"meta"}
        return bool(resource.projection) and not is_more and not resource.model.erasable()

    def read_state(self) -> str:
        """The state of the rows that this resource shows, without reading any of them."""
        return read_row_state([self.resource.projection])

    def state_tag(self) -> str:
        """What this caller gets at this URL, as an entity tag that is read before any row; raises `NotAllowed`."""
        self.get_queryset()  # refuses who may see nothing, before anybody is told that nothing has changed
        state = self.read_state()
        user = require_login(self.request)
        seen = (user.pk, user.has_perm(self._view_permission()), customer_port.current_adapter().person_of(user))
        form = (self.request.accepted_renderer.format, *self.row_type().fields)
        return f'W/"{digest(state, self.missing, seen, form, self.request.get_full_path())}"'

    def check_freshness(self) -> bool:
        """Whether the projection includes the caller's own writes; raises `ReadModelBehind` if they require it."""
        if not self.resource.projection:
            return True
        is_current = read_your_writes.wait_for_token(self.request.headers, self.resource.projection)
        if not is_current and "handling=strict" in self.request.headers.get("Prefer", ""):
            raise ReadModelBehind
        return is_current


class RowListView(ResourceView):
    """The list of a resource."""

    is_list = True
    ordering: ClassVar[str]
    orderings: ClassVar[tuple[str, ...]]
    filterset_class: ClassVar[type[FilterSet]]
    pagination_class: type[KeysetPagination] = MovingPagination
    filter_backends = (DjangoFilterBackend,)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "resource" in vars(cls):
            cls.ordering, cls.orderings = cls.resource.ordering, cls.resource.orderings
            cls.filterset_class = filter_set(cls.resource)

    def get(self, request: Request) -> HttpResponseBase:
        past = ["as_of"] if self.resource.list_has_past else []
        refuse_unknown_parameters(
            request, {"cursor", "limit", "ordering", "fields", "expand", *past, *self.filterset_class.base_filters}
        )
        is_current, moment = self.check_freshness(), read_instant(request, "as_of")
        tag = self.state_tag() if self.has_state() and moment is None else ""
        if tag and (unchanged := answer_unchanged(request, tag)):
            return unchanged
        page = self.paginate_queryset(self.rows_now() if moment is None else self.rows_then(moment))
        note_access(rows=len(page or ()))
        response = self.get_paginated_response(self.serialize(page or [], moment))
        if tag:
            response["ETag"] = tag
        if self.missing:
            response.data["incomplete"] = self.missing.to_json()
        if "Consistency-Token" in request.headers:
            response["Consistency"] = "current" if is_current else "behind"
        return response

    def rows_now(self) -> QuerySet[Any]:
        return self.filter_queryset(self.get_queryset())

    def rows_then(self, moment: datetime) -> Any:
        """The rows that the caller may see, as recorded up to a time; raises `PastTooLong`."""
        self.pagination_class = PastPagination
        return past_rows(self.resource, self.filterset_class, self.request.query_params, self.get_queryset(), moment)


class RowDetailView(ResourceView):
    """One row of a resource, by primary key."""

    @classmethod
    def _audience(cls) -> Audience:
        return Audience.OWNER if cls.resource.owner or cls.resource.parent else Audience.NOBODY

    def get(self, request: Request, key: UUID | str) -> HttpResponseBase:
        refuse_unknown_parameters(request, {"fields", "expand", *(["as_of"] if self.resource.has_past else [])})
        is_current = self.check_freshness()
        state = self.state_tag() if self.resource.one_stream and self.resource.projection else ""
        known = look_up("row-tags", state) if state and "If-None-Match" in request.headers else None
        if known and (unchanged := answer_unchanged(request, known)):
            return unchanged
        row = self.get_queryset().filter(pk=key).first()
        if row is None:
            raise NotFound if is_current else ReadModelBehind
        moment = read_instant(request, "as_of")
        if moment:
            row = self._as_of(row, moment)
        [body] = self.serialize([row], moment)
        response = Response(body)
        if self.resource.one_stream:
            response["ETag"] = etag(row.last_version)
        if state:
            store("row-tags", state, response["ETag"], TAG_KEPT_S)
        return response

    def _as_of(self, row: Any, moment: datetime) -> Any:
        """The row as it was recorded up to a time; raises `NotFound` if it did not exist yet."""
        earlier = row_as_of(
            projection_registry.get(self.resource.projection), getattr(row, self.resource.stream), row.pk, moment
        )
        if earlier is None:
            raise NotFound
        return earlier


def answer_unchanged(request: Request, tag: str) -> HttpResponseBase | None:
    """304 where the caller has what this tag names; otherwise None."""
    response: HttpResponseBase | None = get_conditional_response(request, etag=tag)
    if response:
        response["ETag"] = tag
    return response
