"""The admin's order actions: ship, deliver, cancel, returns and observed facts. Each sends one command."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from orders.admin.forms import CancelForm
from orders.domain.commands import ShipOrder
from orders.domain.events import Line
from tests.support.order_payments import order_state
from tests.support.pages import find, texts
from tests.support.read_models import append
from tests.support.sales import LANTERNS, Sale, gbp
from tests.support.staff import (
    actor_of,
    boss,
    clerk,
    message_tags,
    messages_of,
    order_url,
    record_sales,
    update_read_models,
)

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other, third = Sale(1), Sale(2), Sale(3, lines=(LANTERNS,))
LIST = "/admin/projections/ordersummary/"


def stored_event_types(of: Sale = sale) -> list[str]:
    events = StoredEvent.objects.filter(aggregate_id=of.order_id).order_by("version")
    return list(events.values_list("event_type", flat=True))


def hidden_fields(page: Any) -> dict[str, str]:
    """The values of the dialog's hidden fields."""
    form = page.context["form"]
    return {field.name: str(field.value()) for field in form if field.value() is not None}


def dialog_values(client: Client, action: str, **values: str) -> dict[str, str]:
    return hidden_fields(client.get(order_url(sale, action))) | values


def test_a_paid_order_is_shipped_by_its_command() -> None:
    record_sales(sale)
    client = clerk("view_ordersummary", "ship_order")
    answer = client.post(order_url(sale, "ship"), dialog_values(client, "ship", carrier="Royal Mail", tracking="RM 1"))
    assert answer.headers["Location"] == order_url(sale)
    assert message_tags(answer) == ["success"]
    assert sale.reference in messages_of(answer)[0]
    assert stored_event_types() == ["OrderCreated", "PaymentProcessed", "OrderShipped"]
    event = StoredEvent.objects.latest("position")
    assert (event.actor, json.loads(event.metadata)["channel"]) == (actor_of("clerk"), "admin")
    update_read_models()
    page = client.get(order_url(sale))
    assert texts(page, "carrier") == ["Royal Mail RM 1"]
    assert "Royal Mail" not in texts(page, "OrderShipped")[0], "a timeline holds nobody's words"


@pytest.mark.parametrize(
    ("action", "values", "event"),
    [
        ("ship", {"carrier": "DHL"}, "OrderShipped"),
        ("cancel", {"reason": "out of stock"}, "OrderCancelled"),
        ("observe", {"kind": "delivery"}, "OrderDelivered"),
    ],
)
def test_a_dialog_submitted_twice_sends_one_command(action: str, values: dict[str, str], event: str) -> None:
    record_sales(sale)
    client = boss()
    form = dialog_values(client, action, **values)
    first, second = (client.post(order_url(sale, action), form) for _ in range(2))
    assert messages_of(first) == messages_of(second)
    assert stored_event_types().count(event) == 1
    assert StoredReceipt.objects.filter(command_id=form["command_id"]).count() == 1


def test_the_same_dialog_with_other_values_is_refused() -> None:
    record_sales(sale)
    client = boss()
    form = dialog_values(client, "ship", carrier="DHL")
    client.post(order_url(sale, "ship"), form)
    answer = client.post(order_url(sale, "ship"), form | {"carrier": "UPS"})
    assert message_tags(answer)[-1] == "command-id-reused error"
    assert stored_event_types().count("OrderShipped") == 1


def test_a_refused_command_is_an_error_message_and_leaves_nothing() -> None:
    record_sales(sale)
    client = boss()
    form = dialog_values(client, "ship", carrier="DHL")
    append(sale.order_id, sale.cancelled(*sale.all_amounts()))  # another user cancelled first
    answer = client.post(order_url(sale, "ship"), form)
    assert message_tags(answer) == ["invalid-order-state error"]
    [refusal] = messages_of(answer)
    assert all(word in refusal for word in (sale.reference, "ShipOrder", "CANCELLED"))
    assert stored_event_types() == ["OrderCreated", "PaymentProcessed", "OrderCancelled"]


