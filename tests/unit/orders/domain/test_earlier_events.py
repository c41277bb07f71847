"""Events that earlier releases stored: they decode, and fold to the states that they meant then."""

from __future__ import annotations

from typing import Any

import pytest

from eventshop.core.message_registry import registry
from eventshop.core.upcasting import EventSchemaId
from eventshop.eventstore.field_encryption import FieldContext, read_event
from orders.domain.commands import ProcessPayment, RequestPayment
from orders.domain.events import OrderEvent, OrderShipped, PaymentRefunded, PaymentRequested
from orders.domain.order import Order, PaymentStateName, Status
from orders.domain.payments import payment_id_of
from tests.unit.orders.domain.examples import ADA, ORDER, cancelled, gbp

HEAD = f'{{"order_id":"{ORDER}",'
PERSON = f'"customer_id":"{ADA}"'
LINE = '{"sku":"71053","description":"LANTERN","quantity":2,"price":{"amount":"3.335","currency":"GBP"}}'
SOLD = '{"line":1,"sku":"71053","quantity":2,"amount":{"amount":"6.670","currency":"GBP"}}'
ONE = '{"line":1,"sku":"71053","quantity":1,"amount":{"amount":"3.335","currency":"GBP"}}'
TOTAL = '{"amount":"6.670","currency":"GBP"}'
CREATED = f'{HEAD}"reference":"1",{PERSON},"country":"","lines":[{LINE}],"total":{TOTAL}'
#: (event type, schema version): the JSON as it was stored.
STORED: dict[tuple[str, int], str] = {
    ("OrderCreated", 1): CREATED + "}",
    ("OrderCreated", 2): CREATED + ',"delivery_name":"","delivery_address":""}',
    ("PaymentRequested", 1): f'{HEAD}{PERSON},"amount":{TOTAL},"method":"PayPal"}}',
    ("PaymentProcessed", 1): f'{HEAD}"reference":"1",{PERSON},"amount":{TOTAL},"method":"card","lines":[{SOLD}]}}',
    ("PaymentDeclined", 1): f'{HEAD}{PERSON},"amount":{TOTAL},"reason":"card expired"}}',
    ("OrderShipped", 1): f'{HEAD}{PERSON},"carrier":"Royal Mail Tracked 48","tracking":"RM1"}}',
    ("OrderShipped", 2): f'{HEAD}{PERSON},"carrier":"Royal Mail","tracking":"RM1","service":"Tracked 48"}}',
    ("OrderShipped", 3): f'{HEAD}{PERSON},"carrier":"Royal Mail","tracking":"RM1","service":"Tracked 48"}}',
    ("OrderDelivered", 1): f'{HEAD}{PERSON},"received_by":"Ada"}}',
    ("OrderDelivered", 2): f'{HEAD}{PERSON},"received_by":""}}',
    ("OrderCancelled", 1): f'{HEAD}"reference":"1",{PERSON},"reason":"no","lines":[]}}',
    ("OrderCancelled", 2): f'{HEAD}"reference":"1",{PERSON},"reason":"no","lines":[]}}',
    ("PaymentDeclined", 2): f'{HEAD}{PERSON},"amount":{TOTAL},"reason":"card expired","method":"card"}}',
    ("ItemsReturned", 2): f'{HEAD}"reference":"C1",{PERSON},"lines":[{ONE}],"reason":"chipped","damaged":[]}}',
    ("RefundRequested", 1): f'{HEAD}"reference":"C1",{PERSON},"refund_id":"{ORDER}","payment_id":"{ORDER}",'
    f'"amount":{TOTAL},"reason":"return C1"}}',
    ("PaymentRefunded", 2): f'{HEAD}"reference":"C1",{PERSON},"amount":{TOTAL},"reason":"chipped"}}',
    ("CreditNoteIssued", 2): f'{HEAD}"reference":"C1",{PERSON},"country":"","lines":[{LINE}],"total":{TOTAL},'
    '"reason":"goodwill","external_ids":[]}',
    ("ItemsReturned", 1): f'{HEAD}"reference":"C1",{PERSON},"lines":[{ONE}],"reason":"chipped"}}',
    (
        "PaymentRefunded",
        1,
    ): f'{HEAD}"reference":"C1",{PERSON},"amount":{{"amount":"3.335","currency":"GBP"}},"reason":"chipped"}}',
    ("CreditNoteIssued", 1): f'{HEAD}"reference":"C1",{PERSON},"country":"","lines":[{LINE}],"total":{TOTAL},'
    '"reason":"goodwill"}',
}


