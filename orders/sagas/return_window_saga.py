"""The saga of the return window: some time after the delivery, no return can be asked for any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar, Final, Self, TypeAlias
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.messages import Event, Meta
from eventshop.core.saga import RefusedCommand, Saga, SagaAction, StartTimer, TimerFired
from orders.domain.commands import CloseReturnWindow
from orders.domain.events import OrderDelivered
from orders.sagas.fulfilment_values import is_history

TIMER: Final = "return-window"

ReturnWindowMessage: TypeAlias = OrderDelivered | TimerFired | RefusedCommand


class ReturnWindow(Saga[ReturnWindowMessage], frozen=True):
    """The time within which the goods of one delivered order can be returned."""

    kind: ClassVar[str] = "return-window"
    length: ClassVar[Callable[[], timedelta]] = lambda: timedelta(days=30)

    order_id: UUID = UUID(int=0)
    is_closed: bool = False

    @staticmethod
    def subject_of(event: OrderDelivered) -> UUID:
        return event.order_id

    @staticmethod
    def starts_with(event: Event, meta: Meta) -> bool:
        return isinstance(event, OrderDelivered) and not is_history(meta)

    @property
    def ended(self) -> bool:
        return self.is_closed

    def react(self, message: ReturnWindowMessage) -> list[SagaAction]:
        match message:
            case OrderDelivered() if not self.order_id.int:
                return [StartTimer(TIMER, after=type(self).length())]
            case TimerFired():
                return [CloseReturnWindow(self.order_id)]
            case OrderDelivered() | RefusedCommand():
                return []  # reported again; or the order was cancelled elsewhere meanwhile

    def evolve(self, message: ReturnWindowMessage) -> Self:
        match message:
            case OrderDelivered(order_id=order_id):
                return replace(self, order_id=order_id)
            case TimerFired():
                return replace(self, is_closed=True)
            case RefusedCommand():
                return self
