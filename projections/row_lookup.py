"""Find rows by what people have at hand: a part of a number in any case, or the end of an id."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from django.db.models import Model

from eventshop.admin_console.search import parse_uuid
from eventshop.projections.short_ids import parse_short_id, with_short_id
from projections.external_id_lookup import find_ids
from projections.models import ExternalId, OrderSummary, TradeBlotter

#: The most rows that a text finds; a longer text finds fewer.
MAX_ROWS: Final = 50
#: A text that a shorter one would find in nearly every number.
_SHORTEST_PART: Final = 2


def find_order_ids(text: str) -> list[UUID]:
    """Orders with this number, or else by their id, its end, an external id, or any part of the number in any case.

    A part reads the numbers of all orders, in an index of them alone; everything else is looked up.
    """
    orders = OrderSummary.objects.order_by()
    exact = list(orders.filter(reference=text).values_list("pk", flat=True)[:MAX_ROWS])
    known = [*exact, *ids_of(OrderSummary, "order_id", text), *find_ids(ExternalId.Kind.ORDER, text)]
    if known or len(text) < _SHORTEST_PART:
        return list(dict.fromkeys(known))[:MAX_ROWS]
    return list(orders.filter(reference__icontains=text).values_list("pk", flat=True)[:MAX_ROWS])


def ids_of(model: type[Model], column: str, text: str) -> list[UUID]:
    """The values of a UUID column that is the text, or ends with it."""
    identity, short_id = parse_uuid(text), parse_short_id(text)
    rows = model._default_manager.order_by()
    if identity is not None:
        rows = rows.filter(**{column: identity})
    elif short_id is not None:
        rows = with_short_id(rows, column, short_id)
    else:
        return []
    return list(rows.values_list(column, flat=True).distinct()[:MAX_ROWS])


def name_orders(ids: Collection[UUID]) -> dict[UUID, str]:
    """The numbers of orders by their ids."""
    return dict(OrderSummary.objects.order_by().filter(pk__in=ids).values_list("pk", "reference"))


def name_trades(ids: Collection[UUID]) -> dict[UUID, str]:
    """The references of trades by their ids."""
    return dict(TradeBlotter.objects.order_by().filter(pk__in=ids).values_list("pk", "reference"))
