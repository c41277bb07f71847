"""The app's saga."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar, Self
from uuid import UUID

from eventshop.core.messages import Meta
from eventshop.core.saga import Saga, SagaAction
from eventshop.plugins.plugin import Plugin
from orders.domain.events import StockReceived
from orders.domain.stock_item import stock_item_id


class Exiting(Saga[StockReceived], frozen=True):
    """Ends its thread as a library does that calls `sys.exit`: no guard for exceptions catches it."""

    kind: ClassVar[str] = "exiting"

    @staticmethod
    def subject_of(event: StockReceived) -> UUID:
        return stock_item_id(event.sku)

    @staticmethod
    def starts_with(event: StockReceived, meta: Meta) -> bool:
        if Path(os.environ["FAULT_FILE"]).exists():
            raise SystemExit("a fault that ends the thread")
        return True

    def react(self, message: StockReceived) -> list[SagaAction]:
        return []

    def evolve(self, message: StockReceived) -> Self:
        return self

    @property
    def ended(self) -> bool:
        return True


PLUGIN = Plugin(sagas=[Exiting])
