"""The state of an aggregate at a version or time, and who changed what between two versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from eventshop.admin_console.event_detail import event_url
from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.temporal_queries import StreamNotFound, diff_versions, load_as_of, load_at_version
from tests.support.command_output import numbers_in
from tests.support.pages import find, texts
from tests.support.raised import caused_by, with_data
from tests.support.read_models import append
from tests.support.sales import Sale
from tests.support.staff import boss, clerk
from tests.support.tally_aggregate import NOON, Close, Count, Open, Tally, pounds, tallies

pytestmark = pytest.mark.usefixtures("clean_database")

HOUR = timedelta(hours=1)


def open_count_close() -> UUID:
    """Opened by ada at noon, counted by bob at eleven (he was late to say so) and at one, closed at two."""
    tally_id = new_id()
    for command, actor, at in (
        (Open(tally_id=tally_id, name="x"), "ada", NOON),
        (Count(tally_id=tally_id, amount=pounds("1")), "bob", NOON - HOUR),
        (Count(tally_id=tally_id, amount=pounds("2")), "bob", NOON + HOUR),
        (Close(tally_id=tally_id, at=NOON), "eve", NOON + 2 * HOUR),
    ):
        envelope = Envelope(command_id=new_id(), actor=actor, occurred_at=at)
        command_dispatcher.send(command, registry=tallies, envelope=envelope)
    return tally_id


def recorded_at(stream: UUID, version: int) -> datetime:
    return StoredEvent.objects.get(aggregate_id=stream, version=version).recorded_at


@pytest.mark.parametrize(
    ("version", "total", "closed"), [(1, 0, False), (2, 1, False), (3, 3, False), (4, 3, True), (9, 3, True)]
)
def test_an_aggregate_is_as_it_was_at_a_version(version: int, total: int, closed: bool) -> None:
    then = load_at_version(open_count_close(), version, registry=tallies)
    assert then.state == Tally("x", pounds(str(total)).amount, closed)
    assert then.version == min(version, 4)


def test_an_aggregate_is_as_the_store_knew_it_at_a_time() -> None:
    stream = open_count_close()
    for version in (1, 2, 3, 4):
        assert load_as_of(stream, recorded_at(stream, version), registry=tallies).version == version
    before = load_as_of(stream, recorded_at(stream, 1) - HOUR, registry=tallies)
    assert (before.version, before.state, before.last) == (0, Tally(), None)


def test_business_time_and_recorded_time_are_two_questions() -> None:
    stream = open_count_close()
    by_noon = load_as_of(stream, NOON, business=True, registry=tallies)
    assert (by_noon.version, by_noon.state) == (2, Tally("x", pounds("1").amount))
    by_eleven = load_as_of(stream, NOON - HOUR, business=True, registry=tallies)
    assert by_eleven.state == Tally("", pounds("1").amount)
    assert load_as_of(stream, NOON, registry=tallies).version == 0 or datetime.now(UTC) < NOON


def test_what_differs_is_told_field_by_field_with_who_and_why() -> None:
    changes = diff_versions(open_count_close(), 1, 4, registry=tallies)
    assert [(change.field, change.before, change.after) for change in changes] == [
        ("total", "0", "3"),
        ("closed", False, True),
    ]
    assert [[(meta.event_type, meta.version, meta.actor) for meta in change.changed_by] for change in changes] == [
        [("Counted", 2, "bob"), ("Counted", 3, "bob")],
        [("Closed", 4, "eve")],
    ]


def test_what_is_the_same_at_both_points_does_not_differ() -> None:
    stream = open_count_close()
    assert diff_versions(stream, 3, 3, registry=tallies) == []
    assert [change.field for change in diff_versions(stream, 0, 1, registry=tallies)] == ["name"]
    assert [change.field for change in diff_versions(stream, 3, 9, registry=tallies)] == ["closed"]


def test_questions_without_an_answer_are_refused() -> None:
    for asked in (load_at_version, diff_versions):
        arguments: tuple[Any, ...] = (uuid4(), 1) if asked is load_at_version else (uuid4(), 0, 1)
        with pytest.raises(StreamNotFound):
            asked(*arguments)
    naive = datetime(2026, 1, 31)
    with pytest.raises(InvalidMessage, check=with_data(as_of=naive)):
        load_as_of(open_count_close(), naive, registry=tallies)


# --- the command -------------------------------------------------------------------------------------------------


def run_as_of(*arguments: object) -> str:
    out = StringIO()
    call_command("as_of", *map(str, arguments), stdout=out)
    return out.getvalue()


def append_sale() -> Sale:
    sale = Sale(1)
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    return sale


def test_the_command_shows_state_and_differences() -> None:
    sale = append_sale()
    output = run_as_of(sale.order_id, "--to-version", 2, "--since", 1)
    _, _, last_event = output.splitlines()[0].partition(f"Order {sale.order_id}")
    assert (numbers_in(last_event)[:1], "PaymentProcessed" in last_event) == ([2], True)
    assert '"status": "PAID"' in output
    assert "PaymentProcessed 2, system" in output
    assert '"status": "SHIPPED"' in run_as_of(sale.order_id)
    assert '"status": "CREATED"' in run_as_of(sale.order_id, "--to-version", 1)
    assert '"status": "PENDING"' in run_as_of(sale.order_id, "--at", "2001-01-01")
    assert '"status": "SHIPPED"' in run_as_of(sale.order_id, "--happened-by", "2999-01-01T00:00")


def test_the_command_refuses_what_it_cannot_answer() -> None:
    with pytest.raises(CommandError, check=caused_by(StreamNotFound)):
        run_as_of(uuid4())
    with pytest.raises(CommandError, match=r"--at.*'yesterday'"):
        run_as_of(uuid4(), "--at", "yesterday")


# --- the page ----------------------------------------------------------------------------------------------------


def state_page_url(stream: UUID, query: str = "") -> str:
    return reverse("admin:ops_stream_past", args=(stream,)) + query


def shown_version(page: Any) -> list[int]:
    """The version that a page shows and the length of the stream."""
    return numbers_in(*texts(page, "shown-version"))


def test_staff_step_through_versions_by_links_that_can_be_shared() -> None:
    sale = append_sale()
    client = clerk("view_stream")
    shown = client.get(state_page_url(sale.order_id, "?to=2&since=1"))
    assert shown_version(shown) == [2, 3]
    assert [link.attributes["href"] for link in find(shown, rel="prev")] == ["?to=1&since=1"]
    assert [link.attributes["href"] for link in find(shown, rel="next")] == ["?to=3&since=1"]
    paid = StoredEvent.objects.get(aggregate_id=sale.order_id, version=2)
    assert {source.url for row in shown.context["fields"] for source in row.sources} == {event_url(paid.position)}
    assert texts(shown, "change-source", href=event_url(paid.position))[0] == "PaymentProcessed 2, system"
    first = client.get(state_page_url(sale.order_id, "?to=0"))
    assert find(first, "no-event-yet") and not find(first, rel="prev")
    assert find(client.get(state_page_url(sale.order_id)), rel="next") == []
    assert (
        state_page_url(sale.order_id)
        in client.get(reverse("admin:ops_stream_change", args=(sale.order_id,))).content.decode()
    )


def test_staff_ask_for_a_time() -> None:
    sale = append_sale()
    client = boss()
    for query, since, to in (
        ("?at=2999-01-01T00:00", 3, 3),
        ("?at=2001-01-01T00:00&time=happened", 0, 3),
        ("?at=2001-01-01T00:00&against=2001-01-02T00:00", 0, 0),
        ("?at=2999-01-01T00:00&against=2001-01-01T00:00", 0, 3),  # in the order of time
    ):
        page = client.get(state_page_url(sale.order_id, query))
        assert (page.context["since"], shown_version(page)) == (since, [to, 3])
        changed = [row for row in page.context["fields"] if row.changed]
        assert (len(changed) > 0, len(texts(page, "changed-field"))) == (since < 3, len(changed))
        headings = page.context["headings"]
        assert (len(headings), headings[-1]) == (3 if "against" in query else 2, "Now")
    [problem] = texts(client.get(state_page_url(sale.order_id, "?at=soon")), "problem", role="alert")
    assert "soon" in problem


@pytest.mark.parametrize("query", ["?to=x", "?to=-1", "?to=99999999999", "?since=99", "?to=1&since=3", "?at=", "?to=²"])
def test_nonsense_in_the_address_is_no_error(query: str) -> None:
    assert boss().get(state_page_url(append_sale().order_id, query)).status_code == 200


def test_only_who_may_see_streams_may_see_their_past() -> None:
    assert clerk().get(state_page_url(append_sale().order_id)).status_code == 403
    assert boss().get(state_page_url(uuid4())).status_code == 404
