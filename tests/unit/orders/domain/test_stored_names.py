"""Stored events must stay readable: names, fields and their order are pinned here.

If a test fails here, old events could no longer be read. Add a schema version and an upcaster; do not change the
expected text.
"""

from __future__ import annotations

import pytest

from eventshop.core.message_registry import declared_messages, registry
from eventshop.core.messages import Event
from eventshop.core.serialization import decode_event, encode_canonical
from orders.domain.events import LinesAdded, ReturnReversed, RuleBroken
from orders.domain.order import Order
from orders.domain.stock_item import StockItem
from tests.unit.orders.domain import examples
from tests.unit.orders.domain import test_stock_item as stock

HEAD = f'{{"order_id":"{examples.ORDER}",'
ADA = f'"customer_id":"{examples.ADA}"'
LANTERN = (
    '{"sku":"71053","description":"WHITE METAL LANTERN","quantity":6,"price":{"amount":"3.39","currency":"GBP"},'
    '"kind":"product","external_ids":[]}'
)
MUG = (
    '{"sku":"21212","description":"MUG","quantity":2,"price":{"amount":"1.125","currency":"GBP"},'
    '"kind":"product","external_ids":[]}'
)
LANTERNS = '{"line":1,"sku":"71053","quantity":6,"amount":{"amount":"20.34","currency":"GBP"},"kind":"product"}'
MUGS = '{"line":2,"sku":"21212","quantity":2,"amount":{"amount":"2.250","currency":"GBP"},"kind":"product"}'
TOTAL = '{"amount":"22.590","currency":"GBP"}'
DUE = '{"amount":"22.59","currency":"GBP"}'

STORED: dict[str, tuple[Event, str]] = {
    "OrderCreated": (
        examples.created,
        f'{HEAD}"reference":"536365",{ADA},"country":"France","lines":[{LANTERN},{MUG}],"total":{TOTAL},'
        '"delivery_name":"","delivery_address":"","external_ids":[],"customer_external_id":""}',
    ),
    "PaymentRequested": (
        examples.requested,
        f'{HEAD}{ADA},"amount":{DUE},"method":"card","payment_id":"{examples.PAYMENT}","token":""}}',
    ),
    "PaymentAuthorised": (
        examples.authorised,
        f'{HEAD}"reference":"536365",{ADA},"payment_id":"{examples.PAYMENT}","amount":{DUE},"method":"card",'
        f'"charge_id":"{examples.CHARGE}","authorised_at":"2026-01-31T09:00:00Z"}}',
    ),
    "PaymentProcessed": (
        examples.paid,
        f'{HEAD}"reference":"536365",{ADA},"amount":{DUE},"method":"card","lines":[{LANTERNS},{MUGS}],'
        f'"payment_id":"{examples.PAYMENT}","charge_id":"{examples.CHARGE}","processed_at":"2026-01-31T09:00:00Z",'
        '"observed":false}',
    ),
    "PaymentDeclined": (
        examples.declined,
        f'{HEAD}{ADA},"amount":{DUE},"reason":"card expired","payment_id":"{examples.PAYMENT}","method":"card"}}',
    ),
    "PaymentVoided": (
        examples.voided,
        f'{HEAD}{ADA},"payment_id":"{examples.PAYMENT}","amount":{DUE},"charge_id":"{examples.CHARGE}"}}',
    ),
    "OrderShipped": (
        examples.shipped,
        f'{HEAD}{ADA},"carrier":"Royal Mail","tracking":"RM1","service":"","observed":false}}',
    ),
    "OrderDelivered": (examples.delivered, f'{HEAD}{ADA},"received_by":"Ada","observed":false}}'),
    "OrderCancelled": (
        examples.cancelled(examples.TWO_MUGS),
        f'{HEAD}"reference":"536365",{ADA},"reason":"changed her mind","lines":[{MUGS}],"observed":false}}',
    ),
    "ReturnRequested": (
        examples.return_asked(examples.TWO_MUGS),
        f'{HEAD}"reference":"R1",{ADA},"lines":[{MUGS}],"reason":"chipped","requested_by":"customer"}}',
    ),
    "ReturnAccepted": (examples.accepted, f'{HEAD}"reference":"R1",{ADA}}}'),
    "ReturnDeclined": (examples.return_declined, f'{HEAD}"reference":"R1",{ADA},"reason":"worn"}}'),
    "ItemsReturned": (
        examples.came_back(examples.TWO_MUGS),
        f'{HEAD}"reference":"R1",{ADA},"lines":[{MUGS}],"reason":"returned to the shop",'
        '"damaged":[],"observed":false}',
    ),
    "ReturnWindowClosed": (examples.window_closed, f"{HEAD}{ADA}}}"),
    "RefundRequested": (
        examples.owed("2.25"),
        f'{HEAD}"reference":"R1",{ADA},"refund_id":"{examples.refund_id()}","payment_id":"{examples.PAYMENT}",'
        '"amount":{"amount":"2.25","currency":"GBP"},"reason":"return R1"}',
    ),
    "PaymentRefunded": (
        examples.refunded("2.25"),
        f'{HEAD}"reference":"R1",{ADA},"amount":{{"amount":"2.25","currency":"GBP"}},"reason":"return R1",'
        f'"refund_id":"{examples.refund_id()}","payment_id":"{examples.PAYMENT}",'
        '"refunded_at":"2026-01-31T09:00:00Z","observed":false}',
    ),
    "CreditNoteIssued": (
        examples.credited,
        f'{HEAD}"reference":"C536379",{ADA},"country":"France","lines":[{LANTERN}],'
        '"total":{"amount":"20.34","currency":"GBP"},"reason":"goodwill","external_ids":[],'
        '"customer_external_id":""}',
    ),
    "CreditNoteReversed": (
        examples.credit_reversed,
        f'{HEAD}"reference":"C536379",{ADA},"lines":[{LANTERNS}],"total":{{"amount":"20.34","currency":"GBP"}}}}',
    ),
    "LinesAdded": (
        LinesAdded(examples.ORDER, "536365", examples.ADA, 2, examples.LINES[1:], examples.gbp("2.25"), ()),
        f'{HEAD}"reference":"536365",{ADA},"first_line":2,"lines":[{MUG}],'
        '"total":{"amount":"2.25","currency":"GBP"},"sold":[],"observed":true}',
    ),
    "ReturnReversed": (
        ReturnReversed(examples.ORDER, "C1", examples.ADA, (examples.TWO_MUGS,), examples.gbp("2.25")),
        f'{HEAD}"reference":"C1",{ADA},"lines":[{MUGS}],"refunded":{{"amount":"2.25","currency":"GBP"}},'
        '"observed":true}',
    ),
    "RuleBroken": (
        RuleBroken(examples.ORDER, examples.ADA, "overpaid", "2 GBP paid of 1 GBP"),
        f'{HEAD}{ADA},"rule":"overpaid","detail":"2 GBP paid of 1 GBP"}}',
    ),
    "StockReceived": (stock.received, '{"sku":"22139","quantity":10,"reference":"delivery 1"}'),
    "InventoryReserved": (stock.reserved(2), f'{{"sku":"22139","order_id":"{stock.ONE}","quantity":2}}'),
    "InventoryRefused": (
        stock.refused(4, 3),
        f'{{"sku":"22139","order_id":"{stock.ONE}","quantity":4,"available":3,"reason":"out of stock"}}',
    ),
    "InventoryReleased": (stock.released(2), f'{{"sku":"22139","order_id":"{stock.ONE}","quantity":2}}'),
    "InventoryDispatched": (stock.dispatched(2), f'{{"sku":"22139","order_id":"{stock.ONE}","quantity":2}}'),
    "StockWrittenOff": (stock.written_off, '{"sku":"22139","quantity":10,"reason":"damaged","reference":"536589"}'),
}


