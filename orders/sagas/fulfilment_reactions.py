"""Reactions of order fulfilment that depend on one message alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from eventshop.core.messages import Command
from eventshop.core.saga import Effect, SagaAction
from orders.domain.commands import (
    AuthorisePayment,
    DeclinePayment,
    DispatchInventory,
    ProcessPayment,
    ReceiveStock,
    ReleaseInventory,
    WriteOffStock,
)
from orders.domain.events import ItemsReturned
from orders.domain.payments import named_payment
from orders.domain.quantities import Quantities, returned_quantities
from orders.sagas.fulfilment_effects import (
    CapturePayment,
    PaymentRefused,
    PaymentSetAside,
    PaymentTaken,
    RefundPayment,
    TakePayment,
    VoidAuthorisation,
)
from orders.sagas.fulfilment_values import Authorisation, undoing_refund


def recording_command(
    order_id: UUID, answer: PaymentTaken | PaymentSetAside | PaymentRefused, methods: Mapping[UUID, str]
) -> Command:
    """The command that records what the gateway answered.

    An answer of an earlier release names neither payment nor method: it belongs to the first payment, and `methods` are
    those of the payments under way.
    """
    payment = named_payment(answer.payment_id, order_id)
    method = answer.method or methods.get(payment, "card")
    match answer:
        case PaymentTaken(amount=amount, charge=charge, processed_at=moment):
            return ProcessPayment(order_id, amount, method, payment, charge, moment)
        case PaymentSetAside(amount=amount, charge=charge, authorised_at=moment):
            return AuthorisePayment(order_id, amount, method, payment, charge, moment)
        case PaymentRefused(reason=reason):
            return DeclinePayment(order_id, reason, payment, method)


def undo_charge(command: ProcessPayment | AuthorisePayment, reason: str) -> list[SagaAction]:
    """Give back or release what the gateway took or set aside, and the order does not accept."""
    decline = DeclinePayment(command.order_id, reason[:200], command.payment_id, command.method)
    if isinstance(command, AuthorisePayment):
        return [VoidAuthorisation(command.order_id, command.payment_id, command.charge_id), decline]
    if command.charge_id is None:
        return [decline]
    refund = RefundPayment(command.order_id, command.charge_id, command.amount, undoing_refund(command.charge_id))
    return [refund, decline]


def is_awaited(effect: Effect, order_id: UUID, under_way: Mapping[UUID, str], moving: Collection[UUID]) -> bool:
    """Whether the order has no answer to an effect yet, by its payments under way and its money that is moving."""
    match effect:
        case TakePayment(payment_id=payment):
            return named_payment(payment, order_id) in under_way
        case CapturePayment(payment_id=moved) | VoidAuthorisation(payment_id=moved) | RefundPayment(refund_id=moved):
            return moved in moving
        case _:
            return True


def release_all(order_id: UUID, goods: Quantities) -> list[SagaAction]:
    return [ReleaseInventory(sku, order_id, quantity) for sku, quantity in goods.items()]


def dispatch_all(order_id: UUID, goods: Quantities) -> list[SagaAction]:
    return [DispatchInventory(sku, order_id, quantity) for sku, quantity in goods.items()]


def capture_all(order_id: UUID, authorised: Mapping[UUID, Authorisation]) -> list[SagaAction]:
    return [CapturePayment(order_id, payment, part.charge, part.amount) for payment, part in authorised.items()]


def void_all(order_id: UUID, authorised: Mapping[UUID, Authorisation]) -> list[SagaAction]:
    return [VoidAuthorisation(order_id, payment, part.charge) for payment, part in authorised.items()]


def receive_return(event: ItemsReturned) -> list[SagaAction]:
    """Everything comes into stock; what is damaged is written off from it."""
    received, damaged = returned_quantities(event.lines), returned_quantities(event.damaged)
    return [
        *(ReceiveStock(sku, quantity, event.reference) for sku, quantity in received.items()),
        *(WriteOffStock(sku, quantity, "returned damaged", event.reference) for sku, quantity in damaged.items()),
    ]