def test_the_dialog_says_at_once_what_the_rules_would_refuse() -> None:
    record_sales(sale)
    page = boss().get(order_url(sale, "deliver"))
    [refusal] = texts(page, "refusal", role="alert")
    assert "DeliverOrder" in refusal and "PAID" in refusal
    assert not find(page, "command-form")


def test_opening_a_dialog_changes_nothing() -> None:
    record_sales(sale)
    client = boss()
    for action in ("ship", "deliver", "cancel", "request_return", "accept_return", "receive_return", "observe"):
        assert client.get(order_url(sale, action)).status_code == 200
    assert stored_event_types() == ["OrderCreated", "PaymentProcessed"]


def test_more_can_come_back_elsewhere_than_the_customer_had() -> None:
    record_sales(sale)
    client, values = boss(), {"kind": "return", "reference": "C1", "reason": "found", "line_1": "1000"}
    client.post(order_url(sale, "observe"), dialog_values(client, "observe", **values))
    assert stored_event_types()[-1] == "RuleBroken"


def test_only_products_come_back() -> None:
    freight = Line("POST", "Parcel", 1, gbp("2.50"), kind="freight")
    record_sales(Sale(1, (LANTERNS, freight)))
    fields = boss().get(order_url(Sale(1), "observe")).context["form"].fields
    assert "line_1" in fields and "line_2" not in fields


def test_a_method_that_is_no_code_is_refused_in_a_sentence() -> None:
    record_sales(sale)
    client, values = boss(), {"kind": "payment", "amount": "5.00", "method": "a@b.example"}
    page = client.post(order_url(sale, "observe"), dialog_values(client, "observe", **values))
    assert "small letters" in page.context["form"].errors["method"][0]
    assert stored_event_types() == ["OrderCreated", "PaymentProcessed"]


def test_the_dialog_names_the_order_and_the_effect() -> None:
    record_sales(sale)
    page = boss().get(order_url(sale, "cancel"))
    [title] = texts(page, id="confirm-title")
    assert sale.reference in title
    assert texts(page, "effect") == [CancelForm.effect]
    assert find(page, "command-form")


def test_what_is_missing_is_asked_for_again() -> None:
    record_sales(sale)
    client = boss()
    for action, field in (("ship", "carrier"), ("cancel", "reason"), ("observe", "kind")):
        page = client.post(order_url(sale, action), dialog_values(client, action))
        assert page.status_code == 200
        assert page.context["form"].errors[field]
    assert stored_event_types() == ["OrderCreated", "PaymentProcessed"]


def test_what_no_command_can_hold_is_a_form_error() -> None:
    record_sales(sale)
    client = boss()
    page = client.post(order_url(sale, "ship"), dialog_values(client, "ship", carrier="Royal\x07Mail"))
    assert page.status_code == 200
    assert page.context["form"].errors
    assert stored_event_types() == ["OrderCreated", "PaymentProcessed"]


def post_dialog(client: Client, action: str, **values: str) -> Any:
    return client.post(order_url(sale, action), dialog_values(client, action, **values))


def test_a_return_is_asked_for_accepted_received_and_refunded_by_staff() -> None:
    record_sales(sale)
    send(ShipOrder(sale.order_id, "DHL"))
    client = clerk("view_ordersummary", "refund_order")
    form = dialog_values(client, "request_return", reason="chipped", line_1="2")
    assert form["reference"] == "R-000001-1"
    assert message_tags(client.post(order_url(sale, "request_return"), form)) == ["success"]
    assert order_state(sale.order_id).lines_kept[0].quantity == 6  # nothing is back yet
    page = client.get(order_url(sale))
    assert find(page, href=order_url(sale, "accept_return")) and not find(page, href=order_url(sale, "receive_return"))
    assert message_tags(post_dialog(client, "accept_return", reference="R-000001-1")) == ["success"]
    form = dialog_values(client, "receive_return")
    assert (form["resellable_0_1"], form["damaged_0_1"]) == ("2", "0")
    received = client.post(order_url(sale, "receive_return"), form | {"resellable_0_1": "1", "damaged_0_1": "1"})
    assert message_tags(received) == ["success"]
    assert stored_event_types()[-2:] == ["ItemsReturned", "RefundRequested"]
    assert order_state(sale.order_id).lines_kept[0].quantity == 4


