"""What other systems call orders, customers and products."""

from __future__ import annotations

from typing import Final, TypeAlias

from eventshop.core.messages import Meta
from eventshop.projections.personal_columns import personal_text
from eventshop.projections.projection import Projection, latest
from orders.domain.events import CreditNoteIssued, OrderCreated
from projections.models import ExternalId

external_id = Projection(ExternalId, topic="external-id-projection", version=1)

#: Kind, source, subject and value.
_Key: TypeAlias = tuple[str, str, str, str]
#: In the key of a customer's row, in place of the value: theirs is personal.
_LEFT_OUT: Final = ""


def _keys(event: OrderCreated | CreditNoteIssued) -> list[_Key]:
    """One row for each id of an order or product. A customer has one for each source, and none once they are erased."""
    kind = ExternalId.Kind
    keys: list[_Key] = [(kind.ORDER, each.source, str(event.order_id), each.value) for each in event.external_ids]
    source, value = _customer_number(event)
    if value and event.customer_id:
        keys.append((kind.CUSTOMER, source, str(event.customer_id), _LEFT_OUT))
    for line in event.lines:
        keys += [(kind.PRODUCT, each.source, line.sku, each.value) for each in line.external_ids]
    return keys


@external_id.on(OrderCreated, key=_keys)
def ordered(row: ExternalId, event: OrderCreated, meta: Meta) -> None:
    _fill_row(row, event, meta)


@external_id.on(CreditNoteIssued, key=_keys)
def credited(row: ExternalId, event: CreditNoteIssued, meta: Meta) -> None:
    _fill_row(row, event, meta)


def _fill_row(row: ExternalId, event: OrderCreated | CreditNoteIssued, meta: Meta) -> None:
    """A customer's newest number wins; at equal times the alphabetically last one. Arrival order plays no part."""
    newest = latest(row.updated_at, meta.occurred_at)
    if row.kind == ExternalId.Kind.CUSTOMER:
        _, value = _customer_number(event)
        row.customer_id = event.customer_id
        if newest == meta.occurred_at and (newest != row.updated_at or value > row.value):
            row.value = value
    row.updated_at = newest
    row.search_value = row.value.lower()


def _customer_number(event: OrderCreated | CreditNoteIssued) -> tuple[str, str]:
    """The source and the value; both are empty if there is none, or if it is erased."""
    source, _, value = personal_text(event.customer_external_id).partition(":")
    return source, value
