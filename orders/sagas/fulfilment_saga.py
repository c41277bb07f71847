"""Order fulfilment: set every line aside, take the payment, ship; and undo exactly what was done when that fails.

Whatever goes wrong leads to one command, CancelOrder, and everything is undone on hearing OrderCancelled: so a
customer who cancels between any two steps leaves the shop as clean as a declined card does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final, Self, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.messages import Event, Meta
from eventshop.core.money import Money
from eventshop.core.saga import CompensationAsked, Refused, Saga, Step, StopWaiting, TimedOut, Wait
from orders.application.payment_gateway_port import whole_pennies
from orders.domain.commands import (
    CancelOrder,
    DeclinePayment,
    DispatchInventory,
    ProcessPayment,
    ReceiveStock,
    ReleaseInventory,
    ReserveInventory,
    ShipOrder,
)
from orders.domain.errors import UnexpectedRefusal
from orders.domain.events import (
    InventoryRefused,
    InventoryReserved,
    ItemsReturned,
    LineAmount,
    OrderCancelled,
    OrderCreated,
    OrderShipped,
    PaymentProcessed,
    PaymentRequested,
)
from orders.domain.quantities import Pieces, ordered, returned, without, worth
from orders.sagas.fulfilment_effects import PaymentRefused, PaymentReturned, PaymentTaken, RefundPayment, TakePayment

#: How long a payment may take.
PAYMENT_WITHIN: Final = timedelta(minutes=15)
PAYMENT: Final = "payment"
#: An order that was recorded so long after it happened is history (an import, a demo): its goods have gone long ago.
HISTORY_AFTER: Final = timedelta(hours=1)
CARRIER: Final = "Parcel service"


FulfilmentHears: TypeAlias = (
    OrderCreated
    | PaymentRequested
    | PaymentProcessed
    | OrderShipped
    | OrderCancelled
    | ItemsReturned
    | InventoryReserved
    | InventoryRefused
    | PaymentTaken
    | PaymentRefused
    | PaymentReturned
    | Refused
    | TimedOut
    | CompensationAsked
)


class Stage(StrEnum):
    """How far an order has come."""

    NEW = "NEW"
    RESERVING = "RESERVING"
    PAYING = "PAYING"
    SHIPPING = "SHIPPING"  # paid, and everything set aside
    SHIPPED = "SHIPPED"
    FAILING = "FAILING"  # it is to be cancelled
    CANCELLED = "CANCELLED"


class Fulfilment(Saga[FulfilmentHears], frozen=True):
    """One order on its way through stock, payment and shipping."""

    kind: ClassVar[str] = "order-fulfilment"

    stage: Stage = Stage.NEW
    order_id: UUID = UUID(int=0)
    total: Money = Money(Decimal(0), "XXX")
    method: str = "card"
    asked: Pieces = {}  # to be set aside, and not answered yet
    held: Pieces = {}  # set aside for this order
    back: Pieces = {}  # returned before they were set aside
    paid: bool = False
    paying: bool = False  # the gateway was asked, and has not answered
    charge: UUID | None = None
    taken: Decimal = Decimal(0)  # by the gateway
    owed: Decimal = Decimal(0)  # for what came back, to the tenth of a penny
    refunded: Decimal = Decimal(0)  # of it, asked to be given back: whole pennies
    refunds: int = 0  # not answered yet

    @staticmethod
    def subject_of(event: OrderCreated | InventoryReserved) -> UUID:
        return event.order_id

    @staticmethod
    def starts_with(event: Event, meta: Meta) -> bool:
        return isinstance(event, OrderCreated) and meta.recorded_at - meta.occurred_at < HISTORY_AFTER

    @property
    def ended(self) -> bool:
        if self.asked or self.held or self.paying or self.refunds:
            return False
        return self.stage in (Stage.SHIPPING, Stage.SHIPPED, Stage.CANCELLED)

    def react(self, heard: FulfilmentHears) -> list[Step]:
        match heard:
            case OrderCreated(order_id=order, lines=lines):
                return [ReserveInventory(sku, order, quantity) for sku, quantity in ordered(lines).items()]
            case InventoryReserved() as it:
                return self._set_aside(it)
            case InventoryRefused(sku=sku, reason=reason):
                return self._cancel(f"{sku}: {reason}")
            case PaymentTaken(charge=charge, amount=amount):
                return self._money_came(charge, amount)
            case PaymentRefused(reason=reason) if self.stage is Stage.PAYING:
                return [StopWaiting(PAYMENT), DeclinePayment(self.order_id, reason), *self._cancel(reason)]
            case TimedOut() if self.stage is Stage.PAYING and self.paying:
                return self._cancel("the payment took too long")
            case PaymentProcessed() if self.stage is Stage.PAYING:
                return [StopWaiting(PAYMENT), ShipOrder(self.order_id, carrier=CARRIER)]
            case OrderShipped():
                return [DispatchInventory(sku, self.order_id, pieces) for sku, pieces in self.held.items()]
            case OrderCancelled():
                return [*self._release(self.held), *self._stop_paying(), *self._refund(self.taken)]
            case ItemsReturned(reference=reference, lines=lines):
                return [*self._take_back(lines, reference), *self._refund(worth(lines))]
            case Refused():
                return self._refused(heard)
            case CompensationAsked(reason=reason) if self.stage is not Stage.SHIPPED:
                return self._cancel(reason)
            case PaymentRequested() | PaymentRefused() | PaymentProcessed() | PaymentReturned():
                return []
            case TimedOut() | CompensationAsked():
                return []
            case _:
                assert_never(heard)

    def evolve(self, heard: FulfilmentHears) -> Self:
        match heard:
            case OrderCreated(order_id=order, lines=lines, total=due):
                return replace(self, stage=Stage.RESERVING, order_id=order, total=due, asked=ordered(lines))
            case PaymentRequested(method=method):
                return replace(self, method=method)
            case InventoryReserved(sku=sku):
                return self._after_set_aside(sku)
            case InventoryRefused(sku=sku):
                return replace(self._failing(), asked=without(self.asked, {sku: self.asked.get(sku, 0)}))
            case PaymentTaken(charge=charge, amount=amount):
                took = replace(self, paying=False, charge=charge, taken=amount.amount)
                return took if self.stage is Stage.PAYING else took._refunding(amount.amount)
            case PaymentRefused():
                return replace(self, paying=False)._failing(Stage.PAYING)
            case TimedOut():
                return self._failing(Stage.PAYING) if self.paying else self
            case PaymentProcessed():
                return replace(self, paid=True, stage=self._then(Stage.PAYING, Stage.SHIPPING))
            case OrderShipped():
                return replace(self, stage=Stage.SHIPPED, held={})
            case OrderCancelled():
                return replace(self, stage=Stage.CANCELLED, held={})._refunding(self.taken)
            case ItemsReturned(lines=lines):
                return self._after_return(returned(lines))._refunding(worth(lines))
            case PaymentReturned():
                return replace(self, refunds=self.refunds - 1)
            case Refused():
                return self._after_refusal(heard)
            case CompensationAsked():
                return self._failing()
            case _:
                assert_never(heard)

    # --- stock ----------------------------------------------------------------------------------------------------

    def _set_aside(self, it: InventoryReserved) -> list[Step]:
        back = self.back.get(it.sku, 0)
        kept = it.quantity - back
        steps = self._release({it.sku: back} if back else {})
        match self.stage:
            case Stage.CANCELLED:
                return self._release({it.sku: it.quantity})
            case Stage.SHIPPED if kept:
                return [*steps, DispatchInventory(it.sku, self.order_id, kept)]
            case Stage.RESERVING if self.asked.keys() == {it.sku}:
                return [*steps, *self._pay_or_ship()]
            case _:
                return steps

    def _after_set_aside(self, sku: str) -> Self:
        quantity, back = self.asked.get(sku, 0), self.back.get(sku, 0)
        after = replace(self, asked=without(self.asked, {sku: quantity}), back=without(self.back, {sku: back}))
        if self.stage in (Stage.CANCELLED, Stage.SHIPPED):
            return after
        after = replace(after, held=without({**self.held, sku: quantity}, {sku: back}))
        if self.stage is not Stage.RESERVING or after.asked:
            return after
        if self.paid:
            return replace(after, stage=Stage.SHIPPING)
        return replace(after, stage=Stage.PAYING, paying=self.total.amount > 0)

    def _release(self, pieces: Pieces) -> list[Step]:
        return [ReleaseInventory(sku, self.order_id, quantity) for sku, quantity in pieces.items()]

    def _take_back(self, lines: Iterable[LineAmount], reference: str) -> list[Step]:
        """Pieces that had not left are released, the others come into stock again."""
        if self.stage is Stage.SHIPPED:
            return [ReceiveStock(sku, quantity, reference) for sku, quantity in returned(lines).items()]
        return self._release({sku: quantity for sku, quantity in returned(lines).items() if sku in self.held})

    def _after_return(self, pieces: Pieces) -> Self:
        if self.stage is Stage.SHIPPED:
            return self
        early = {sku: self.back.get(sku, 0) + quantity for sku, quantity in pieces.items() if sku in self.asked}
        return replace(self, held=without(self.held, pieces), back={**self.back, **early})

    # --- money ----------------------------------------------------------------------------------------------------

    def _pay_or_ship(self) -> list[Step]:
        if self.paid:
            return [ShipOrder(self.order_id, carrier=CARRIER)]
        if not self.total.amount:
            return [ProcessPayment(self.order_id, self.total, method="nothing to pay")]
        take = TakePayment(self.order_id, self.total, self.method)
        return [take, Wait(PAYMENT, after=PAYMENT_WITHIN)]

    def _money_came(self, charge: UUID, amount: Money) -> list[Step]:
        if self.stage is Stage.PAYING:
            return [StopWaiting(PAYMENT), ProcessPayment(self.order_id, amount, self.method)]
        return [RefundPayment(self.order_id, charge, amount)]  # too late: nobody waits for it any more

    def _stop_paying(self) -> list[Step]:
        return [StopWaiting(PAYMENT)] if self.paying else []

    def _refund(self, wanted: Decimal) -> list[Step]:
        """Give back so much more, as far as the gateway has taken it and not given it back."""
        amount = self._due_back(wanted)
        if amount <= 0 or self.charge is None:
            return []
        return [RefundPayment(self.order_id, self.charge, Money(amount, self.total.currency))]

    def _refunding(self, wanted: Decimal) -> Self:
        amount = self._due_back(wanted)
        after = replace(self, owed=self.owed + wanted)
        return replace(after, refunded=self.refunded + amount, refunds=self.refunds + 1) if amount > 0 else after

    def _due_back(self, wanted: Decimal) -> Decimal:
        # Rounded over all refunds together: a penny that two returns share is given back with the second.
        owed = Money(min(self.owed + wanted, self.taken), self.total.currency)
        return whole_pennies(owed).amount - self.refunded

    # --- when it fails --------------------------------------------------------------------------------------------

    def _cancel(self, reason: str) -> list[Step]:
        if self.stage in (Stage.FAILING, Stage.SHIPPED, Stage.CANCELLED):
            return []
        return [CancelOrder(self.order_id, reason=reason[:200])]

    def _failing(self, *stages: Stage) -> Self:
        """On its way to be cancelled, from these stages; without any, from every one that still can be."""
        can = stages or (Stage.RESERVING, Stage.PAYING, Stage.SHIPPING)
        return replace(self, stage=Stage.FAILING) if self.stage in can else self

    def _then(self, stage: Stage, following: Stage) -> Stage:
        return following if self.stage is stage else self.stage

    def _refused(self, refused: Refused) -> list[Step]:
        match refused.command:
            case ReserveInventory():
                return self._cancel(refused.reason)
            case ProcessPayment() if refused.code == "invalid-order-state":
                # Cancelled, or paid in another way, a moment before: the order's own events say which.
                return self._refund(self.taken)
            case ProcessPayment():
                return [*self._refund(self.taken), *self._cancel(refused.reason)]
            case ShipOrder() | CancelOrder() | DeclinePayment():
                return []  # the order went another way; its own events tell
            case _:
                raise UnexpectedRefusal(command=type(refused.command).__name__, reason=refused.reason)

    def _after_refusal(self, refused: Refused) -> Self:
        match refused.command:
            case ReserveInventory(sku=sku):
                return replace(self._failing(), asked=without(self.asked, {sku: self.asked.get(sku, 0)}))
            case ProcessPayment():
                after = self if refused.code == "invalid-order-state" else self._failing()
                return after._refunding(self.taken)
            case _:
                return self