def test_a_return_is_declined_with_a_reason() -> None:
    record_sales(sale)
    send(ShipOrder(sale.order_id, "DHL"))
    client = clerk("view_ordersummary", "refund_order")
    post_dialog(client, "request_return", reason="chipped", line_1="1")
    missing = post_dialog(client, "decline_return", reference="R-000001-1")
    assert missing.context["form"].errors["reason"]
    assert message_tags(post_dialog(client, "decline_return", reference="R-000001-1", reason="used")) == ["success"]
    assert stored_event_types()[-1] == "ReturnDeclined"


@pytest.mark.parametrize("quantities", [("0", "0"), ("7", "0"), ("-1", "0"), ("x", "0")])
def test_a_return_of_nothing_or_too_much_is_a_form_error(quantities: tuple[str, str]) -> None:
    record_sales(sale)
    send(ShipOrder(sale.order_id, "DHL"))
    client = boss()
    page = post_dialog(client, "request_return", reason="chipped", line_1=quantities[0], line_2=quantities[1])
    assert page.status_code == 200
    assert page.context["form"].errors
    assert stored_event_types()[-1] == "OrderShipped"


def test_one_return_is_received_at_a_time() -> None:
    record_sales(sale)
    send(ShipOrder(sale.order_id, "DHL"))
    client = boss()
    for number in (1, 2):
        reference = f"R-000001-{number}"
        post_dialog(client, "request_return", reason="chipped", line_1="1")
        post_dialog(client, "accept_return", reference=reference)
    both = post_dialog(client, "receive_return", resellable_0_1="1", resellable_1_1="1")
    assert both.context["form"].has_error("__all__", "one-return")
    assert message_tags(post_dialog(client, "receive_return", resellable_1_1="1")) == ["success"]
    assert StoredEvent.objects.filter(event_type="ItemsReturned").count() == 1


@pytest.mark.parametrize(
    ("values", "event"),
    [
        ({"kind": "payment", "amount": "5.00", "method": "cash"}, "PaymentProcessed"),
        ({"kind": "shipment", "carrier": "DHL"}, "OrderShipped"),
        ({"kind": "cancellation", "reason": "lost"}, "OrderCancelled"),
        ({"kind": "return", "reference": "C1", "reason": "chipped", "line_1": "1"}, "ItemsReturned"),
        ({"kind": "refund", "reference": "C1", "reason": "goodwill", "amount": "1.00"}, "PaymentRefunded"),
    ],
)
def test_an_observed_fact_is_recorded_in_any_state(values: dict[str, str], event: str) -> None:
    record_sales(sale)
    answer = post_dialog(clerk("view_ordersummary", "import_facts"), "observe", **values)
    assert message_tags(answer) == ["success"]
    [stored] = StoredEvent.objects.filter(event_type=event).order_by("-version")[:1]
    assert json.loads(stored.payload)["observed"] is True


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "shipment"},
        {"kind": "delivery", "carrier": "DHL"},
        {"kind": "payment", "amount": "5.00"},
        {"kind": "payment", "amount": "-5.00", "method": "cash"},
        {"kind": "return", "reference": "C1", "reason": "chipped"},
    ],
)
def test_an_observed_fact_has_the_fields_of_its_kind(values: dict[str, str]) -> None:
    record_sales(sale)
    page = post_dialog(boss(), "observe", **values)
    assert page.status_code == 200 and page.context["form"].errors
    assert stored_event_types() == ["OrderCreated", "PaymentProcessed"]


