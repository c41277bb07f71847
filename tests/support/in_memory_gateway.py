"""A gateway in memory that keeps its word as a real one does: one key, one movement of money, for ever."""

from __future__ import annotations

from decimal import Decimal
from threading import Lock
from uuid import UUID

from eventshop.core.money import Money
from eventshop.sagas.saga_registry import SagaRegistry
from orders.application.payment_gateway_port import Declined, Outcome, Pending, Succeeded, Unknown
from orders.sagas.payment_effects import PaymentEffects, register_fulfilment


class Bank:
    """What it does with a charge, the payment method says: `card`, `declined`, `pending`, `late` or `down`."""

    def __init__(self) -> None:
        self.ended: dict[UUID, Succeeded | Declined] = {}
        self.open: dict[UUID, tuple[Money, str]] = {}
        self.refunds: dict[UUID, UUID] = {}  # by their key: of which charge
        self.asked: list[UUID] = []
        self.down = False
        self._turn = Lock()

    def charge(self, *, key: UUID, amount: Money, order_id: UUID, method: str) -> Outcome:
        with self._turn:
            self.asked.append(key)
            if key in self.ended:
                return self.ended[key]
            match method:
                case _ if self.down:
                    return Unknown(key, "no answer")
                case "declined":
                    return self._end(Declined(key, "not enough money"))
                case "pending":
                    self.open[key] = amount, method
                    return Pending(key, "p")
                case "late":  # it has it, and the answer is lost
                    self.open[key] = amount, method
                    return Unknown(key, "no answer")
                case _:
                    return self._end(Succeeded(key, amount, "r"))

    def refund(self, *, key: UUID, charge: UUID, amount: Money) -> Outcome:
        with self._turn:
            self.asked.append(key)
            if self.down:
                return Unknown(key, "no answer")
            if key in self.ended:
                return self.ended[key]
            took = self.ended.get(charge)
            if not isinstance(took, Succeeded) or self._given_back(charge) + amount.amount > took.amount.amount:
                return self._end(Declined(key, "nothing to give back"))
            self.refunds[key] = charge
            return self._end(Succeeded(key, amount, "r"))

    def find(self, key: UUID) -> Outcome | None:
        return self.ended.get(key)

    def finish(self, key: UUID, *, well: bool = True) -> Outcome:
        """A payment that was pending or late ends."""
        with self._turn:
            amount, _ = self.open.pop(key)
            return self._end(Succeeded(key, amount, "r") if well else Declined(key, "refused later"))

    @property
    def balance(self) -> Decimal:
        """What it has taken and not given back."""
        moved = [(key, it.amount.amount) for key, it in self.ended.items() if isinstance(it, Succeeded)]
        return sum((-amount if key in self.refunds else amount for key, amount in moved), Decimal(0))

    def sagas(self) -> SagaRegistry:
        """Fulfilment as it runs in the shop, with this bank."""
        sagas = SagaRegistry()
        register_fulfilment(PaymentEffects(lambda: self), sagas)
        return sagas

    def _given_back(self, charge: UUID) -> Decimal:
        ended = [self.ended[key] for key, of in self.refunds.items() if of == charge]
        return sum((it.amount.amount for it in ended if isinstance(it, Succeeded)), Decimal(0))

    def _end(self, outcome: Succeeded | Declined) -> Succeeded | Declined:
        self.ended[outcome.key] = outcome
        return outcome
