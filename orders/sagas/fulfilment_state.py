"""The state of order fulfilment, and how it follows from each message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import ClassVar, Final, Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.money import Money
from eventshop.core.saga import CompensationRequested, RefusedCommand, Saga, TimerFired
from orders.domain.commands import AuthorisePayment, ProcessPayment, ReserveInventory
from orders.domain.events import (
    InventoryRefused,
    InventoryReserved,
    ItemsReturned,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderShipped,
    PaymentAuthorised,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    PaymentVoided,
    RefundRequested,
)
from orders.domain.payments import named_payment, payable
from orders.domain.quantities import Quantities, ordered_quantities, subtract_quantities
from orders.sagas.fulfilment_effects import (
    AuthorisationVoided,
    ParcelHandedOver,
    PaymentCaptured,
    PaymentRefused,
    PaymentReturned,
    PaymentSetAside,
    PaymentTaken,
)
from orders.sagas.fulfilment_messages import FulfilmentMessage
from orders.sagas.fulfilment_values import (
    PAYMENT_TIMER,
    Authorisation,
    FulfilmentTerms,
    RequestedPayment,
    Stage,
    requested_payment,
    undoing_refund,
)

ZERO: Final = Decimal(0)


class FulfilmentState(Saga[FulfilmentMessage], frozen=True):
    """What fulfilment knows of one order."""

    kind: ClassVar[str] = "order-fulfilment"
    version: ClassVar[int] = 2
    terms: ClassVar[Callable[[], FulfilmentTerms]] = FulfilmentTerms

    stage: Stage = Stage.NEW
    order_id: UUID = UUID(int=0)
    customer_id: UUID | None = None  # None, too, for an order that an earlier release began
    total: Money = Money(ZERO, "XXX")
    asked: Quantities = {}  # reservations requested and not answered yet
    held: Quantities = {}  # reserved for this order
    waiting: RequestedPayment | None = None  # requested before every line was reserved, or when it was too late
    under_way: Mapping[UUID, str] = {}  # payments sent to the gateway and not answered yet, with their methods
    collected: Decimal = ZERO
    authorised: Mapping[UUID, Authorisation] = {}  # by payment
    charges: Mapping[UUID, UUID] = {}  # the gateway's charge of each payment
    moving: tuple[UUID, ...] = ()  # captures, voids and refunds sent to the gateway and not answered yet
    unrecorded: tuple[UUID, ...] = ()  # of these, what undoes a charge that the order did not accept
    is_overdue: bool = False  # the deadline passed while a payment was under way
    is_stopped: bool = False  # something happened elsewhere: only what the order decides is done

    @property
    def is_covered(self) -> bool:
        """Whether what was taken and what is set aside pay the order."""
        covered = self.collected + sum((part.amount.amount for part in self.authorised.values()), ZERO)
        return covered >= min(self.total.amount, payable(self.total).amount)

    @property
    def awaits_payment(self) -> bool:
        """Whether a payment was requested that is not answered yet: the deadline does not pass before its answer."""
        return bool(self.under_way or self.waiting)

    @property
    def ended(self) -> bool:
        if self.asked or self.held or self.waiting or self.under_way or self.moving:
            return False
        return self.is_stopped or self.stage in (Stage.SHIPPED, Stage.CANCELLED, Stage.STOPPED)

    def evolve(self, message: FulfilmentMessage) -> Self:
        match message:
            case OrderCreated(order_id=order, customer_id=customer, lines=lines, total=due):
                asked = ordered_quantities(lines)
                stage = Stage.RESERVING if asked else Stage.PAYING
                return replace(self, stage=stage, order_id=order, customer_id=customer, total=due, asked=asked)
            case InventoryReserved(sku=sku):
                return self._apply_reservation(sku)
            case InventoryRefused(sku=sku):
                return self._answered(sku)._failing()
            case PaymentRequested():
                return self._apply_request(requested_payment(message))
            case PaymentRefused(payment_id=payment) | PaymentDeclined(payment_id=payment):
                return self._without_payment(payment)._fail_if_overdue()
            case PaymentAuthorised(payment_id=payment, charge_id=charge, amount=amount):
                authorised = {**self.authorised, payment: Authorisation(charge, amount)}
                after = replace(self, authorised=authorised, charges={**self.charges, payment: charge})
                after = after._without_payment(payment)
                is_over = self.stage in (Stage.CANCELLED, Stage.STOPPED)
                return after._void_all() if is_over else after._advanced()
            case PaymentProcessed(observed=False):
                return self._apply_payment(message)._advanced()
            case PaymentCaptured(payment_id=moved) | AuthorisationVoided(payment_id=moved):
                return self._moved(moved)
            case PaymentVoided(payment_id=moved) | PaymentRefunded(refund_id=UUID() as moved):
                return self._moved(moved)  # once more, unless the saga was muted when the gateway answered
            case PaymentReturned(refund_id=refund):
                return self._moved(refund)
            case OrderShipped(observed=False):
                captures = (*self.moving, *self.authorised)
                return replace(self, stage=Stage.SHIPPED, held={}, moving=captures)
            case OrderCancelled(observed=False):
                return replace(self, stage=Stage.CANCELLED, held={}, waiting=None)._void_all()
            case RefundRequested(refund_id=refund, payment_id=payment):
                return replace(self, moving=(*self.moving, refund)) if payment in self.charges else self
            case OrderShipped() | OrderDelivered(observed=True) | OrderCancelled():
                return replace(self, stage=Stage.STOPPED, held={}, waiting=None, is_stopped=True)
            case PaymentProcessed() | ItemsReturned(observed=True):
                return replace(self, waiting=None, is_stopped=True)
            case TimerFired(name=name) if name == PAYMENT_TIMER:
                overdue = replace(self, is_overdue=True)
                return overdue if self.awaits_payment else self._failing(Stage.RESERVING, Stage.PAYING)
            case RefusedCommand():
                return self._apply_refusal(message)
            case CompensationRequested():
                return self._failing()
            case (
                PaymentTaken()
                | PaymentSetAside()
                | ParcelHandedOver()
                | OrderDelivered()
                | ItemsReturned()
                | TimerFired()
                | PaymentRefunded()
            ):
                return self  # a payment is under way until the order has recorded the answer
            case _:
                assert_never(message)

    # --- stock ----------------------------------------------------------------------------------------------------

    def _apply_reservation(self, sku: str) -> Self:
        after = self._answered(sku)
        if self.stage in (Stage.CANCELLED, Stage.SHIPPED, Stage.STOPPED):
            return after
        after = replace(after, held={**self.held, sku: self.asked.get(sku, 0)})
        if self.stage is not Stage.RESERVING or after.asked:
            return after
        after = replace(after, stage=Stage.PAYING)
        if self.collected:  # an earlier release let staff record payments before everything was reserved
            after = after._advanced()
        return after._apply_request(self.waiting) if self.waiting else after

    def _answered(self, sku: str) -> Self:
        return replace(self, asked=subtract_quantities(self.asked, {sku: self.asked.get(sku, 0)}))

    # --- money ----------------------------------------------------------------------------------------------------

    def _apply_request(self, payment: RequestedPayment) -> Self:
        if self.is_stopped:
            return self
        match self.stage:
            case Stage.NEW | Stage.RESERVING | Stage.FAILING:
                return replace(self, waiting=payment)
            case Stage.PAYING:
                return replace(self, waiting=None, under_way={**self.under_way, payment.payment_id: payment.method})
            case _:
                return replace(self, waiting=None)

    def _without_payment(self, payment: UUID | None) -> Self:
        payment_id = named_payment(payment, self.order_id)
        return replace(self, under_way={key: method for key, method in self.under_way.items() if key != payment_id})

    def _apply_payment(self, event: PaymentProcessed) -> Self:
        payment_id = named_payment(event.payment_id, event.order_id)
        authorised = {key: value for key, value in self.authorised.items() if key != payment_id}
        charges = {**self.charges, payment_id: event.charge_id} if event.charge_id else self.charges
        collected = self.collected + event.amount.amount
        after = replace(self, authorised=authorised, charges=charges, collected=collected)
        return after._without_payment(payment_id)._moved(payment_id)

    def _advanced(self) -> Self:
        """SHIPPING once the order is covered; FAILING if it is not and the deadline has passed."""
        if self.stage is not Stage.PAYING or self.is_stopped:
            return self
        if self.is_covered:
            return replace(self, stage=Stage.SHIPPING)
        return self._fail_if_overdue()

    def _fail_if_overdue(self) -> Self:
        return self._failing(Stage.PAYING) if self.is_overdue and not self.under_way else self

    def _void_all(self) -> Self:
        return replace(self, moving=(*self.moving, *self.authorised), authorised={})

    def _moved(self, moved: UUID | None) -> Self:
        """Without one movement of money: that with this id, or the first (movements of earlier releases had none)."""
        index = 0 if moved is None else next((i for i, other in enumerate(self.moving) if other == moved), None)
        return self if index is None else replace(self, moving=self.moving[:index] + self.moving[index + 1 :])

    # --- failures -------------------------------------------------------------------------------------------------

    def _failing(self, *from_stages: Stage) -> Self:
        """Move to FAILING from one of these stages; by default from every stage in which an order can be cancelled."""
        allowed = from_stages or (Stage.RESERVING, Stage.PAYING, Stage.SHIPPING)
        return replace(self, stage=Stage.FAILING) if self.stage in allowed and not self.is_stopped else self

    def _apply_refusal(self, refusal: RefusedCommand) -> Self:
        match refusal.command:
            case ReserveInventory(sku=sku):
                return self._answered(sku)._failing()
            case ProcessPayment(charge_id=charge):
                undo = undoing_refund(charge) if charge else None
            case AuthorisePayment(payment_id=undo):
                pass
            case _:
                return self
        after = self._without_payment(refusal.command.payment_id)
        if undo is not None:
            after = replace(after, moving=(*self.moving, undo), unrecorded=(*self.unrecorded, undo))
        return after._fail_if_overdue()
