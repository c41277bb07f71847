"""The first event of an order and of a credit note."""

from __future__ import annotations

from orders.domain.commands import CreateCreditNote, CreateOrder
from orders.domain.events import CreditNoteIssued, ExternalId, OrderCreated


def order_created(command: CreateOrder) -> OrderCreated:
    return OrderCreated(
        order_id=command.order_id,
        reference=command.reference,
        customer_id=command.customer_id,
        country=command.country,
        lines=command.lines,
        total=command.total,
        delivery_name=command.delivery_name,
        delivery_address=command.delivery_address,
        external_ids=command.external_ids,
        customer_external_id=_as_text(command.customer_external_id),
    )


def credit_note_issued(command: CreateCreditNote) -> CreditNoteIssued:
    return CreditNoteIssued(
        order_id=command.order_id,
        reference=command.reference,
        customer_id=command.customer_id,
        country=command.country,
        lines=command.lines,
        total=command.total,
        reason=command.reason,
        external_ids=command.external_ids,
        customer_external_id=_as_text(command.customer_external_id),
    )


def _as_text(number: ExternalId | None) -> str:
    return str(number) if number else ""
