"""Events as earlier versions of this program stored them, byte for byte, with right hashes."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.event_store import store
from eventshop.eventstore.hash_chain.chain import START, link
from eventshop.eventstore.records import Row

ORDER, ADA = UUID("00000000-0000-4000-8000-000000000007"), UUID("00000000-0000-4000-8000-0000000000ad")
MUG = '{"sku":"21212","description":"MUG","quantity":2,"price":{"amount":"1.125","currency":"GBP"}}'
TOTAL = '{"amount":"2.250","currency":"GBP"}'
HEAD = f'{{"order_id":"{ORDER}","reference":"536365","customer_id":"{ADA}"'

#: OrderCreated 1 had no delivery name and address; OrderShipped 1 one text for carrier and service; OrderDelivered 1
#: kept in clear who took the parcel in.
OF_AN_ORDER = (
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
OF_A_PERSON = (("RestrictionLifted", 1, f'{{"user_id":"{ADA}","source":"staff"}}'),)


def stored(stream: UUID, aggregate_type: str, *events: tuple[str, int, str]) -> list[Row]:
    """Append them to a stream, past the rules."""
    past = list(store.rows(stream))
    previous, now, rows = past[-1].hash if past else START, timezone.now(), list[Row]()
    for version, (event_type, schema_version, payload) in enumerate(events, start=len(past) + 1):
        row = Row(
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
        previous = link(previous, row)
        rows.append(row._replace(hash=previous))
    engine().append_many(rows)
    return list(store.rows(stream))[len(past) :]
