"""What erasing means to the read models: which open orders it waits for, and which rows it empties."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final
from uuid import UUID

from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.erasure.personal_data_holders import Ground, Held
from eventshop.projections.personal_columns import scrub
from eventshop.projections.projection import catalogue
from eventshop.projections.read_model import ReadModel
from projections.models import ActivityTimeline, OrderSummary

#: Orders in which something is still to be done for the customer.
OPEN: Final = (OrderSummary.Status.CREATED, OrderSummary.Status.PAID, OrderSummary.Status.SHIPPED)


def open_orders(person: UUID) -> list[Ground]:
    found = OrderSummary.objects.filter(customer_id=person, status__in=OPEN, kind=OrderSummary.Kind.ORDER)
    return [
        Ground(f"Order {reference[:100]} is not finished: it is {status.lower()}")
        for reference, status in found.order_by("created_at").values_list("reference", "status")
    ]


def empty_rows(person: UUID, streams: Collection[UUID]) -> str:
    rows = sum(scrub(subject, catalogue) for subject in (person, *streams))
    return f"{rows} rows emptied"


def personal_tables() -> list[str]:
    return [model._meta.db_table for model in _models() if model.personal]


def has_orders(person: UUID) -> bool:
    return OrderSummary.objects.filter(customer_id=person).exists()


def held(person: UUID) -> list[Held]:
    """Every row about a person, and the newest event that it comes from."""
    return [item for model in _models() for item in _rows(model, person)]


def _models() -> list[type[ReadModel]]:
    known = {projection.model for projection in catalogue.chosen([])} - {ActivityTimeline}
    return sorted(known, key=lambda model: model._meta.label)


def _rows(model: type[ReadModel], person: UUID) -> Iterator[Held]:
    columns = {field.attname for field in model._meta.concrete_fields}
    for name in ("user_id", "customer_id"):
        if name in columns:
            for row in model._default_manager.filter(**{name: person}).values():
                yield Held(str(model._meta.verbose_name), {key: str(value) for key, value in row.items()})


def register() -> None:
    personal_data_holders.waits_for("orders", open_orders)
    personal_data_holders.erases("rows", empty_rows)
    personal_data_holders.has("orders", has_orders)
    personal_data_holders.writes("rows", personal_tables)
    personal_data_holders.holds("rows", held)
