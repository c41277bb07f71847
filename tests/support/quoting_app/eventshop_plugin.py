"""A read model, a saga and an effect that fail, each with the reference of a receipt of stock in its message."""

from __future__ import annotations

from typing import ClassVar, NoReturn, Self
from uuid import UUID

from django.db import IntegrityError

from eventshop.core.messages import Meta, Text
from eventshop.core.saga import Effect, EffectResult, Saga, SagaAction
from eventshop.plugins.plugin import Plugin
from eventshop.projections.projection import Projection
from orders.domain.events import StockReceived
from orders.domain.stock_item import stock_item_id
from projections.models import StockLevel

quoting_stock = Projection(StockLevel, topic="quoting-stock-projection", version=1)


@quoting_stock.on(StockReceived, key=lambda event: event.sku)
def quote(row: StockLevel, event: StockReceived, meta: Meta) -> NoReturn:
    raise IntegrityError(f"Key (reference)=({event.reference}) already exists")


class Quote(Effect, frozen=True):
    text: Text


class Quoted(EffectResult, frozen=True):
    pass


class Quoting(Saga[StockReceived | Quoted], frozen=True):
    """Quotes the first receipt of a product to the effect, and fails at the second."""

    kind: ClassVar[str] = "quoting"
    count: int = 0

    @staticmethod
    def subject_of(event: StockReceived) -> UUID:
        return stock_item_id(event.sku)

    @staticmethod
    def starts_with(event: StockReceived, meta: Meta) -> bool:
        return True

    def react(self, message: StockReceived | Quoted) -> list[SagaAction]:
        if isinstance(message, Quoted):
            return []
        if self.count:
            raise ValueError(f"what is {message.reference}?")
        return [Quote(message.reference)]

    def evolve(self, message: StockReceived | Quoted) -> Self:
        return type(self)(self.count + 1)

    @property
    def ended(self) -> bool:
        return False


def perform(effect: Quote, key: UUID) -> Quoted:
    raise RuntimeError(f"the gateway says: {effect.text} is unknown")


PLUGIN = Plugin(sagas=[Quoting], projections=[quoting_stock], effect_handlers={Quote: perform})