def stored(name: str, version: int = 1) -> Any:
    return read_event(registry, STORED[name, version], FieldContext(ORDER, 1, name, version))


def order_of(*names: str) -> Order:
    events: list[OrderEvent] = [stored(name) for name in names]
    return Order().evolve_all(events)


@pytest.mark.parametrize("name", STORED, ids=lambda name: f"{name[0]}.v{name[1]}")
def test_an_event_of_every_earlier_version_is_read(name: tuple[str, int]) -> None:
    event = stored(*name)
    assert type(event) is registry.event_class(name[0])
    assert not getattr(event, "observed", False)
    if isinstance(event, OrderShipped):
        assert (event.carrier, event.service) == ("Royal Mail", "Tracked 48")


def test_every_earlier_version_is_listed() -> None:
    changed = {
        EventSchemaId(name, version)
        for name, event in registry.events.items()
        if registry.aggregate_of(event) is Order
        for version in range(1, event.schema_version)
    }
    assert changed == set(STORED)


def test_an_order_paid_under_an_earlier_release_is_paid() -> None:
    order = order_of("OrderCreated", "PaymentRequested", "PaymentProcessed")
    assert (order.status, order.payment_state) == (Status.PAID, PaymentStateName.PAID)
    [payment] = order.payments
    assert (payment.payment_id, payment.taken, payment.method) == (payment_id_of(ORDER, 1), gbp("6.670"), "card")


def test_its_returns_and_refunds_are_those_of_then() -> None:
    order = order_of("OrderCreated", "PaymentProcessed", "OrderShipped", "ItemsReturned", "PaymentRefunded")
    assert (order.status, order.lines_kept[0].quantity) == (Status.SHIPPED, 1)
    assert order.payments[0].refunded == gbp("3.335")
    assert order.payment_state is PaymentStateName.PAID
    assert order_of("OrderCreated", "PaymentProcessed", "OrderShipped", "OrderDelivered").status is Status.DELIVERED


def test_an_order_cancelled_after_it_was_paid_owes_nothing_more() -> None:
    whole = PaymentRefunded(ORDER, "1", ADA, gbp("6.670"), "no")
    order = order_of("OrderCreated", "PaymentProcessed").evolve_all([cancelled(), whole])
    assert (order.status, order.payment_state, order.refunded) == (
        Status.CANCELLED,
        PaymentStateName.UNPAID,
        gbp("6.670").amount,
    )


def test_a_request_of_an_earlier_release_can_be_answered_and_does_not_keep_another_from_being_made() -> None:
    order = order_of("OrderCreated", "PaymentRequested")
    [answered] = order.decide(ProcessPayment(ORDER, gbp("6.67"), "PayPal", payment_id_of(ORDER, 1)))
    assert order.evolve(answered).status is Status.PAID
    [asked] = order.decide(RequestPayment(ORDER, "card"))
    assert isinstance(asked, PaymentRequested)
    assert asked.payment_id == payment_id_of(ORDER, 2)


def test_a_declined_payment_of_an_earlier_release_leaves_the_order_payable() -> None:
    order = order_of("OrderCreated", "PaymentRequested", "PaymentDeclined")
    assert [payment.status for payment in order.payments] == ["declined"]
    assert order_of("OrderCreated", "PaymentDeclined").balance.outstanding == gbp("6.67")
