"""How a read model becomes a resource: a list with filters, ordering and cursors, and single rows."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, DateField, DateTimeField, QuerySet
from django.forms import NullBooleanField
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import (
    BooleanFilter,
    DateFilter,
    DjangoFilterBackend,
    FilterSet,
    IsoDateTimeFilter,
)
from django_filters.widgets import BooleanWidget
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.projections.read_model import ReadModel
from eventshop.web.api.base_view import ApiView, signed_in
from eventshop.web.api.etag import etag
from eventshop.web.api.pagination import Keyset, refuse_unknown, refused
from eventshop.web.shared import customer_port, read_your_writes
from eventshop.web.shared.errors import Behind, NotAllowed, NotFound


class Through(NamedTuple):
    """Whose a row is, and of when, where another row tells: the one that `column` names."""

    column: str
    model: type[ReadModel]
    owner: str
    time: str = ""

    def where(self, **conditions: Any) -> dict[str, Any]:
        """The condition on our rows for these conditions on the others."""
        return {f"{self.column}__in": self.model._default_manager.filter(**conditions).values("pk")}


class Resource(NamedTuple):
    """How a read model is offered. `owner` is the column with the person who may see the row besides staff."""

    model: type[ReadModel]
    projection: str
    scope: str
    ordering: str
    orderings: tuple[str, ...]
    filters: tuple[str, ...]
    time: str = ""
    owner: str = ""
    through: Through | None = None
    #: Its rows are each one stream's, so that the stream's version is the row's entity tag.
    one_stream: bool = False

    def of(self, person: UUID) -> dict[str, Any] | None:
        """The condition on the rows that are this person's; None where none ever are."""
        if self.through:
            return self.through.where(**{self.through.owner: person})
        return {self.owner: person} if self.owner else None


