"""Erasure in the read models: the open orders that block it, and the rows whose personal columns it empties."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final
from uuid import UUID

from django.db import connection

from eventshop.privacy.erasure.personal_data_holders import ErasureBlocker, HeldData
from eventshop.projections.personal_columns import erase_subjects
from eventshop.projections.projection import projection_registry
from eventshop.projections.read_model import ReadModel
from eventshop.projections.targets import kept_table
from projections.models import ActivityTimeline, OrderSummary, TradeBlotter, TradingAccount

#: Orders in these states still need work for the customer.
OPEN: Final = (OrderSummary.Status.CREATED, OrderSummary.Status.PAID, OrderSummary.Status.SHIPPED)


def open_orders(person: UUID) -> list[ErasureBlocker]:
    orders = OrderSummary.objects.filter(customer_id=person, status__in=OPEN, kind=OrderSummary.Kind.ORDER)
    return [
        ErasureBlocker(f"Order {reference[:100]} is not finished: it is {status.lower()}")
        for reference, status in orders.order_by("created_at").values_list("reference", "status")
    ]


def erase_rows(person: UUID, streams: Collection[UUID]) -> str:
    return f"{erase_subjects((person, *streams), projection_registry)} rows emptied"


def trading_streams(person: UUID) -> list[UUID]:
    """The person's trades, whose events name the account and not its owner."""
    accounts = TradingAccount.objects.filter(owner_id=person).values("pk")
    return list(TradeBlotter.objects.filter(account_id__in=accounts).values_list("pk", flat=True))


def erase_rows_of_purposes(subjects: Collection[UUID], purposes: Collection[str]) -> str:
    return f"{erase_subjects(subjects, projection_registry, purposes)} rows emptied"


def personal_tables() -> list[str]:
    """The tables of read models with personal columns, and of those rows that are kept for an undo."""
    projections = [item for item in projection_registry.select([]) if item.model.erasable()]
    live = [item.model._meta.db_table for item in projections]
    kept = {kept_table(item).name for item in projections}
    return live + sorted(kept.intersection(connection.introspection.table_names()))


def has_orders(person: UUID) -> bool:
    return OrderSummary.objects.filter(customer_id=person).exists()


def held_data(person: UUID) -> list[HeldData]:
    """Every row about a person, with its lineage columns."""
    return [item for model in _read_models() for item in _held_rows(model, person)]


def _read_models() -> list[type[ReadModel]]:
    models = {projection.model for projection in projection_registry.select([])} - {ActivityTimeline}
    return sorted(models, key=lambda model: model._meta.label)


def _held_rows(model: type[ReadModel], person: UUID) -> Iterator[HeldData]:
    columns = {field.attname for field in model._meta.concrete_fields}
    for name in ("user_id", "customer_id"):
        if name in columns:
            for row in model._default_manager.filter(**{name: person}).values():
                yield HeldData(str(model._meta.verbose_name), {key: str(value) for key, value in row.items()})
