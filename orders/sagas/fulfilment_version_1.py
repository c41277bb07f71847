"""Order fulfilment that an earlier release started: its state is read as that of today, and it goes on as today.

Version 1 charged every order as soon as its goods were reserved, by `card` unless a payment had been requested before.
Such a charge is recorded if the order was asked to pay so, and given back otherwise. Its state does not tell whether
`card` was asked for; an order that it had not charged yet waits for a request, and for its deadline.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Self
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.saga import Effect, SagaAction, StartTimer
from orders.domain.payments import payable, payment_id_of
from orders.domain.quantities import Quantities
from orders.sagas.fulfilment_messages import FulfilmentMessage
from orders.sagas.fulfilment_saga import Fulfilment
from orders.sagas.fulfilment_values import PAYMENT_TIMER, RequestedPayment, Stage


class FulfilmentOfVersion1(Fulfilment, frozen=True):
    """`method` is empty once the state was read as that of today; the fields after it are those of version 1."""

    version: ClassVar[int] = 1

    method: str = ""
    back: Quantities = {}
    paid: bool = False
    paying: bool = False
    charge: UUID | None = None
    refunds: int = 0

    def react(self, message: FulfilmentMessage) -> list[SagaAction]:
        actions = Fulfilment.react(self._as_of_today(), message)
        if self.method and self.stage is Stage.RESERVING:  # it had no deadline
            actions = [*actions, StartTimer(PAYMENT_TIMER, after=type(self).terms().payment_deadline)]
        return actions

    def evolve(self, message: FulfilmentMessage) -> Self:
        return super(FulfilmentOfVersion1, self._as_of_today()).evolve(message)

    def awaits(self, effect: Effect) -> bool:
        return super(FulfilmentOfVersion1, self._as_of_today()).awaits(effect)

    @property
    def ended(self) -> bool:
        return super(FulfilmentOfVersion1, self._as_of_today()).ended

    def _as_of_today(self) -> Self:
        if not self.method:
            return self
        payment = payment_id_of(self.order_id, 1)
        is_asked = self.stage is Stage.RESERVING and self.method != "card"
        waiting = RequestedPayment(payment, payable(self.total), self.method) if is_asked else None
        return replace(
            self,
            waiting=waiting,
            under_way={payment: self.method} if self.paying else {},
            collected=self.total.amount if self.paid else Decimal(0),
            charges={payment: self.charge} if self.charge else {},
            moving=(payment,) * self.refunds,
            method="",
            back={},
            paid=False,
            paying=False,
            charge=None,
            refunds=0,
        )
