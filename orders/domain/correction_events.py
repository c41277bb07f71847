"""The events that correct what was recorded from elsewhere, when more of it becomes known.

They happened at the time of what they correct (`Envelope.occurred_at`), so that sums by day stay right.
"""

from __future__ import annotations

from uuid import UUID

from eventshop.core.messages import Event
from eventshop.core.money import Money
from orders.domain.order_values import Line, LineAmount, LineNumber, Reference


class LinesAdded(Event, frozen=True):
    """More lines of an order became known. `sold` is those that count as sold at once, as the order's others do."""

    order_id: UUID
    reference: Reference
    customer_id: UUID | None
    first_line: LineNumber  # the number of the first of them
    lines: tuple[Line, ...]
    total: Money  # of these lines
    sold: tuple[LineAmount, ...]
    observed: bool = True


class ReturnReversed(Event, frozen=True):
    """An observed return was recorded wrongly: these goods did not come back, and this amount was not given back."""

    order_id: UUID
    reference: Reference  # of the return
    customer_id: UUID | None
    lines: tuple[LineAmount, ...]
    refunded: Money
    observed: bool = True


class CreditNoteReversed(Event, frozen=True):
    """A credit note is void, for example because the sale that it credits became known. It may be issued anew."""

    order_id: UUID
    reference: Reference
    customer_id: UUID | None
    lines: tuple[LineAmount, ...]
    total: Money
