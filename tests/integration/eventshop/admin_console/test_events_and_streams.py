"""Events, streams, receipts and correlations are found by any id, paged by position, and never counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from eventshop.admin_console import state_diff
from eventshop.admin_console.stream_admin import PAGE_SIZE
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher, temporal_queries
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.operations import rebuild_operations
from orders.domain.commands import CreateOrder, RecordObservedPayment, WriteOffStock
from tests.support.command_output import numbers_in
from tests.support.pages import texts
from tests.support.read_models import append
from tests.support.sales import Sale
from tests.support.staff import boss, capture_queries, order_url, record_sales

pytestmark = [pytest.mark.usefixtures("clean_database"), pytest.mark.both]

EVENTS, STREAMS, RECEIPTS = "/admin/store/storedevent/", "/admin/ops/stream/", "/admin/store/storedreceipt/"
sale = Sale(1)


def list_rows(client: Client, address: str, **asked: Any) -> list[Any]:
    """The rows that a list shows."""
    page = client.get(address, asked)
    assert page.status_code == 200
    return list(page.context["cl"].result_list)


def positions(client: Client, **asked: Any) -> list[int]:
    return [event.position for event in list_rows(client, EVENTS, **asked)]


def append_orders(count: int) -> None:
    for number in range(1, count + 1):
        append(Sale(number).order_id, Sale(number).created)


def test_events_are_listed_newest_first_and_paged_by_position() -> None:
    append_orders(120)
    client = boss()
    first = client.get(EVENTS)
    assert positions(client) == list(range(120, 70, -1))
    older = EVENTS + first.context["cl"].older_link
    assert [event.position for event in client.get(older).context["cl"].result_list] == list(range(70, 20, -1))
    assert positions(client, before=21) == list(range(20, 0, -1))
    assert positions(client, after=70) == list(range(120, 70, -1))
    assert first.context["cl"].newer_link is None
    assert client.get(EVENTS, {"before": 21}).context["cl"].older_link is None


@pytest.mark.parametrize("asked", [{"before": "x"}, {"after": "-1"}, {"before": str(2**63)}, {"nonsense": "1"}])
def test_an_address_that_makes_no_sense_is_not_an_error_page(asked: dict[str, str]) -> None:
    append_orders(1)
    answer = boss().get(EVENTS, asked)
    assert answer.headers["Location"] == f"{EVENTS}?e=1"


@pytest.mark.parametrize("address", [EVENTS, STREAMS, RECEIPTS])
def test_lists_never_count_events_and_ask_the_same_however_many_there_are(address: str) -> None:
    client = boss()
    append_orders(3)
    client.get(address)
    few = capture_queries(lambda: client.get(address))
    append_orders(100)
    asked = capture_queries(lambda: client.get(address))
    assert len(asked) == len(few)
    assert not [sql for sql in asked if "COUNT(" in sql.upper() and '"event"' in sql]
    assert all("LIMIT" in sql or " IN (" in sql for sql in asked if 'FROM "event"' in sql), asked


def test_the_page_of_an_event_asks_the_same_however_long_the_stream_is() -> None:
    client = boss()
    append(sale.order_id, sale.created, sale.requested)
    page = reverse("admin:store_storedevent_change", args=(1,))
    client.get(page)  # content types are remembered from here on
    few = capture_queries(lambda: client.get(page))
    append(sale.order_id, *[sale.declined] * 30)
    assert len(capture_queries(lambda: client.get(page))) == len(few)


def test_an_event_is_found_by_every_id_it_has() -> None:
    record_sales(sale)
    command = Envelope(command_id=new_id(), correlation_id=new_id())
    other = Sale(2)
    command_dispatcher.send(CreateOrder(other.order_id, other.reference, None, other.lines), envelope=command)
    event = StoredEvent.objects.latest("position")
    client = boss()
    asked = (event.event_id, event.aggregate_id, event.correlation_id, event.command_id, event.position)
    for text in asked:
        assert positions(client, q=f" {text} ") == [event.position], text
    assert positions(client, q=sale.reference) == [2, 1]  # by the order's number
    assert positions(client, q=str(new_id())) == positions(client, q="nothing of ours") == []


def test_streams_and_receipts_are_found_too() -> None:
    record_sales(sale)
    event = StoredEvent.objects.latest("position")
    client = boss()
    for text in (event.event_id, event.aggregate_id, event.command_id, sale.reference):
        assert [stream.aggregate_id for stream in list_rows(client, STREAMS, q=str(text))] == [sale.order_id]
        assert [one.command_id for one in list_rows(client, RECEIPTS, q=str(text))] == [event.command_id]
    assert list_rows(client, RECEIPTS, q=str(new_id())) == []


def test_events_are_narrowed_by_their_type_and_their_aggregates_type() -> None:
    record_sales(sale)
    command_dispatcher.send(WriteOffStock("71053", 2, "broken", "A1"))
    client = boss()
    assert positions(client, type="OrderCreated") == [1]
    assert positions(client, aggregate="Order") == [2, 1]
    assert positions(client, aggregate="StockItem") == [3]
    assert positions(client, aggregate="StockItem", type="OrderCreated") == []
    assert positions(client, aggregate="Order", before=2) == [1]
    assert [stream.aggregate_type for stream in list_rows(client, STREAMS, aggregate="StockItem")] == ["StockItem"]
    assert len(list_rows(client, STREAMS)) == 2


def test_events_are_narrowed_by_the_day_they_were_recorded() -> None:
    append_orders(3)
    client = boss()
    days = list(map(timezone.localdate, StoredEvent.objects.values_list("recorded_at", flat=True)))
    assert positions(client, recorded_at_from=min(days), recorded_at_to=max(days)) == [3, 2, 1]
    assert positions(client, recorded_at_from=max(days) + timedelta(days=1)) == []
    assert positions(client, recorded_at_to=min(days) - timedelta(days=1)) == []
    assert positions(client, recorded_at_from="no date") == [3, 2, 1]
    assert positions(client, recorded_at_from="0001-01-01", recorded_at_to="9999-12-31") == [3, 2, 1]


def test_the_position_of_a_moment_is_found_without_an_index_on_the_time() -> None:
    append_orders(40)
    moments: list[datetime] = list(StoredEvent.objects.order_by("position").values_list("recorded_at", flat=True))
    for place in (0, 1, 17, 39):
        assert temporal_queries.position_at(moments[place]) == 1 + moments.index(moments[place])
        earlier = sum(moment <= moments[place] for moment in moments)
        assert rebuild_operations.last_position_until(moments[place]) == earlier
    assert temporal_queries.position_at(moments[-1] + timedelta(days=1)) == 41
    assert rebuild_operations.last_position_until(moments[0] - timedelta(days=1)) == 0
    assert rebuild_operations.last_position_until(datetime.min.replace(tzinfo=UTC)) == 0
    assert rebuild_operations.last_position_until(datetime.max.replace(tzinfo=UTC)) == 40


def test_a_stream_shows_its_length_and_last_event() -> None:
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    client = boss()
    [stream] = list_rows(client, STREAMS)
    assert (stream.last.version, stream.last.event_type) == (3, "OrderShipped")
    page = client.get(f"{STREAMS}{sale.order_id}/change/")
    assert numbers_in(*texts(page, "shown-versions")) == [1, 3, 3]


def test_a_long_stream_is_read_page_by_page() -> None:
    append(sale.order_id, sale.created, *[sale.declined] * 130)
    client = boss()

    def versions(**asked: Any) -> list[int]:
        page = client.get(f"{STREAMS}{sale.order_id}/change/", asked)
        return [row.event.version for row in page.context["rows"]]

    assert versions() == versions(version="nonsense") == list(range(1, PAGE_SIZE + 1))
    assert versions(version=40) == list(range(40, 40 + PAGE_SIZE))
    assert versions(version=9999) == [131]


def test_an_event_shows_what_it_says_changed_and_belongs_to() -> None:
    record_sales(sale)
    event = StoredEvent.objects.latest("position")
    page = boss().get(reverse("admin:store_storedevent_change", args=(event.position,)))
    text = page.content.decode()
    assert "22.59\N{NO-BREAK SPACE}GBP" in text
    assert event.hash.hex() in text
    assert order_url(sale) in text
    assert reverse("admin:correlation", args=(event.correlation_id,)) in text
    assert reverse("admin:store_storedreceipt_change", args=(event.command_id,)) in text
    changed = {
        field.name: (field.before, field.after) for field in page.context["state_change"].fields if field.changed
    }
    assert changed.keys() == {"Status", "Is sold", "Payments"}
    assert (changed["Status"], changed["Is sold"]) == (("CREATED", "PAID"), ("no", "yes"))
    assert {column.name for column in page.context["columns"]} == {
        field.name for field in StoredEvent._meta.concrete_fields
    } - {"payload", "metadata", "hash"}
    assert all(column.meaning for column in page.context["columns"])


def test_neighbours_in_the_stream_and_in_the_store_are_linked() -> None:
    other = Sale(2)
    for one, event in ((sale, sale.created), (other, other.created), (sale, sale.paid), (other, other.paid)):
        append(one.order_id, event)
    page = boss().get(reverse("admin:store_storedevent_change", args=(3,)))
    address = dict(page.context["neighbours"])
    assert address == {
        "Previous in stream": reverse("admin:store_storedevent_change", args=(1,)),
        "Next in stream": "",
        "Previous in store": reverse("admin:store_storedevent_change", args=(2,)),
        "Next in store": reverse("admin:store_storedevent_change", args=(4,)),
    }


def test_a_story_is_told_in_order_with_its_causes() -> None:
    story = new_id()
    command_dispatcher.send(
        CreateOrder(sale.order_id, sale.reference, None, sale.lines),
        envelope=Envelope(command_id=new_id(), correlation_id=story),
    )
    first = StoredEvent.objects.get()
    command_dispatcher.send(
        RecordObservedPayment(sale.order_id, sale.total, "card"),
        envelope=Envelope(command_id=new_id(), correlation_id=story, causation_id=first.event_id, sequence_number=1),
    )
    client = boss()
    page = client.get(reverse("admin:correlation", args=(story,)))
    events = [(row.event.event_type, cause[0]) for row, cause in page.context["rows"]]
    assert events == [("OrderCreated", "–"), ("PaymentProcessed", "OrderCreated 1")]
    paid = client.get(reverse("admin:store_storedevent_change", args=(2,)))
    cause = paid.context["cause"]
    assert "OrderCreated" in cause.text
    assert cause.url == reverse("admin:store_storedevent_change", args=(1,))


def test_a_cause_may_be_a_command_or_unknown() -> None:
    record_sales(sale)
    receipt = StoredReceipt.objects.get()
    receipt_page = reverse("admin:store_storedreceipt_change", args=(receipt.command_id,))
    for number, cause, address in ((2, receipt.command_id, receipt_page), (3, new_id(), "")):
        other = Sale(number)
        store.append_event(
            other.order_id,
            other.created,
            expected_version=0,
            envelope=Envelope(command_id=new_id(), causation_id=cause),
        )
        newest = StoredEvent.objects.latest("position")
        page = boss().get(reverse("admin:store_storedevent_change", args=(newest.position,)))
        assert page.context["cause"].url == address
        assert (receipt.command_type if address else str(cause)) in page.context["cause"].text


def test_a_receipt_shows_what_its_command_led_to() -> None:
    append(sale.order_id, sale.created, sale.paid)
    receipt = StoredReceipt.objects.get()
    page = boss().get(reverse("admin:store_storedreceipt_change", args=(receipt.pk,)))
    assert [row.event.event_type for row in page.context["rows"]] == ["OrderCreated", "PaymentProcessed"]


def test_a_state_that_cannot_be_computed_says_why() -> None:
    record_sales(sale)
    longest = state_diff.MAX_EVENTS
    assert f"{longest:,}" in state_diff.describe_change("Order", sale.order_id, longest + 1).problem
    assert "Nobody" in state_diff.describe_change("Nobody", sale.order_id, 1).problem


def test_what_an_event_says_cannot_become_markup() -> None:
    evil = Sale(7)
    command_dispatcher.send(CreateOrder(evil.order_id, "<script>alert(1)</script>", None, evil.lines))
    client = boss()
    for page in (reverse("admin:store_storedevent_change", args=(1,)), f"{STREAMS}{evil.order_id}/change/", EVENTS):
        assert "<script>alert" not in client.get(page).content.decode()
