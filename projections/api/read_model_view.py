"""API views of read models: a list with filters, ordering and cursors, and single rows."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_200_OK

from eventshop.core.request_context import note_access
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.completeness import Missing, missing_from
from eventshop.operations.rights import Audience, Rights
from eventshop.projections.read_model import ReadModel
from eventshop.web.api.base_view import ApiView, require_login
from eventshop.web.api.etag import etag
from eventshop.web.api.pagination import invalid_parameter, refuse_unknown_parameters
from eventshop.web.shared import customer_port, read_your_writes
from eventshop.web.shared.errors import NotAllowed, NotFound, ReadModelBehind
from projections.api.moving_pages import MovingPagination
from projections.api.resource import Resource
from projections.api.row_filters import filter_set


class RowSerializer(serializers.ModelSerializer[Any]):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    def __init__(self, *args: Any, fields: set[str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in set(self.fields) - (set(self.fields) if fields is None else fields):
            del self.fields[name]

    def to_representation(self, instance: ReadModel) -> dict[str, Any]:
        columns = super().to_representation(instance)
        person, owner = self.context.get("person"), self.context["view"].resource.owner
        if instance.personal and not (person and owner and getattr(instance, owner) == person):
            columns |= {name: None for name in instance.personal if name in columns}
        return dict(columns)


class ReadModelView(ApiView, GenericAPIView[Any]):
    """Permissions, fields and freshness: common to lists and single rows."""

    access = Logged(Kind.ROWS)
    resource: ClassVar[Resource]
    row_type: ClassVar[type[RowSerializer]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Complete a class that names its `resource`; scopes of other methods that it inherits stay."""
        super().__init_subclass__(**kwargs)
        if "resource" in vars(cls):
            cls.scopes = {**getattr(cls, "scopes", {}), "GET": cls.resource.scope}
            cls.queryset = cls.resource.model._default_manager.none()
            cls.row_type = cls.serializer_class = _serializer_class(cls.resource)
            cls.__doc__ = cls.__doc__ or cls.resource.model.__doc__

    @classmethod
    def rights_of(cls, method: str) -> Rights | None:
        if method != "GET":
            return super().rights_of(method)
        return Rights(cls._audience(), (cls._view_permission(),))

    @classmethod
    def _audience(cls) -> Audience:
        """Who sees rows without the permission; the list is everybody's, of which they see what is theirs."""
        return Audience.CUSTOMERS if cls.resource.owner or cls.resource.parent else Audience.NOBODY

    @classmethod
    def _view_permission(cls) -> str:
        return f"projections.view_{cls.resource.model._meta.model_name}"

    def get_queryset(self) -> QuerySet[Any]:
        """The rows that this user may see; raises `NotAllowed` where the user can never see any."""
        rows = self.resource.model._default_manager.all()
        user = require_login(self.request)
        if user.has_perm(self._view_permission()):
            return rows
        person = customer_port.current_adapter().person_of(user)
        own = self.resource.owner_condition(person) if person else None
        if own is None:
            raise NotAllowed
        return rows.filter(**own)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        if requested := self.request.query_params.get("fields"):
            fields, known = set(requested.split(",")), set(self.row_type().fields)
            if unknown := sorted(fields - known):
                raise invalid_parameter("fields", f"names unknown columns: {', '.join(unknown)}")
            kwargs["fields"] = fields
        return super().get_serializer(*args, **kwargs)

    def get_serializer_context(self) -> dict[str, Any]:
        person = customer_port.current_adapter().person_of(self.request.user) if self.resource.model.personal else None
        return {**super().get_serializer_context(), "person": person}

    @cached_property
    def missing(self) -> Missing | None:
        """What is missing from the projection, for this request."""
        return missing_from([self.resource.projection])

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say in a header, and in a list in the body too, what is missing from the projection."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code == HTTP_200_OK and self.missing:
            response["Incomplete"] = self.missing.header
        return response

    def check_freshness(self) -> bool:
        """Whether the projection includes the caller's own writes; raises `ReadModelBehind` if they require it."""
        is_current = read_your_writes.wait_for_token(self.request.headers, self.resource.projection)
        if not is_current and "handling=strict" in self.request.headers.get("Prefer", ""):
            raise ReadModelBehind
        return is_current


class RowListView(ReadModelView):
    """The list of a resource."""

    ordering: ClassVar[str]
    orderings: ClassVar[tuple[str, ...]]
    filterset_class: ClassVar[type[FilterSet]]
    pagination_class = MovingPagination
    filter_backends = (DjangoFilterBackend,)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "resource" in vars(cls):
            cls.ordering, cls.orderings = cls.resource.ordering, cls.resource.orderings
            cls.filterset_class = filter_set(cls.resource)

    def get(self, request: Request) -> Response:
        refuse_unknown_parameters(
            request, {"cursor", "limit", "ordering", "fields", *self.filterset_class.base_filters}
        )
        is_current = self.check_freshness()
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        note_access(rows=len(page or ()))
        response = self.get_paginated_response(self.get_serializer(page, many=True).data)
        if self.missing:
            response.data["incomplete"] = self.missing.to_json()
        if "Consistency-Token" in request.headers:
            response["Consistency"] = "current" if is_current else "behind"
        return response


class RowDetailView(ReadModelView):
    """One row of a resource, by primary key."""

    @classmethod
    def _audience(cls) -> Audience:
        return Audience.OWNER if cls.resource.owner or cls.resource.parent else Audience.NOBODY

    def get(self, request: Request, key: UUID | str) -> Response:
        refuse_unknown_parameters(request, {"fields"})
        is_current = self.check_freshness()
        row = self.get_queryset().filter(pk=key).first()
        if row is None:
            raise NotFound if is_current else ReadModelBehind
        response = Response(self.get_serializer(row).data)
        if self.resource.one_stream:
            response["ETag"] = etag(row.last_version)
        return response


@cache
def _serializer_class(resource: Resource) -> type[RowSerializer]:
    """One class for list and single row, so that the OpenAPI schema has one component for both."""
    extra_kwargs = {name: {"allow_null": True} for name in resource.model.personal}
    columns = resource.model._meta.concrete_fields
    names = [column.name for column in columns if column.name not in resource.model.internal]
    options = {"model": resource.model, "fields": names, "read_only_fields": names, "extra_kwargs": extra_kwargs}
    meta = type("Meta", (), options)
    return type(resource.model.__name__, (RowSerializer,), {"Meta": meta})
