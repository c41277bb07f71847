"""Whose streams events belong to, for customers who follow their own: orders, trading accounts and trades."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db.models import Min

from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections.models import Checkpoint
from eventshop.web.api.own_events import OwnStreams
from orders.domain.order import Order
from projections.models import OrderSummary, TradeBlotter, TradingAccount
from trading.domain.account import TradingAccount as AccountAggregate
from trading.domain.trade import Trade

#: The projection that knows whose a stream is, by the type of its aggregate.
_PROJECTIONS: Final = {Order.__name__: "order-summary", AccountAggregate.__name__: "trading-account",
                       Trade.__name__: "trade-blotter"}  # fmt: skip
#: Of each kind the newest ones.
MAX_STREAMS: Final = 5_000
#: How many streams that were opened lately are looked at in one read.
_MAX_OPENED: Final = 1_000


def own_streams(person: UUID, after: int, end: int) -> OwnStreams:
    """The streams of a person, and how far the read models know of all streams whose they are.

    A stream that a read model has not met yet could be this person's, so nothing behind its first event is read.
    """
    known_to = _known_to(after, end)  # first: what the read models learn meanwhile is known, too
    orders = OrderSummary.objects.filter(customer_id=person).order_by("-created_at")
    accounts = list(TradingAccount.objects.filter(owner_id=person).values_list("pk", flat=True)[:MAX_STREAMS])
    trades = TradeBlotter.objects.filter(account_id__in=accounts).order_by("-submitted_at")
    streams = [
        *orders.values_list("pk", flat=True)[:MAX_STREAMS],
        *accounts,
        *trades.values_list("pk", flat=True)[:MAX_STREAMS],
    ]
    return OwnStreams(streams, known_to)


def _known_to(after: int, end: int) -> int:
    """The position before the first event of the first stream, up to `end`, that its read model has not met."""
    checkpoints = Checkpoint.objects.filter(projection__in=_PROJECTIONS.values())
    slowest = checkpoints.aggregate(slowest=Min("store_position"))["slowest"] or 0
    reached = {(row.projection, row.partition): row.store_position for row in checkpoints}
    opened = StoredEvent.objects.filter(
        version=1, aggregate_type__in=_PROJECTIONS, position__gt=max(after, slowest), position__lte=end
    ).order_by("position")
    rows = list(opened.values_list("position", "aggregate_type", "aggregate_id")[: _MAX_OPENED + 1])
    partition_for = create_event_log().partition_for
    for position, aggregate_type, aggregate_id in rows:
        if reached.get((_PROJECTIONS[aggregate_type], partition_for(aggregate_id)), 0) < position:
            return int(position) - 1
    return int(rows[_MAX_OPENED][0]) - 1 if len(rows) > _MAX_OPENED else end
