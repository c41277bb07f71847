"""What order fulfilment handles: what happened to the order and its goods, and the answers of the gateway."""

from __future__ import annotations

from typing import TypeAlias

from eventshop.core.saga import CompensationRequested, RefusedCommand, TimerFired
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
from orders.sagas.fulfilment_effects import (
    AuthorisationVoided,
    ParcelHandedOver,
    PaymentCaptured,
    PaymentRefused,
    PaymentReturned,
    PaymentSetAside,
    PaymentTaken,
)

FulfilmentMessage: TypeAlias = (
    OrderCreated
    | PaymentRequested
    | PaymentAuthorised
    | PaymentProcessed
    | PaymentDeclined
    | PaymentVoided
    | OrderShipped
    | OrderDelivered
    | OrderCancelled
    | ItemsReturned
    | RefundRequested
    | PaymentRefunded
    | InventoryReserved
    | InventoryRefused
    | PaymentTaken
    | PaymentSetAside
    | PaymentRefused
    | PaymentCaptured
    | AuthorisationVoided
    | PaymentReturned
    | ParcelHandedOver
    | RefusedCommand
    | TimerFired
    | CompensationRequested
)
