"""A payment gateway in memory. As in a real one, each idempotency key moves money at most once."""

from __future__ import annotations

from decimal import Decimal
from threading import Lock
from uuid import UUID

from eventshop.core.money import Money
from eventshop.sagas.saga_registry import SagaRegistry
from orders.application.payment_gateway_port import Declined, Outcome, Pending, Succeeded, Unknown
from orders.sagas.fulfilment_effects import RefundPayment, TakePayment
from orders.sagas.fulfilment_saga import Fulfilment
from orders.sagas.payment_effects import PaymentEffects


class InMemoryGateway:
    """The payment method of a charge decides what happens to it: `card`, `declined`, `pending` or `late`."""

    def __init__(self) -> None:
        self.outcomes: dict[UUID, Succeeded | Declined] = {}
        self.open_charges: dict[UUID, tuple[Money, str]] = {}
        self.refunds: dict[UUID, UUID] = {}  # refund key -> charge key
        self.requested_keys: list[UUID] = []
        self.is_down = False
        self._lock = Lock()

    def charge(self, *, key: UUID, amount: Money, order_id: UUID, method: str) -> Outcome:
        with self._lock:
            self.requested_keys.append(key)
            if key in self.outcomes:
                return self.outcomes[key]
            match method:
                case _ if self.is_down:
                    return Unknown(key, "no answer")
                case "declined":
                    return self._record(Declined(key, "not enough money"))
                case "pending":
                    self.open_charges[key] = amount, method
                    return Pending(key, "p")
                case "late":  # the charge is open, but the response is lost
                    self.open_charges[key] = amount, method
                    return Unknown(key, "no answer")
                case _:
                    return self._record(Succeeded(key, amount, "r"))

    def refund(self, *, key: UUID, charge: UUID, amount: Money) -> Outcome:
        with self._lock:
            self.requested_keys.append(key)
            if self.is_down:
                return Unknown(key, "no answer")
            if key in self.outcomes:
                return self.outcomes[key]
            charged = self.outcomes.get(charge)
            if (
                not isinstance(charged, Succeeded)
                or self._refunded_amount(charge) + amount.amount > charged.amount.amount
            ):
                return self._record(Declined(key, "nothing to give back"))
            self.refunds[key] = charge
            return self._record(Succeeded(key, amount, "r"))

    def find(self, key: UUID) -> Outcome | None:
        return self.outcomes.get(key)

    def finish_charge(self, key: UUID, *, succeeds: bool = True) -> Outcome:
        """End a charge that was pending or late."""
        with self._lock:
            amount, _ = self.open_charges.pop(key)
            return self._record(Succeeded(key, amount, "r") if succeeds else Declined(key, "refused later"))

    @property
    def balance(self) -> Decimal:
        """What was charged and not refunded."""
        succeeded = [outcome for outcome in self.outcomes.values() if isinstance(outcome, Succeeded)]
        amounts = ((outcome.key, outcome.amount.amount) for outcome in succeeded)
        return sum((-amount if key in self.refunds else amount for key, amount in amounts), Decimal(0))

    def saga_registry(self) -> SagaRegistry:
        """A registry with the fulfilment saga, which uses this gateway."""
        sagas, effects = SagaRegistry(), PaymentEffects(lambda: self)
        sagas.register(Fulfilment)
        sagas.register_effect(TakePayment, effects.take_payment)
        sagas.register_effect(RefundPayment, effects.refund_payment)
        return sagas

    def _refunded_amount(self, charge: UUID) -> Decimal:
        refunds = [self.outcomes[key] for key, of in self.refunds.items() if of == charge]
        return sum((refund.amount.amount for refund in refunds if isinstance(refund, Succeeded)), Decimal(0))

    def _record(self, outcome: Succeeded | Declined) -> Succeeded | Declined:
        self.outcomes[outcome.key] = outcome
        return outcome
