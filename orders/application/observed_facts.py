"""An observed fact as people and programs send it: one of six kinds, with the fields of its kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Text
from eventshop.core.money import Money
from orders.domain.observed_commands import (
    ObservedCommand,
    RecordObservedCancellation,
    RecordObservedDelivery,
    RecordObservedPayment,
    RecordObservedRefund,
    RecordObservedReturn,
    RecordObservedShipment,
)
from orders.domain.order_values import PaymentMethod
from orders.domain.return_commands import ReturnLine

#: The fields of each kind, the required ones first.
FIELDS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "payment": (("amount", "method"), ("reference",)),
    "shipment": (("carrier",), ("tracking",)),
    "delivery": ((), ("received_by",)),
    "cancellation": (("reason",), ()),
    "return": (("reference", "lines", "reason"), ("refunded",)),
    "refund": (("reference", "amount", "reason"), ()),
}
_COMMANDS: Final[dict[str, Callable[..., ObservedCommand]]] = {
    "payment": RecordObservedPayment,
    "shipment": RecordObservedShipment,
    "delivery": RecordObservedDelivery,
    "cancellation": RecordObservedCancellation,
    "return": RecordObservedReturn,
    "refund": RecordObservedRefund,
}


class ObservedFact(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What happened. A payment has `amount`, `method` and perhaps `reference`; a shipment `carrier` and perhaps
    `tracking`; a delivery perhaps `received_by`; a cancellation `reason`; a return `reference`, `lines`, `reason` and
    perhaps `refunded` (`false`: no money was given back); a refund `reference`, `amount` and `reason`.
    """

    example: ClassVar[dict[str, Any]] = {
        "kind": "payment",
        "amount": {"amount": "25.00", "currency": "GBP"},
        "method": "invoice",
    }

    kind: Literal["payment", "shipment", "delivery", "cancellation", "return", "refund"]
    amount: Money | None = None
    method: PaymentMethod | None = None
    reference: Text = ""
    carrier: Text = ""
    tracking: Text = ""
    received_by: Text = ""
    reason: Text = ""
    lines: Annotated[tuple[ReturnLine, ...], msgspec.Meta(max_length=1_500)] = ()
    refunded: bool | None = None

    def __post_init__(self) -> None:
        required, optional = FIELDS[self.kind]
        given = self.values()
        if missing := [name for name in required if name not in given]:
            raise InvalidMessage(f"an observed {self.kind} needs {' and '.join(missing)}")
        if foreign := [name for name in given if name not in (*required, *optional)]:
            raise InvalidMessage(f"an observed {self.kind} has no {' and no '.join(foreign)}")

    def values(self) -> dict[str, Any]:
        """The fields that were given, without `kind`."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name != "kind"}
        return {name: value for name, value in fields.items() if value not in (None, "", ())}

    def command(self, order_id: UUID) -> ObservedCommand:
        """The command that records it."""
        return _COMMANDS[self.kind](order_id, **self.values())
