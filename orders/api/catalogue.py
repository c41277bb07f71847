"""The REST API of the catalogue: products with price and availability, ways of delivery, and means of payment."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.http import HttpResponseBase
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.completeness import Missing, missing_from
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api.base_view import ApiView
from eventshop.web.api.pagination import refuse_unknown_parameters
from eventshop.web.api.resource import Computed, Resource
from eventshop.web.api.resource_filters import TextSearchFilter
from eventshop.web.api.resource_serializer import to_json
from eventshop.web.api.resource_views import ResourceView, RowDetailView, RowListView
from orders.application.payment_methods import METHOD_LABELS
from orders.application.price_list import read_price_list_state
from orders.application.stock_level_port import quantities_on_hand, stock_projection
from orders.models import DeliveryOption, Product

SCOPE: Final = "catalogue:read"
PRODUCTS: Final = Resource(
    Product,
    projection="",
    scope=SCOPE,
    ordering="name",
    orderings=("name", "sku", "price"),
    filters=("sku", "currency", "category"),
    more_filters=(("q", TextSearchFilter(("name", "description", "sku"))),),
    is_public=True,
    hidden=("on_sale", "change_mark"),
    computed=(
        Computed(
            "available",
            {"type": ["integer", "null"], "description": "Units that can be sold now; null if they are not counted."},
            lambda rows: quantities_on_hand([row.sku for row in rows]),
        ),
    ),
)


DELIVERY_OPTIONS: Final = Resource(
    DeliveryOption,
    projection="",
    scope=SCOPE,
    ordering="position",
    orderings=("position", "price"),
    filters=("currency",),
    is_public=True,
    hidden=("is_offered",),
)


class DeliveryOptionList(RowListView):
    """The ways in which an order can be delivered, and what each costs; goods of `free_from` are delivered free."""

    resource = DELIVERY_OPTIONS
    access = NotLogged("the price list")

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(is_offered=True)


class _ProductView(ResourceView):
    """What is on sale."""

    access = NotLogged("the price list")

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(on_sale=True)

    @cached_property
    def missing(self) -> Missing | None:
        """What is missing from the stock."""
        return missing_from([stock_projection.get()])

    def has_state(self) -> bool:
        return True

    def read_state(self) -> str:
        return read_price_list_state()


class ProductList(_ProductView, RowListView):
    """The products on sale, with their current prices and how many of each can be sold now.

    Place an order with `sku` and `price` as they are here. `available` is null where the stock is not counted.
    """

    resource = PRODUCTS


class ProductRow(_ProductView, RowDetailView):
    """One product on sale."""

    resource = PRODUCTS

    def get(self, request: Request, sku: str) -> HttpResponseBase:  # type: ignore[override]
        """One product on sale, with its current price and how many can be sold now."""
        return super().get(request, sku)


class PaymentMethodDetails(Struct, frozen=True):
    """A means of payment: `method` is what a payment names, `name` what people call it."""

    method: str
    name: str


class PaymentMethodList(Struct, frozen=True):
    """The means of payment."""

    example: ClassVar[dict[str, Any]] = {"results": [{"method": "card", "name": "Card"}], "next": None, "prev": None}

    results: tuple[PaymentMethodDetails, ...]
    next: str | None = None
    prev: str | None = None


class PaymentMethods(ApiView):
    """The means of payment that an order can be paid by."""

    scopes: ClassVar[dict[str, str]] = {"GET": SCOPE}
    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.SIGNED_IN)}
    access = NotLogged("the means of payment")
    response_schemas: ClassVar[dict[str, type[Struct]]] = {"GET": PaymentMethodList}

    def get(self, request: Request) -> Response:
        refuse_unknown_parameters(request, ())
        methods = (PaymentMethodDetails(method, name) for method, name in METHOD_LABELS.items())
        return Response(to_json(PaymentMethodList(tuple(methods))))
