"""The audit trail of trades: one row per event with its actor, time, account, and the state before and after.

Streams are exported completely, so that a third party can verify their hash chains (`docs/check_audit_trail.py`).
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
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import EVENT_COLUMNS
from trading.domain.trade import Status, Trade

#: The hashed columns, then the account of the trade and its state before and after the event.
COLUMNS: Final = (*EVENT_COLUMNS, "on_behalf_of", "before", "after")


def export_rows(account_id: UUID | None = None) -> Iterator[dict[str, str]]:
    """Yield the events of all trades, or of the trades of one account, in store order; the keys are `COLUMNS`."""
    trades: dict[UUID, Trade] = {}
    for values in _select_events(account_id).values_list(*EVENT_COLUMNS).iterator():
        row = dict(zip(EVENT_COLUMNS, values, strict=True))
        before = trades.pop(row["aggregate_id"], None) or _state_before(row)
        event: Any = decode_event(registry.event_class(row["event_type"]), row["payload"])
        after = before.evolve(event)
        if after.status not in (Status.SETTLED, Status.REJECTED):  # hardly ever an event follows
            trades[row["aggregate_id"]] = after
        yield {name: _format_value(value) for name, value in row.items()} | {
            "on_behalf_of": str(after.terms.account_id),
            "before": encode_state(before),
            "after": encode_state(after),
        }


def _state_before(row: dict[str, Any]) -> Trade:
    """The state before an event of a trade that is not kept in memory."""
    earlier = store.get_events(row["aggregate_id"], to_version=row["version"] - 1) if row["version"] > 1 else ()
    return Trade().evolve_all(recorded.event for recorded in earlier)


def encode_state(trade: Trade) -> str:
    """The state of a trade as JSON; amounts are strings, so that no reader rounds them."""
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
        submissions = trades.filter(version=1, payload__contains=f'"account_id":"{account_id}"')
        trades = trades.filter(aggregate_id__in=submissions.values("aggregate_id"))
    return trades.order_by("position")


def _format_value(value: Any) -> str:
    """Format a column as `eventshop/eventstore/hash_chain/chain.py` hashes it; the hash itself in hexadecimal."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return "" if value is None else str(value)