class RowSerializer(serializers.ModelSerializer[Any]):
    """All columns, or those that were asked for. Personal ones are the owner's alone; staff reveal them elsewhere."""

    def __init__(self, *args: Any, fields: set[str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in set(self.fields) - (set(self.fields) if fields is None else fields):
            del self.fields[name]

    def to_representation(self, instance: ReadModel) -> dict[str, Any]:
        shown = super().to_representation(instance)
        person, owner = self.context.get("person"), self.context["view"].resource.owner
        if instance.personal and not (person and owner and getattr(instance, owner) == person):
            shown |= {name: None for name in instance.personal if name in shown}
        return dict(shown)


class Reading(ApiView, GenericAPIView[Any]):
    """What lists and single rows do alike."""

    resource: ClassVar[Resource]
    row_type: ClassVar[type[RowSerializer]]

    def get_queryset(self) -> QuerySet[Any]:
        """The rows that this login may see; raises `NotAllowed` when that is none of them, ever."""
        rows = self.resource.model._default_manager.all()
        login = signed_in(self.request)
        if login.has_perm(f"projections.view_{self.resource.model._meta.model_name}"):
            return rows
        person = customer_port.registered().person_of(login)
        own = self.resource.of(person) if person else None
        if own is None:
            raise NotAllowed
        return rows.filter(**own)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        if given := self.request.query_params.get("fields"):
            fields, known = set(given.split(",")), set(self.row_type().fields)
            if unknown := sorted(fields - known):
                raise refused("fields", f"names columns that there are not: {', '.join(unknown)}")
            kwargs["fields"] = fields
        return super().get_serializer(*args, **kwargs)

    def get_serializer_context(self) -> dict[str, Any]:
        person = customer_port.registered().person_of(self.request.user) if self.resource.model.personal else None
        return {**super().get_serializer_context(), "person": person}

    def current(self) -> bool:
        """Whether what the caller has just done is to be seen; raises `Behind` if nothing less will do."""
        shown = read_your_writes.shown(self.request.headers, self.resource.projection)
        if not shown and "handling=strict" in self.request.headers.get("Prefer", ""):
            raise Behind
        return shown


class Listing(Reading):
    """A list."""

    ordering: ClassVar[str]
    orderings: ClassVar[tuple[str, ...]]
    filterset_class: ClassVar[type[FilterSet]]

    def get(self, request: Request) -> Response:
        refuse_unknown(request, {"cursor", "limit", "ordering", "fields", *self.filterset_class.base_filters})
        shown = self.current()
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        response = self.get_paginated_response(self.get_serializer(page, many=True).data)
        if "Consistency-Token" in request.headers:
            response["Consistency"] = "current" if shown else "behind"
        return response


class Single(Reading):
    """One row."""

    def get(self, request: Request, key: UUID | str) -> Response:
        refuse_unknown(request, {"fields"})
        shown = self.current()
        row = self.get_queryset().filter(pk=key).first()
        if row is None:
            raise NotFound if shown else Behind
        response = Response(self.get_serializer(row).data)
        if self.resource.one_stream:
            response["ETag"] = etag(row.last_version)
        return response


def listing(resource: Resource) -> type[Listing]:
    return type(
        f"{resource.model.__name__}List",
        (Listing,),
        {
            **_offered(resource),
            "ordering": resource.ordering,
            "orderings": resource.orderings,
            "pagination_class": Keyset,
            "filter_backends": [DjangoFilterBackend],
            "filterset_class": _filters(resource),
        },
    )


def single(resource: Resource) -> type[Single]:
    return type(f"{resource.model.__name__}Row", (Single,), _offered(resource))


@cache
def _row_type(resource: Resource) -> type[RowSerializer]:
    """One for the list and the single row, so that they are one thing in the API's description too."""
    masked = {name: {"allow_null": True} for name in resource.model.personal}
    names = [column.name for column in resource.model._meta.concrete_fields]
    kinds = {"model": resource.model, "fields": names, "read_only_fields": names, "extra_kwargs": masked}
    meta = type("Meta", (), kinds)
    return type(resource.model.__name__, (RowSerializer,), {"Meta": meta})


def _offered(resource: Resource) -> dict[str, Any]:
    row_type = _row_type(resource)
    return {
        "__doc__": (resource.model.__doc__ or "").strip(),
        "resource": resource,
        "scopes": {"GET": resource.scope},
        "queryset": resource.model._default_manager.none(),
        "row_type": row_type,
        "serializer_class": row_type,
    }


class _AsSent(BooleanWidget):  # type: ignore[misc]
    """The library's own takes whatever is no boolean for a filter that was not sent."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        value = data.get(name)
        return {"true": True, "false": False}.get(value, value)


class _YesOrNo(NullBooleanField):
    def validate(self, value: Any) -> None:
        if value not in (True, False, None):
            raise ValidationError("is true or false")

    def to_python(self, value: Any) -> Any:
        return value


class _Moment(IsoDateTimeField):  # type: ignore[misc]
    """In UTC: databases know fewer zones than Python, and nothing before year 1 or after year 9999."""

    def to_python(self, value: Any) -> datetime | None:
        try:
            moment: datetime | None = super().to_python(value)
            return moment and moment.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("is out of range") from error


class _MomentFilter(IsoDateTimeFilter):  # type: ignore[misc]
    field_class = _Moment


class YesOrNo(BooleanFilter):  # type: ignore[misc]
    """`true` or `false`, and nothing else."""

    field_class = _YesOrNo

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, widget=_AsSent, **kwargs)


def _filters(resource: Resource) -> type[FilterSet]:
    """Equality on some columns; `from` (included) and `to` (excluded) on the column that says when."""
    yes_or_no = {BooleanField: {"filter_class": YesOrNo}}
    kinds = {"model": resource.model, "fields": list(resource.filters), "filter_overrides": yes_or_no}
    meta = type("Meta", (), kinds)
    bounds: dict[str, Any] = {}
    if resource.time:
        kind = _bound(resource.model._meta.get_field(resource.time))
        bounds = {"from": kind(resource.time, "gte"), "to": kind(resource.time, "lt")}
    elif resource.through and resource.through.time:
        bounds = {"from": _bound_of(resource.through, "gte"), "to": _bound_of(resource.through, "lt")}
    return type(f"{resource.model.__name__}Filters", (FilterSet,), {**bounds, "Meta": meta})


def _bound(column: Any) -> Any:
    return DateFilter if isinstance(column, DateField) and not isinstance(column, DateTimeField) else _MomentFilter


def _bound_of(through: Through, way: str) -> _MomentFilter:
    def bounded(rows: QuerySet[Any], name: str, moment: datetime) -> QuerySet[Any]:
        return rows.filter(**through.where(**{f"{through.time}__{way}": moment}))

    return _MomentFilter(method=bounded)
