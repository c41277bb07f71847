"""Issues invoices and credit notes as orders are paid and refunded, once each, and finds them again.

A document is issued by an effect that sends a command of a derived id: repeated, it changes nothing. Orders of the past
(imports, the store before this existed) get no number; their documents show that of the order.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Envelope, Meta, RecordedEvent
from eventshop.core.money import Money
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.projections.effects.effect_projection import (
    Act,
    EffectNotNeeded,
    EffectProjection,
    EffectRequest,
    EffectRule,
)
from orders.application.customer_order import CustomerOrder, load_any_order
from orders.domain.document_series import (
    DocumentIssued,
    DocumentKind,
    IssueDocument,
    LineVat,
)
from orders.domain.events import Line, PaymentProcessed, PaymentRefunded
from orders.domain.vat import STANDARD_PERCENT, VatAmount, included_vat, plain_percent
from orders.models import Product

#: The effects that issue documents.
DOCUMENTS: Final = EffectProjection("documents")
ACTOR: Final = "documents"


def find_document(kind: DocumentKind, about: UUID) -> RecordedEvent[DocumentIssued] | None:
    """The invoice of an order, or the credit note about the event of a refund; None if none was issued."""
    recorded = store.events_of_command(_command_id(kind, about))
    return next((one for one in recorded if isinstance(one.event, DocumentIssued)), None)


def _issue_invoice(request: EffectRequest) -> Act:
    event: PaymentProcessed = request.event
    order = load_any_order(request.meta.aggregate_id)
    if order is None or not event.lines:
        raise EffectNotNeeded("A part payment has no invoice")
    rates = rates_of(order.lines)
    amounts = [(line.amount, rate.percent) for line, rate in zip(order.lines, rates, strict=True)]
    at = request.meta.occurred_at
    _send("invoice", order, order.id, order.reference, at, included_vat(amounts), rates, request.meta)
    return _nothing_else


def _issue_credit_note(request: EffectRequest) -> Act:
    event: PaymentRefunded = request.event
    order = load_any_order(request.meta.aggregate_id)
    if order is None or not event.amount.amount:
        raise EffectNotNeeded("Nothing was given back")
    rates = rates_of(order.lines)
    invoiced = included_vat((line.amount, rate.percent) for line, rate in zip(order.lines, rates, strict=True))
    at = event.refunded_at or request.meta.occurred_at
    amounts = share_of(invoiced, event.amount)
    _send("credit-note", order, request.meta.event_id, event.reference, at, amounts, (), request.meta)
    return _nothing_else


def _nothing_else() -> None:
    """The document is issued while the effect is prepared, because that can be repeated."""


def rates_of(lines: Iterable[Line]) -> tuple[LineVat, ...]:
    """The rate of each line: that of its product now; of freight and of unknown products the standard rate."""
    lines = list(lines)
    products = Product.objects.filter(sku__in=[line.sku for line in lines]).values_list("sku", "vat_percent")
    percents: dict[str, Decimal] = dict(products)
    found = (plain_percent(percents.get(line.sku, STANDARD_PERCENT)) for line in lines)
    return tuple(LineVat(number, percent) for number, percent in enumerate(found, start=1))


def share_of(invoiced: tuple[VatAmount, ...], refund: Money) -> tuple[VatAmount, ...]:
    """A refund divided by the rates of the invoice, each in proportion; the last rate takes what rounding leaves."""
    total, left, shares = sum(one.gross.amount for one in invoiced), refund, []
    for place, one in enumerate(invoiced, start=1):
        is_last = place == len(invoiced) or not total
        cents = (refund.amount * one.gross.amount / total).quantize(refund.amount) if total else refund.amount
        part = left if is_last else Money(cents, refund.currency)
        shares.append((part, one.percent))
        left = left - part
        if is_last:
            break
    return included_vat(shares)


def _send(
    kind: DocumentKind,
    order: CustomerOrder,
    about: UUID,
    reference: str,
    supplied_at: datetime,
    amounts: tuple[VatAmount, ...],
    rates: tuple[LineVat, ...],
    cause: Meta,
) -> None:
    if find_document(kind, about) is not None:
        return
    if not amounts:
        raise EffectNotNeeded("It has no amount in a currency that exists")
    command = IssueDocument(kind, order.id, order.state.customer_id, reference, supplied_at, amounts, rates)
    # The cause also lets a reference through that an earlier release accepted.
    send(command, envelope=Envelope(_command_id(kind, about), actor=ACTOR, causation_id=cause.event_id))


def _command_id(kind: DocumentKind, about: UUID) -> UUID:
    return derive_id("document", kind, about)


def _when(event: Any, meta: Meta) -> datetime:
    return meta.occurred_at


DOCUMENTS.register(EffectRule("invoice", PaymentProcessed, _issue_invoice, None, _when))
DOCUMENTS.register(EffectRule("credit-note", PaymentRefunded, _issue_credit_note, None, _when))