@pytest.mark.parametrize(
    ("action", "permission"),
    [
        ("ship", "ship_order"),
        ("deliver", "deliver_order"),
        ("cancel", "cancel_order"),
        ("request_return", "refund_order"),
        ("observe", "import_facts"),
    ],
)
def test_each_action_has_a_permission_of_its_own(action: str, permission: str) -> None:
    record_sales(sale)
    if action in ("deliver", "request_return"):  # the button is shown only for shipped orders
        send(ShipOrder(sale.order_id, "DHL"))
    others = {"ship_order", "deliver_order", "cancel_order", "refund_order", "import_facts"} - {permission}
    without = clerk("view_ordersummary", *others)
    assert without.get(order_url(sale, action)).status_code == 403
    assert without.post(order_url(sale, action), {"carrier": "DHL"}).status_code == 403
    assert not find(without.get(order_url(sale)), href=order_url(sale, action))
    allowed = clerk("view_ordersummary", permission)
    assert allowed.get(order_url(sale, action)).status_code == 200
    assert find(allowed.get(order_url(sale)), href=order_url(sale, action))


def test_a_forged_request_is_refused() -> None:
    record_sales(sale)
    client = boss()
    form = dialog_values(client, "ship", carrier="DHL")
    client.handler.enforce_csrf_checks = True
    assert client.post(order_url(sale, "ship"), form).status_code == 403
    assert stored_event_types() == ["OrderCreated", "PaymentProcessed"]


def test_orders_that_are_not_there_have_no_dialog() -> None:
    record_sales(sale)
    client = boss()
    assert client.get(order_url(other, "ship")).status_code == 404
    assert client.get("/admin/projections/ordersummary/no-id/ship/").status_code == 404


def selection_values(action: str, *sales: Sale, **values: str) -> dict[str, Any]:
    return {"action": action, "_selected_action": [str(of.order_id) for of in sales], **values}


def test_several_orders_are_shipped_from_the_list_each_with_its_own_answer() -> None:
    record_sales(sale, other, third)
    append(other.order_id, other.shipped)
    client = boss()
    asked = client.post(LIST, selection_values("ship_selected", sale, other, third))
    selected = [field.attributes["value"] for field in find(asked, name="_selected_action")]
    assert set(selected) == {str(of.order_id) for of in (sale, other, third)}
    assert stored_event_types() == ["OrderCreated", "PaymentProcessed"]
    assert "tracking" not in asked.context["form"].fields
    form = selection_values(
        "ship_selected", sale, other, third, carrier="DHL", command_id=hidden_fields(asked)["command_id"]
    )
    for _ in range(2):  # a double submit
        answer = client.post(LIST, form)
        assert list(dict.fromkeys(message_tags(answer))) == ["success", "error"]
        done, refused = messages_of(answer)
        assert re.findall(r"\d+", done) == ["2", "000003", "000001"]
        assert re.findall(r"\d+", refused) == ["1", "000002"]
        assert "ShipOrder" in refused and "SHIPPED" in refused
    assert stored_event_types().count("OrderShipped") == stored_event_types(third).count("OrderShipped") == 1


def test_the_list_asks_again_for_what_is_missing() -> None:
    record_sales(sale)
    client = boss()
    asked = client.post(LIST, selection_values("cancel_selected", sale))
    again = client.post(LIST, selection_values("cancel_selected", sale, command_id=hidden_fields(asked)["command_id"]))
    assert again.context["form"].errors["reason"]
    assert stored_event_types() == ["OrderCreated", "PaymentProcessed"]


def test_a_list_action_needs_its_permission() -> None:
    record_sales(sale)
    client = clerk("view_ordersummary", "deliver_order")
    page = client.get(LIST)
    assert find(page, value="deliver_selected")
    assert not find(page, value="ship_selected")
    client.post(LIST, selection_values("ship_selected", sale, carrier="DHL", command_id=str(sale.order_id)))
    assert stored_event_types() == ["OrderCreated", "PaymentProcessed"]


def test_an_order_page_says_when_it_is_behind() -> None:
    record_sales(sale)
    append(sale.order_id, sale.shipped)
    page = boss().get(order_url(sale))
    assert find(page, "events-behind-1", role="status")
    assert "Shipped" in texts(page, "OrderShipped")[0]
