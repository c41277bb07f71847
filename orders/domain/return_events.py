"""The events of returns: asked for, accepted or declined by the shop, received."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from eventshop.core.messages import Event, NonEmptyText
from eventshop.core.personal_fields import Redacted
from orders.domain.order_values import RETURN_REASON, LineAmount, Note, Reference, note

#: Who asked for a return.
Requester: TypeAlias = Literal["customer", "staff"]


class ReturnRequested(Event, frozen=True):
    """The customer wants to return these goods. Nothing has come back yet."""

    order_id: UUID
    reference: Reference  # of the return
    customer_id: UUID | None
    lines: tuple[LineAmount, ...]
    reason: Annotated[NonEmptyText | Redacted, RETURN_REASON]
    requested_by: Requester


class ReturnAccepted(Event, frozen=True):
    """The shop agreed to take these goods back."""

    order_id: UUID
    reference: Reference
    customer_id: UUID | None


class ReturnDeclined(Event, frozen=True):
    """The shop does not take these goods back."""

    order_id: UUID
    reference: Reference
    customer_id: UUID | None
    reason: Annotated[NonEmptyText | Redacted, RETURN_REASON]


class ItemsReturned(Event, frozen=True):
    """The shop received goods of a return. `damaged` is the part of `lines` that cannot be sold again."""

    schema_version = 3

    order_id: UUID
    reference: Reference  # of the return, such as the cancellation invoice
    customer_id: UUID | None
    lines: tuple[LineAmount, ...]
    reason: Annotated[Note, note(3)]
    damaged: tuple[LineAmount, ...] = ()
    observed: bool = False


class ReturnWindowClosed(Event, frozen=True):
    """The time within which the customer may ask for a return is over."""

    order_id: UUID
    customer_id: UUID | None
