"""The saga of order fulfilment: reserve every line, take the payment, ship; on failure compensate what was done.

Every failure leads to one command, CancelOrder, and all compensation follows the event OrderCancelled. So a customer
who cancels between any two steps is compensated in the same way as one whose card is declined.
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
from eventshop.core.saga import (
    CancelTimer,
    CompensationRequested,
    RefusedCommand,
    Saga,
    SagaAction,
    StartTimer,
    TimerFired,
)
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
from orders.domain.quantities import (
    Quantities,
    ordered_quantities,
    returned_quantities,
    subtract_quantities,
    total_amount,
)
from orders.sagas.fulfilment_effects import PaymentRefused, PaymentReturned, PaymentTaken, RefundPayment, TakePayment

#: How long a payment may take.
PAYMENT_TIMEOUT: Final = timedelta(minutes=15)
PAYMENT_TIMER: Final = "payment"
#: An order that was recorded so long after it occurred is history (an import, a demo) and was fulfilled already.
HISTORY_AFTER: Final = timedelta(hours=1)
CARRIER: Final = "Parcel service"


FulfilmentMessage: TypeAlias = (
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
    | RefusedCommand
    | TimerFired
    | CompensationRequested
)


class Stage(StrEnum):
    """The stages of fulfilment."""

    NEW = "NEW"
    RESERVING = "RESERVING"
    PAYING = "PAYING"
    SHIPPING = "SHIPPING"  # paid, and every line reserved
    SHIPPED = "SHIPPED"
    FAILING = "FAILING"  # CancelOrder was sent
    CANCELLED = "CANCELLED"


class Fulfilment(Saga[FulfilmentMessage], frozen=True):
    """The fulfilment of one order: stock, payment and shipping."""

    kind: ClassVar[str] = "order-fulfilment"

    stage: Stage = Stage.NEW
    order_id: UUID = UUID(int=0)
    total: Money = Money(Decimal(0), "XXX")
    method: str = "card"
    asked: Quantities = {}  # reservations requested and not answered yet
    held: Quantities = {}  # reserved for this order
    back: Quantities = {}  # returned before the reservation was answered
    paid: bool = False
    paying: bool = False  # the charge was requested and not answered yet
    charge: UUID | None = None
    taken: Decimal = Decimal(0)  # charged by the gateway
    owed: Decimal = Decimal(0)  # for returned goods, to the tenth of a penny
    refunded: Decimal = Decimal(0)  # of `owed`, requested as refunds: whole pennies
    refunds: int = 0  # refunds requested and not answered yet

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

    def react(self, message: FulfilmentMessage) -> list[SagaAction]:
        match message:
            case OrderCreated(order_id=order, lines=lines):
                return [ReserveInventory(sku, order, quantity) for sku, quantity in ordered_quantities(lines).items()]
            case InventoryReserved():
                return self._handle_reservation(message)
            case InventoryRefused(sku=sku, reason=reason):
                return self._cancel(f"{sku}: {reason}")
            case PaymentTaken(charge=charge, amount=amount):
                return self._handle_charge(charge, amount)
            case PaymentRefused(reason=reason) if self.stage is Stage.PAYING:
                return [CancelTimer(PAYMENT_TIMER), DeclinePayment(self.order_id, reason), *self._cancel(reason)]
            case TimerFired() if self.stage is Stage.PAYING and self.paying:
                return self._cancel("the payment took too long")
            case PaymentProcessed() if self.stage is Stage.PAYING:
                return [CancelTimer(PAYMENT_TIMER), ShipOrder(self.order_id, carrier=CARRIER)]
            case OrderShipped():
                return [DispatchInventory(sku, self.order_id, quantity) for sku, quantity in self.held.items()]
            case OrderCancelled():
                return [*self._release(self.held), *self._stop_payment_timer(), *self._refund(self.taken)]
            case ItemsReturned(reference=reference, lines=lines):
                return [*self._handle_return(lines, reference), *self._refund(total_amount(lines))]
            case RefusedCommand():
                return self._handle_refusal(message)
            case CompensationRequested(reason=reason) if self.stage is not Stage.SHIPPED:
                return self._cancel(reason)
            case PaymentRequested() | PaymentRefused() | PaymentProcessed() | PaymentReturned():
                return []
            case TimerFired() | CompensationRequested():
                return []
            case _:
                assert_never(message)

    def evolve(self, message: FulfilmentMessage) -> Self:
        match message:
            case OrderCreated(order_id=order, lines=lines, total=due):
                return replace(self, stage=Stage.RESERVING, order_id=order, total=due, asked=ordered_quantities(lines))
            case PaymentRequested(method=method):
                return replace(self, method=method)
            case InventoryReserved(sku=sku):
                return self._apply_reservation(sku)
            case InventoryRefused(sku=sku):
                return replace(
                    self._apply_failure(), asked=subtract_quantities(self.asked, {sku: self.asked.get(sku, 0)})
                )
            case PaymentTaken(charge=charge, amount=amount):
                charged = replace(self, paying=False, charge=charge, taken=amount.amount)
                return charged if self.stage is Stage.PAYING else charged._apply_refund(amount.amount)
            case PaymentRefused():
                return replace(self, paying=False)._apply_failure(Stage.PAYING)
            case TimerFired():
                return self._apply_failure(Stage.PAYING) if self.paying else self
            case PaymentProcessed():
                return replace(self, paid=True, stage=self._advance_from(Stage.PAYING, Stage.SHIPPING))
            case OrderShipped():
                return replace(self, stage=Stage.SHIPPED, held={})
            case OrderCancelled():
                return replace(self, stage=Stage.CANCELLED, held={})._apply_refund(self.taken)
            case ItemsReturned(lines=lines):
                return self._apply_return(returned_quantities(lines))._apply_refund(total_amount(lines))
            case PaymentReturned():
                return replace(self, refunds=self.refunds - 1)
            case RefusedCommand():
                return self._apply_refusal(message)
            case CompensationRequested():
                return self._apply_failure()
            case _:
                assert_never(message)

    # --- stock ----------------------------------------------------------------------------------------------------

    def _handle_reservation(self, event: InventoryReserved) -> list[SagaAction]:
        back = self.back.get(event.sku, 0)
        kept = event.quantity - back
        steps = self._release({event.sku: back} if back else {})
        match self.stage:
            case Stage.CANCELLED:
                return self._release({event.sku: event.quantity})
            case Stage.SHIPPED if kept:
                return [*steps, DispatchInventory(event.sku, self.order_id, kept)]
            case Stage.RESERVING if self.asked.keys() == {event.sku}:
                return [*steps, *self._pay_or_ship()]
            case _:
                return steps

    def _apply_reservation(self, sku: str) -> Self:
        quantity, back = self.asked.get(sku, 0), self.back.get(sku, 0)
        after = replace(
            self,
            asked=subtract_quantities(self.asked, {sku: quantity}),
            back=subtract_quantities(self.back, {sku: back}),
        )
        if self.stage in (Stage.CANCELLED, Stage.SHIPPED):
            return after
        after = replace(after, held=subtract_quantities({**self.held, sku: quantity}, {sku: back}))
        if self.stage is not Stage.RESERVING or after.asked:
            return after
        if self.paid:
            return replace(after, stage=Stage.SHIPPING)
        return replace(after, stage=Stage.PAYING, paying=self.total.amount > 0)

    def _release(self, quantities: Quantities) -> list[SagaAction]:
        return [ReleaseInventory(sku, self.order_id, quantity) for sku, quantity in quantities.items()]

    def _handle_return(self, lines: Iterable[LineAmount], reference: str) -> list[SagaAction]:
        """Release the units that were not dispatched yet; receive the others into stock again."""
        if self.stage is Stage.SHIPPED:
            return [ReceiveStock(sku, quantity, reference) for sku, quantity in returned_quantities(lines).items()]
        return self._release(
            {sku: quantity for sku, quantity in returned_quantities(lines).items() if sku in self.held}
        )

    def _apply_return(self, quantities: Quantities) -> Self:
        if self.stage is Stage.SHIPPED:
            return self
        early = {sku: self.back.get(sku, 0) + quantity for sku, quantity in quantities.items() if sku in self.asked}
        return replace(self, held=subtract_quantities(self.held, quantities), back={**self.back, **early})

    # --- money ----------------------------------------------------------------------------------------------------

    def _pay_or_ship(self) -> list[SagaAction]:
        if self.paid:
            return [ShipOrder(self.order_id, carrier=CARRIER)]
        if not self.total.amount:
            return [ProcessPayment(self.order_id, self.total, method="nothing to pay")]
        take = TakePayment(self.order_id, self.total, self.method)
        return [take, StartTimer(PAYMENT_TIMER, after=PAYMENT_TIMEOUT)]

    def _handle_charge(self, charge: UUID, amount: Money) -> list[SagaAction]:
        if self.stage is Stage.PAYING:
            return [CancelTimer(PAYMENT_TIMER), ProcessPayment(self.order_id, amount, self.method)]
        return [RefundPayment(self.order_id, charge, amount)]  # too late: the order no longer waits for a payment

    def _stop_payment_timer(self) -> list[SagaAction]:
        return [CancelTimer(PAYMENT_TIMER)] if self.paying else []

    def _refund(self, due: Decimal) -> list[SagaAction]:
        """Refund an additional amount due, limited to what was charged and not refunded yet."""
        amount = self._refundable_amount(due)
        if amount <= 0 or self.charge is None:
            return []
        return [RefundPayment(self.order_id, self.charge, Money(amount, self.total.currency))]

    def _apply_refund(self, due: Decimal) -> Self:
        amount = self._refundable_amount(due)
        after = replace(self, owed=self.owed + due)
        return replace(after, refunded=self.refunded + amount, refunds=self.refunds + 1) if amount > 0 else after

    def _refundable_amount(self, due: Decimal) -> Decimal:
        # Rounded over all refunds together: a penny that two returns share is refunded with the second.
        owed = Money(min(self.owed + due, self.taken), self.total.currency)
        return whole_pennies(owed).amount - self.refunded

    # --- failures -------------------------------------------------------------------------------------------------

    def _cancel(self, reason: str) -> list[SagaAction]:
        if self.stage in (Stage.FAILING, Stage.SHIPPED, Stage.CANCELLED):
            return []
        return [CancelOrder(self.order_id, reason=reason[:200])]

    def _apply_failure(self, *from_stages: Stage) -> Self:
        """Move to FAILING from one of these stages; by default from every stage in which an order can be cancelled."""
        allowed = from_stages or (Stage.RESERVING, Stage.PAYING, Stage.SHIPPING)
        return replace(self, stage=Stage.FAILING) if self.stage in allowed else self

    def _advance_from(self, current: Stage, following: Stage) -> Stage:
        return following if self.stage is current else self.stage

    def _handle_refusal(self, refusal: RefusedCommand) -> list[SagaAction]:
        match refusal.command:
            case ReserveInventory():
                return self._cancel(refusal.reason)
            case ProcessPayment() if refusal.code == "invalid-order-state":
                # The order was cancelled or paid otherwise a moment before; its own event follows and says which.
                return self._refund(self.taken)
            case ProcessPayment():
                return [*self._refund(self.taken), *self._cancel(refusal.reason)]
            case ShipOrder() | CancelOrder() | DeclinePayment():
                return []  # the order changed meanwhile; its own event follows
            case _:
                raise UnexpectedRefusal(command=type(refusal.command).__name__, reason=refusal.reason)

    def _apply_refusal(self, refusal: RefusedCommand) -> Self:
        match refusal.command:
            case ReserveInventory(sku=sku):
                return replace(
                    self._apply_failure(), asked=subtract_quantities(self.asked, {sku: self.asked.get(sku, 0)})
                )
            case ProcessPayment():
                after = self if refusal.code == "invalid-order-state" else self._apply_failure()
                return after._apply_refund(self.taken)
            case _:
                return self
