"""Pages of rows as places to work: an order with all that belongs to it, and nothing of models one may not see."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.models import OperatorAction
from eventshop.sagas.models import Saga
from orders.domain.commands import CreateOrder, DeliverOrder, RequestReturn, ReturnLine, ShipOrder
from orders.domain.events import PaymentRefunded
from orders.models import Payment
from tests.support.order_payments import pay_order
from tests.support.pages import find, texts
from tests.support.read_models import append
from tests.support.sales import Sale, gbp
from tests.support.staff import boss, capture_queries, clerk, order_url, update_read_models
from users.domain.commands import CreateUser

pytestmark = pytest.mark.usefixtures("clean_database")

ADA = UUID("0190a1b2-0000-7000-8000-00001a2b3c4d")
SALE, GUEST, BACK = Sale(1), Sale(2), Sale(3)
PERSON = f"/admin/projections/userprofile/{ADA}/change/"
CUSTOMER = f"/admin/projections/customersummary/{ADA}_3AGBP/change/"


@pytest.fixture(autouse=True)
def shop(clean_database: None) -> None:
    """A delivered order of Ada with a payment, a saga and a return, and an order of a guest."""
    send(CreateUser(ADA, "ada@example.org", "Ada Lovelace"))
    send(CreateOrder(SALE.order_id, SALE.reference, ADA, SALE.lines, delivery_name="Ada Marker"))
    send(CreateOrder(GUEST.order_id, GUEST.reference, None, GUEST.lines, delivery_name="Guest Marker"))
    pay_order(SALE.order_id)
    send(ShipOrder(SALE.order_id, "Royal Mail"))
    send(DeliverOrder(SALE.order_id))
    send(RequestReturn(SALE.order_id, "R-7", (ReturnLine(1, 1),), "chipped"))
    append(BACK.order_id, BACK.created, BACK.paid, BACK.shipped, BACK.delivered, BACK.returned((1, 1)))
    refund = PaymentRefunded(BACK.order_id, f"C{BACK.reference}", BACK.customer_id, gbp("3.00"), "came back")
    append(BACK.order_id, refund)
    Payment.objects.create(key=uuid4(), kind="charge", order_id=SALE.order_id, amount=1250, currency="GBP")
    event = StoredEvent.objects.get(aggregate_id=SALE.order_id, version=1)
    Saga.objects.create(
        saga_id=uuid4(),
        kind="fulfilment",
        version=1,
        subject_id=SALE.order_id,
        slot=0,
        status="stuck",
        state="{}",
        error="gateway answered 500",
        correlation_id=event.correlation_id,
        sequence_number=1,
        started_at=event.recorded_at,
        moved_at=event.recorded_at,
    )
    update_read_models()


def test_the_page_of_an_order_has_what_belongs_to_it() -> None:
    page = boss().get(order_url(SALE))
    assert "12.50" in texts(page, "payments")[0]
    assert "gateway answered 500" in texts(page, "sagas")[0]
    assert "R-7" in texts(page, "return-rows")[0]
    assert f"Invoice {SALE.reference}" in texts(page, "documents")[0]
    assert f"Credit note {BACK.reference}-G1" in texts(boss().get(order_url(BACK)), "documents")[0]
    assert texts(page, "stream-links") == ["Trace: which command led to what Yesterday against now All events"]
    assert "Ada Marker" not in page.content.decode() and find(page, "address")
    assert len(capture_queries(lambda: boss().get(order_url(SALE)))) <= 40


def test_a_delivery_address_is_shown_with_a_reason_that_is_recorded_first() -> None:
    desk = clerk("view_ordersummary", "reveal_personal")
    url = order_url(SALE, "reveal_delivery")
    asked = desk.get(url)
    assert "Ada Marker" not in asked.content.decode()
    refused = desk.post(url, {"command_id": str(uuid4()), "reason": " "})
    assert "Ada Marker" not in refused.content.decode()
    recorded = StoredEvent.objects.filter(aggregate_id=ADA, event_type="DataAccessed")
    assert not recorded.exists()
    answer = {"command_id": str(uuid4()), "reason": "the parcel came back"}
    for _ in range(2):
        assert "Ada Marker" in desk.post(url, answer).content.decode()
    assert recorded.count() == 1, "sent twice, recorded once"
    assert "Guest Marker" in desk.post(order_url(GUEST, "reveal_delivery"), answer).content.decode()
    assert OperatorAction.objects.filter(target=str(GUEST.order_id), reason="the parcel came back").count() == 1
    assert clerk("view_ordersummary").post(url, answer).status_code == 403
    assert clerk("reveal_personal").post(url, answer).status_code == 403


def test_a_page_shows_nothing_of_models_that_one_may_not_see() -> None:
    order = clerk("view_ordersummary").get(order_url(SALE))
    assert not find(order, "payments") and not find(order, "sagas") and not find(order, "stream-links")
    assert CUSTOMER not in order.content.decode() and PERSON not in order.content.decode()
    customer = clerk("view_customersummary").get(CUSTOMER)
    assert customer.status_code == 200
    assert SALE.reference not in customer.content.decode() and PERSON not in customer.content.decode()
    assert SALE.reference in clerk("view_customersummary", "view_ordersummary").get(CUSTOMER).content.decode()
    person = clerk("view_userprofile").get(PERSON)
    assert person.status_code == 200 and SALE.reference not in person.content.decode()
    assert not person.context["tables"]
    whole = boss().get(PERSON)
    assert len(whole.context["tables"]) == 9 and CUSTOMER in whole.content.decode()
