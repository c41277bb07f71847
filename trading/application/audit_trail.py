"""What happened to trades, event by event: who, when, from where, on whose behalf, and the state before and after.

Streams are always whole, so that a third party can check their hashes (`docs/check_audit_trail.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from eventshop.core.decimal_math import format_plain
from eventshop.core.message_registry import registry
from eventshop.core.serialization import decode_event
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import EVENT_COLUMNS
from trading.domain.trade import Status, Trade

#: Beside what is hashed: the account traded for, and what the trade was before and after.
COLUMNS: Final = (*EVENT_COLUMNS, "on_behalf_of", "before", "after")


def export_rows(account_id: UUID | None = None) -> Iterator[dict[str, str]]:
    """All events of all trades, or of one account's, in the order of the store, as text in `COLUMNS`."""
    trades: dict[UUID, Trade] = {}
    for values in _select_events(account_id).values_list(*EVENT_COLUMNS).iterator():
        found = dict(zip(EVENT_COLUMNS, values, strict=True))
        before = trades.pop(found["aggregate_id"], Trade())
        event: Any = decode_event(registry.event_class(found["event_type"]), found["payload"])
        after = before.evolve(event)
        if after.status not in (Status.SETTLED, Status.REJECTED):  # nothing can follow
            trades[found["aggregate_id"]] = after
        yield {name: _format_value(value) for name, value in found.items()} | {
            "on_behalf_of": str(after.terms.account_id),
            "before": encode_state(before),
            "after": encode_state(after),
        }


def encode_state(trade: Trade) -> str:
    """What a trade is, as JSON; amounts are texts, for no reader may round them."""
    if trade.status is Status.PENDING:
        return "{}"
    average = trade.average_price
    return json.dumps(
        {
            "status": trade.status,
            "executed": format_plain(trade.executed),
            "open": format_plain(trade.open),
            "notional": format_plain(trade.notional),
            "average_price": None if average is None else format_plain(average),
            "on_hold": trade.on_hold,
        }
    )


def _select_events(account_id: UUID | None) -> QuerySet[StoredEvent]:
    trades = StoredEvent.objects.filter(aggregate_type="Trade")
    if account_id is not None:
        begun = trades.filter(version=1, payload__contains=f'"account_id":"{account_id}"')
        trades = trades.filter(aggregate_id__in=begun.values("aggregate_id"))
    return trades.order_by("position")


def _format_value(value: Any) -> str:
    """As `eventshop/eventstore/hash_chain/chain.py` writes it; the hash in hexadecimal."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return "" if value is None else str(value)
