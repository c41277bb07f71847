"""The saga of order fulfilment: set the goods aside, charge what is asked for, ship; on failure undo what was done.

It acts after decisions only. Goods are set aside when the order is created; money is taken when a payment is
requested, by the method asked for; what is recorded of a payment is the gateway's answer. An order that is not covered
by the deadline is cancelled; a payment under way then is awaited first. A declined payment leaves the order payable.

Every failure leads to one command, CancelOrder, and all compensation follows the events of it: OrderCancelled and
RefundRequested. What was observed elsewhere stops the saga: it only goes on with what the order itself decides.
"""

from __future__ import annotations

from typing import Final, assert_never
from uuid import UUID

from eventshop.core.messages import Event, Meta
from eventshop.core.saga import (
    CancelTimer,
    CompensationRequested,
    Effect,
    RefusedCommand,
    SagaAction,
    StartTimer,
    TimerFired,
)
from orders.domain.commands import (
    AuthorisePayment,
    CancelOrder,
    DeclinePayment,
    ProcessPayment,
    RecordRefund,
    RecordVoid,
    RequestPayment,
    ReserveInventory,
    ShipOrder,
)
from orders.domain.errors import UnexpectedRefusal
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
from orders.domain.payments import payable
from orders.domain.quantities import ordered_quantities
from orders.sagas.fulfilment_effects import (
    AuthorisationVoided,
    HandOverParcel,
    ParcelHandedOver,
    PaymentCaptured,
    PaymentRefused,
    PaymentReturned,
    PaymentSetAside,
    PaymentTaken,
    RefundPayment,
    TakePayment,
    VoidAuthorisation,
)
from orders.sagas.fulfilment_messages import FulfilmentMessage
from orders.sagas.fulfilment_reactions import (
    capture_all,
    dispatch_all,
    is_awaited,
    receive_return,
    recording_command,
    release_all,
    undo_charge,
    void_all,
)
from orders.sagas.fulfilment_state import FulfilmentState
from orders.sagas.fulfilment_values import (
    PAYMENT_TIMER,
    SHIPPING_TIMER,
    RequestedPayment,
    Stage,
    is_history,
    requested_payment,
)

CARRIER: Final = "Parcel service"
NOT_PAID: Final = "not paid in time"
CANCELLED: Final = "the order was cancelled"


