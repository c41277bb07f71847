"""What orders hand to others of a person's data, each after its ground was asked for: payment and delivery."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import CommandRefused
from eventshop.core.personal_fields import DataCategory
from eventshop.core.saga import EffectResult
from eventshop.privacy.processing import DataUse, use_personal_data
from orders.domain.commands import ShipOrder
from orders.domain.order import Order
from orders.sagas.fulfilment_effects import HandOverParcel, ParcelHandedOver, PaymentRefused, TakePayment

PaymentHandler = Callable[[TakePayment, UUID], EffectResult | None]


def with_ground(take_payment: PaymentHandler) -> PaymentHandler:
    """Ask for the ground of a payment before the gateway hears of it. Without one, the payment is refused."""

    def handle(effect: TakePayment, key: UUID) -> EffectResult | None:
        try:
            if effect.customer_id:
                use_personal_data(_payment_of(effect, effect.customer_id))
        except CommandRefused as refusal:
            return PaymentRefused(refusal.message[:200], effect.payment_id, effect.method)
        return take_payment(effect, key)

    return handle


def hand_over_parcel(effect: HandOverParcel, key: UUID) -> ParcelHandedOver:
    """Give name and address to the carrier. Raises `CommandRefused`, and so is tried again until there is a ground."""
    ask_for_delivery(effect.order_id, effect.customer_id, effect.carrier)
    return ParcelHandedOver(effect.carrier)


def ask_for_delivery(order_id: UUID, customer_id: UUID | None, carrier: str) -> None:
    """Ask for the ground of a delivery, once for each order and carrier. Raises `CommandRefused`."""
    if customer_id:
        occasion = derive_id("parcel", order_id, carrier)
        data: tuple[DataCategory, ...] = ("name", "address")
        use = DataUse(
            customer_id, "DeliveryOfGoods", "Delivery of an order", data, occasion, recipient=carrier, about=order_id
        )
        use_personal_data(use)


def after_asking(order: Order, command: ShipOrder) -> ShipOrder:
    """The command of staff, after the ground of the delivery was asked for. Raises `CommandRefused`.

    Nothing is asked for where the order refuses the command or is shipped already: the dispatcher says so.
    """
    try:
        if not order.decide(command):
            return command
    except CommandRefused:
        return command
    ask_for_delivery(command.order_id, order.customer_id, command.carrier)
    return command


def _payment_of(effect: TakePayment, customer: UUID) -> DataUse:
    return DataUse(
        customer,
        "PaymentManagement",
        "Payment of an order",
        ("orders", "payment"),
        effect.payment_id or effect.order_id,
        recipient="the payment service",
        about=effect.order_id,
    )