def test_every_event_of_the_shop_is_pinned() -> None:
    events = [*declared_messages(Order)[1], *declared_messages(StockItem)[1]]
    assert {registry.name_of(event): event for event in events} == {
        name: type(event) for name, (event, _) in STORED.items()
    }
    versions = {event.__name__: event.schema_version for event in events if event.schema_version != 1}
    assert versions == {
        "OrderCreated": 3,
        "OrderDelivered": 3,
        "OrderShipped": 4,
        **dict.fromkeys(("PaymentRequested", "PaymentProcessed", "RefundRequested", "StockWrittenOff"), 2),
        **dict.fromkeys(("PaymentDeclined", "PaymentRefunded"), 3),
        **dict.fromkeys(("OrderCancelled", "ItemsReturned", "CreditNoteIssued"), 3),
    }


@pytest.mark.parametrize("name", STORED)
def test_an_event_is_stored_as_ever(name: str) -> None:
    event, stored = STORED[name]
    assert encode_canonical(event)[0].decode() == stored
    assert decode_event(registry.event_class(name), stored) == event


def test_the_names_of_aggregates_and_commands_are_what_programs_were_told() -> None:
    assert registry.aggregate_class("Order") is Order
    assert registry.aggregate_class("StockItem") is StockItem
    assert [command.__name__ for command in (*declared_messages(Order)[0], *declared_messages(StockItem)[0])] == [
        "CreateOrder",
        "RequestPayment",
        "AuthorisePayment",
        "ProcessPayment",
        "DeclinePayment",
        "RecordVoid",
        "ShipOrder",
        "DeliverOrder",
        "CancelOrder",
        "RequestReturn",
        "AcceptReturn",
        "DeclineReturn",
        "ReceiveReturn",
        "CloseReturnWindow",
        "RecordRefund",
        "CreateCreditNote",
        "ReverseCreditNote",
        "RecordObservedPayment",
        "RecordObservedShipment",
        "RecordObservedDelivery",
        "RecordObservedCancellation",
        "RecordObservedReturn",
        "RecordObservedRefund",
        "RecordObservedLines",
        "ReverseObservedReturn",
        "ReceiveStock",
        "ReserveInventory",
        "ReleaseInventory",
        "DispatchInventory",
        "WriteOffStock",
    ]
