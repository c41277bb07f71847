"""Events as earlier versions of EventShop stored them, byte for byte, with correct hashes."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_store import store
from eventshop.eventstore.hash_chain.chain import GENESIS_HASH, hash_event
from eventshop.eventstore.records import EventRow

ORDER, ADA = UUID("00000000-0000-4000-8000-000000000007"), UUID("00000000-0000-4000-8000-0000000000ad")
MUG = '{"sku":"21212","description":"MUG","quantity":2,"price":{"amount":"1.125","currency":"GBP"}}'
TOTAL = '{"amount":"2.250","currency":"GBP"}'
HEAD = f'{{"order_id":"{ORDER}","reference":"536365","customer_id":"{ADA}"'

#: OrderCreated 1 had no delivery name and address; OrderShipped 1 one text for carrier and service; OrderDelivered 1
#: kept in clear who took the parcel in.
ORDER_EVENTS = (
    ("OrderCreated", 1, f'{HEAD},"country":"France","lines":[{MUG}],"total":{TOTAL}}}'),
    (
        "PaymentProcessed",
        1,
        f'{HEAD},"amount":{TOTAL},"method":"card","lines":[{{"line":1,"sku":"21212","quantity":2,"amount":{TOTAL}}}]}}',
    ),
    (
        "OrderShipped",
        1,
        f'{{"order_id":"{ORDER}","customer_id":"{ADA}","carrier":"Royal Mail Tracked 48","tracking":"RM1"}}',
    ),
    ("OrderDelivered", 1, f'{{"order_id":"{ORDER}","customer_id":"{ADA}","received_by":""}}'),
)
#: ProcessingResumed was called RestrictionLifted.
PERSON_EVENTS = (("RestrictionLifted", 1, f'{{"user_id":"{ADA}","source":"staff"}}'),)


def append_earlier_events(stream: UUID, aggregate_type: str, *events: tuple[str, int, str]) -> list[EventRow]:
    """Append events to a stream without an aggregate's decision."""
    past = list(store.read_rows(stream))
    previous, now, rows = past[-1].hash if past else GENESIS_HASH, timezone.now(), list[EventRow]()
    for version, (event_type, schema_version, payload) in enumerate(events, start=len(past) + 1):
        row = EventRow(
            new_id(),
            stream,
            aggregate_type,
            event_type,
            version,
            schema_version,
            now,
            now,
            stream,
            None,
            None,
            version,
            new_id(),
            "ada",
            "{}",
            payload,
            b"",
        )
        previous = hash_event(previous, row)
        rows.append(row._replace(hash=previous))
    backend().append_events(rows)
    return list(store.read_rows(stream))[len(past) :]
