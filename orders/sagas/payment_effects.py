"""The effects of fulfilment: money through the gateway, under the key of the step."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from msgspec import Struct

from eventshop.core.errors import InvalidMessage
from eventshop.core.saga import Answer
from eventshop.sagas.saga_registry import Catalogue, catalogue
from orders.application.payment_gateway_port import Declined, Outcome, PaymentGateway, Succeeded, Unknown
from orders.domain.errors import RefundDeclined
from orders.payment_gateway.errors import NoGateway
from orders.payment_gateway.factory import payment_gateway
from orders.sagas.fulfilment_effects import PaymentRefused, PaymentReturned, PaymentTaken, RefundPayment, TakePayment
from orders.sagas.fulfilment_saga import Fulfilment


class Cashier(Struct, frozen=True):
    """Carries out what fulfilment wants done with money, at a gateway that is looked up each time."""

    gateway: Callable[[], PaymentGateway]

    def take(self, effect: TakePayment, key: UUID) -> Answer | None:
        """Ask for the money; the same key never takes it twice. None while nobody can say."""
        try:
            gateway = self.gateway()
            outcome = gateway.charge(key=key, amount=effect.amount, order_id=effect.order_id, method=effect.method)
        except (NoGateway, InvalidMessage) as error:  # nothing was sent, nor ever will be
            return PaymentRefused(str(error)[:200])
        return charged(key, _known(gateway, key, outcome))

    def refund(self, effect: RefundPayment, key: UUID) -> Answer | None:
        """Give money back, once. Raises `RefundDeclined`."""
        gateway = self.gateway()
        return returned(_known(gateway, key, gateway.refund(key=key, charge=effect.charge, amount=effect.amount)))


def _known(gateway: PaymentGateway, key: UUID, outcome: Outcome) -> Outcome:
    """A gateway that leaves a request without an answer may still say what became of it."""
    return (gateway.find(key) or outcome) if isinstance(outcome, Unknown) else outcome


def charged(key: UUID, outcome: Outcome) -> Answer | None:
    """What the order hears of a charge."""
    match outcome:
        case Succeeded(amount=amount):
            return PaymentTaken(charge=key, amount=amount)
        case Declined(reason=reason):
            return PaymentRefused(reason[:200] or "declined")
        case _:
            return None


def returned(outcome: Outcome) -> Answer | None:
    """What the order hears of a refund; raises `RefundDeclined`: no money moved that should have."""
    match outcome:
        case Succeeded(amount=amount):
            return PaymentReturned(amount)
        case Declined(reason=reason):
            raise RefundDeclined(reason=reason)
        case _:
            return None


def employ(cashier: Cashier, sagas: Catalogue) -> None:
    """Let fulfilment run with this cashier."""
    sagas.add(Fulfilment)
    sagas.handle(TakePayment, cashier.take)
    sagas.handle(RefundPayment, cashier.refund)


employ(Cashier(payment_gateway), catalogue)