class Fulfilment(FulfilmentState, frozen=True):
    """The fulfilment of one order: stock, payment and shipping."""

    @staticmethod
    def subject_of(event: OrderCreated | InventoryReserved) -> UUID:
        return event.order_id

    @staticmethod
    def starts_with(event: Event, meta: Meta) -> bool:
        return isinstance(event, OrderCreated) and not is_history(meta)

    def react(self, message: FulfilmentMessage) -> list[SagaAction]:
        match message:
            case OrderCreated():
                return self._begin(message)
            case InventoryReserved():
                return self._handle_reservation(message)
            case InventoryRefused(sku=sku, reason=reason):
                return self._cancel(f"{sku}: {reason}")
            case PaymentRequested() if self.stage is Stage.PAYING and not self.is_stopped:
                return self._take(requested_payment(message))
            case PaymentTaken() | PaymentSetAside() | PaymentRefused():
                return self._record_answer(message)
            case PaymentAuthorised(payment_id=payment, charge_id=charge) if self.is_over:
                return [VoidAuthorisation(self.order_id, payment, charge)]
            case PaymentAuthorised() | PaymentProcessed(observed=False) | PaymentDeclined():
                return self._handle_payment(message)
            case PaymentCaptured(payment_id=payment, charge=charge, amount=amount, method=method, processed_at=moment):
                return [ProcessPayment(self.order_id, amount, method, payment, charge, moment)]
            case AuthorisationVoided(payment_id=payment, charge=charge, amount=amount):
                return [] if payment in self.unrecorded else [RecordVoid(self.order_id, payment, amount, charge)]
            case RefundRequested(refund_id=refund, payment_id=payment, amount=amount) if payment in self.charges:
                return [RefundPayment(self.order_id, self.charges[payment], amount, refund)]
            case PaymentReturned(refund_id=UUID() as refund, amount=amount, refunded_at=moment) if moment:
                return [] if refund in self.unrecorded else [RecordRefund(self.order_id, refund, amount, moment)]
            case OrderShipped(order_id=order, observed=False):
                return [*self._stop_timers(), *dispatch_all(order, self.held), *capture_all(order, self.authorised)]
            case OrderCancelled(order_id=order, observed=False):
                return [*self._stop(CANCELLED), *release_all(order, self.held), *void_all(order, self.authorised)]
            case ItemsReturned(observed=False):
                return receive_return(message)
            case OrderShipped() | OrderDelivered(observed=True) | OrderCancelled():
                return [*self._stop(), *release_all(self.order_id, self.held)]
            case PaymentProcessed() | ItemsReturned():
                return self._stop()
            case ParcelHandedOver(carrier=carrier):
                is_open = self.stage is Stage.SHIPPING and not self.is_stopped
                return [ShipOrder(self.order_id, carrier=carrier)] if is_open else []
            case TimerFired(name=name):
                return self._handle_timer(name)
            case RefusedCommand():
                return self._handle_refusal(message)
            case CompensationRequested(reason=reason):
                return self._cancel(reason)
            case PaymentRequested() | RefundRequested() | PaymentReturned() | OrderDelivered():
                return []
            case PaymentVoided() | PaymentRefunded():
                return []
            case _:
                assert_never(message)

    def awaits(self, effect: Effect) -> bool:
        if isinstance(effect, HandOverParcel):
            return self.stage is Stage.SHIPPING
        return is_awaited(effect, self.order_id, self.under_way, self.moving)

    @property
    def is_over(self) -> bool:
        """Whether the order is cancelled, or went on elsewhere."""
        return self.stage in (Stage.CANCELLED, Stage.STOPPED)

    # --- stock ----------------------------------------------------------------------------------------------------

    def _begin(self, event: OrderCreated) -> list[SagaAction]:
        goods = ordered_quantities(event.lines)
        reserve = [ReserveInventory(sku, event.order_id, quantity) for sku, quantity in goods.items()]
        deadline = StartTimer(PAYMENT_TIMER, after=type(self).terms().payment_deadline)
        if goods or payable(event.total).amount:
            return [*reserve, deadline]
        return [deadline, RequestPayment(event.order_id, "nothing_to_pay")]

    def _handle_reservation(self, event: InventoryReserved) -> list[SagaAction]:
        goods = {event.sku: event.quantity}
        match self.stage:
            case _ if self.is_over:
                return release_all(self.order_id, goods)
            case Stage.SHIPPED:
                return dispatch_all(self.order_id, goods)
            case Stage.RESERVING if self.asked.keys() == goods.keys():
                return self._ask_for_money(event)
            case _:
                return []

    def _ask_for_money(self, event: InventoryReserved) -> list[SagaAction]:
        if self.evolve(event).stage is Stage.SHIPPING:
            return self._begin_shipping()
        if self.waiting is not None:
            return self._take(self.waiting)
        is_free = not payable(self.total).amount and not self.is_stopped
        return [RequestPayment(self.order_id, "nothing_to_pay")] if is_free else []

    # --- money ----------------------------------------------------------------------------------------------------

    def _take(self, payment: RequestedPayment) -> list[SagaAction]:
        """Charge or authorise a requested payment; one of nothing needs no gateway."""
        if not payment.amount.amount:
            return [ProcessPayment(self.order_id, payment.amount, payment.method, payment.payment_id)]
        capture = payment.method not in type(self).terms().captured_on_shipping
        return [
            TakePayment(
                self.order_id,
                payment.amount,
                payment.method,
                payment.payment_id,
                payment.token,
                capture,
                self.customer_id,
            )
        ]

    def _record_answer(self, answer: PaymentTaken | PaymentSetAside | PaymentRefused) -> list[SagaAction]:
        is_over = isinstance(answer, PaymentRefused) and self.is_overdue
        record = recording_command(self.order_id, answer, self.under_way)
        return [record, *(self._cancel(NOT_PAID) if is_over else [])]

    def _handle_payment(self, event: PaymentAuthorised | PaymentProcessed | PaymentDeclined) -> list[SagaAction]:
        match self.stage, self.evolve(event).stage:
            case Stage.PAYING, Stage.SHIPPING:
                return self._begin_shipping()
            case Stage.PAYING, Stage.FAILING:
                return self._cancel(NOT_PAID)
            case _:
                return []

    # --- time, failures and what happened elsewhere -----------------------------------------------------------------

    def _begin_shipping(self) -> list[SagaAction]:
        delay = type(self).terms().shipping_delay
        return [CancelTimer(PAYMENT_TIMER), StartTimer(SHIPPING_TIMER, after=delay) if delay else self._ship()]

    def _ship(self) -> SagaAction:
        """Ship, for a customer after the carrier may have their name and address; a guest has agreed by ordering."""
        if self.customer_id is None:
            return ShipOrder(self.order_id, carrier=CARRIER)
        return HandOverParcel(self.order_id, self.customer_id, CARRIER)

    def _handle_timer(self, name: str) -> list[SagaAction]:
        if name == SHIPPING_TIMER:
            return [self._ship()] if self.stage is Stage.SHIPPING and not self.is_stopped else []
        is_awaited = self.awaits_payment or self.stage is Stage.SHIPPING
        return [] if is_awaited else self._cancel(NOT_PAID)

    def _stop_timers(self) -> list[SagaAction]:
        return [CancelTimer(PAYMENT_TIMER), CancelTimer(SHIPPING_TIMER)]

    def _stop(self, reason: str = "the order is handled elsewhere") -> list[SagaAction]:
        if self.waiting is None:
            return self._stop_timers()
        payment = self.waiting
        return [*self._stop_timers(), DeclinePayment(self.order_id, reason, payment.payment_id, payment.method)]

    def _cancel(self, reason: str) -> list[SagaAction]:
        is_open = self.stage in (Stage.RESERVING, Stage.PAYING, Stage.SHIPPING) and not self.is_stopped
        return [CancelOrder(self.order_id, reason=reason[:200])] if is_open else []

    def _handle_refusal(self, refusal: RefusedCommand) -> list[SagaAction]:
        match refusal.command:
            case ReserveInventory():
                return self._cancel(refusal.reason)
            case ProcessPayment() | AuthorisePayment():
                is_over = self.stage is Stage.PAYING and self.evolve(refusal).stage is Stage.FAILING
                return [*undo_charge(refusal.command, refusal.reason), *(self._cancel(NOT_PAID) if is_over else [])]
            case DeclinePayment() | RequestPayment() | ShipOrder() | CancelOrder():
                return []  # the order changed meanwhile; its own event follows
            case _:
                raise UnexpectedRefusal(command=type(refusal.command).__name__, reason=refusal.reason)
