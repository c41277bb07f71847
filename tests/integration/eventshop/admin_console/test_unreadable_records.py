"""Unreadable records on the desk of dead letters: by cause, read again, skipped with a reason; on all three ways."""

from __future__ import annotations

from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.urls import reverse

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.eventstore.backends.protocol import backend
from eventshop.messaging.kafka.event_records import encode_event
from eventshop.messaging.models import AcknowledgedRecord, KnownTopic
from eventshop.operations import unreadable_records
from eventshop.operations.models import OperatorAction
from eventshop.operations.projection_health import check_unreadable_records
from eventshop.projections.dead_letters import fingerprint_of_record
from eventshop.projections.models import UnreadableRecord
from tests.support.api_clients import ApiClient, staff
from tests.support.pages import find, texts
from tests.support.read_models import append
from tests.support.sales import Sale
from tests.support.staff import actor_of, clerk, message_levels, messages_of

pytestmark = pytest.mark.usefixtures("clean_database")

LIST = "/admin/projection_engine/unreadablerecord/"
sale = Sale(1)


@pytest.fixture(autouse=True)
def topic(clean_database: None) -> None:
    KnownTopic.objects.create(name="event-store", cluster_id="one", topic_id=uuid4(), partitions=12)


def make_record(offset: int, **values: Any) -> UnreadableRecord:
    """What two projections came across at an offset of partition 3; returns the row of the first."""
    error = f"the record at {offset} has no header sequence"
    shared = {"topic": "event-store", "partition": 3, "offset": offset, "key": b"k", "value": b"x", "error": error}
    shared |= {"fingerprint": fingerprint_of_record(error), "found_at": Now(), **values}
    rows = [UnreadableRecord.objects.create(projection=name, **shared) for name in ("order-summary", "daily-sales")]
    return rows[0]


def make_readable_record(offset: int) -> UnreadableRecord:
    """A record that is an event of the store, which an earlier release could not read."""
    append(sale.order_id, sale.created)
    [row] = backend().select_events("ORDER BY position DESC LIMIT 1", [])
    record = encode_event(row, 3, 1)
    headers = [[name, value.decode("latin-1")] for name, value in record.headers]
    return make_record(offset, key=record.key, value=record.value, headers=headers)


def url(row: UnreadableRecord, action: str = "change") -> str:
    return reverse(f"admin:projection_engine_unreadablerecord_{action}", args=(row.pk,))


def recorded() -> list[tuple[str, str]]:
    return list(OperatorAction.objects.order_by("pk").values_list("action", "target"))


def test_records_stand_on_the_desk_by_cause() -> None:
    make_record(17), make_record(18), make_record(19, fingerprint="another")
    client = clerk("view_unreadablerecord", "view_deadletter")
    for page in (client.get(LIST), client.get("/admin/projection_engine/deadletter/")):
        causes = [(cause.records, cause.projections) for cause in page.context["record_causes"]]
        assert causes == [(2, 2), (1, 2)] and find(page, "record-causes")
    assert len(client.get(LIST, {"cause": "another"}).context["cl"].result_list) == 2
    assert "record_causes" not in clerk("view_deadletter").get("/admin/projection_engine/deadletter/").context
    assert clerk("view_unreadablerecord").get(LIST + "csv/").getvalue().count(b"event-store/3@") == 6


def test_a_page_names_the_cause_the_projections_and_what_the_record_is_by_now() -> None:
    row, readable = make_record(17), make_readable_record(18)
    client = clerk("view_unreadablerecord")
    page = client.get(url(row))
    assert texts(page, "state") == ["open"] and "order-summary" in page.content.decode()
    assert texts(page, "now")[0].startswith("It cannot be read")
    assert texts(client.get(url(readable)), "now")[0].startswith("It is OrderCreated at position")


def test_one_is_read_again_and_what_is_an_event_by_now_is_gone() -> None:
    row, readable = make_record(17), make_readable_record(18)
    assert clerk("view_unreadablerecord").post(url(row, "retry")).status_code == 403
    client = clerk("view_unreadablerecord", "retry_dead_letters")
    assert client.get(url(row, "retry")).status_code == 200
    assert message_levels(client.post(url(row, "retry"))) == ["warning"]
    row.refresh_from_db()
    assert row.attempts == 2 and row.last_attempt_at is not None
    client.post(url(readable, "retry"))
    assert set(UnreadableRecord.objects.values_list("offset", flat=True)) == {17}
    assert message_levels(client.post(url(readable, "retry")))[-1] == "info"
    assert [action for action, _ in recorded()] == ["retry unreadable record"] * 2


def test_one_is_skipped_with_a_reason_and_health_speaks_of_it_no_more() -> None:
    row = make_record(17)
    assert not check_unreadable_records().ok
    client = clerk("view_unreadablerecord", "skip_dead_letters")
    assert client.post(url(row, "skip"), {"reason": " "}).status_code == 200  # asked again
    answer = client.post(url(row, "skip"), {"reason": "a test of the network team"})
    assert messages_of(answer) == ["event-store/3@17 is acknowledged."]
    acknowledged = AcknowledgedRecord.objects.get()
    assert (acknowledged.offset, acknowledged.operator) == (17, actor_of("clerk"))
    assert check_unreadable_records().ok
    assert message_levels(client.post(url(row, "skip"), {"reason": "again"}))[-1] == "error"
    assert recorded() == [("skip unreadable record", "event-store/3@17")]
    client = clerk("view_unreadablerecord", "view_operatoraction")
    assert "a test of the network team" in client.get(url(row)).content.decode()  # what was done stays on its page
    with pytest.raises(InvalidMessage):
        unreadable_records.skip(make_record(18), actor="ada", reason="")


def test_what_is_known_of_no_topic_cannot_be_skipped() -> None:
    KnownTopic.objects.all().delete()
    with pytest.raises(ProjectionError, match="not known"):
        unreadable_records.skip(make_record(17), actor="ada", reason="x")
    assert not OperatorAction.objects.exists()


def test_all_of_a_cause_are_read_again_or_skipped() -> None:
    row, _, other = make_record(17), make_readable_record(18), make_record(19, fingerprint="another")
    client = clerk("view_unreadablerecord", "retry_dead_letters", "skip_dead_letters")
    assert message_levels(client.post(url(row, "retry_cause"))) == ["warning"]
    assert set(UnreadableRecord.objects.values_list("offset", flat=True)) == {17, 19}
    row.refresh_from_db()
    client.post(url(row, "skip_cause"), {"reason": "of the network team"})
    assert AcknowledgedRecord.objects.get().offset == 17
    assert unreadable_records.open_records().filter(pk=other.pk).exists()


def test_the_api_has_the_same_verbs() -> None:
    row = make_record(17)
    client = ApiClient(staff("grace", "view_unreadablerecord", "retry_dead_letters", "skip_dead_letters"))
    [found, _] = client.get("operations/unreadable-records").json()["results"]
    assert (found["offset"], found["cause"]) == (17, row.fingerprint)
    address = f"operations/unreadable-records/{row.pk}"
    assert "cannot be read" in client.post(f"{address}/retry", {}).json()["result"]
    row.refresh_from_db()
    cause = {"cause": row.fingerprint}
    assert "1 cannot be read" in client.post("operations/unreadable-records/retry-cause", cause).json()["result"]
    assert client.post(f"{address}/skip", {}).status_code == 422
    row.refresh_from_db()
    cause = {"cause": row.fingerprint, "reason": "x"}
    assert client.post("operations/unreadable-records/skip-cause", cause).json()["result"] == "1 acknowledged"
    assert client.post(f"{address}/skip", {"reason": "x"}).status_code == 409
    assert not client.get("operations/unreadable-records").json()["results"]


def test_the_command_line_has_the_same_verbs() -> None:
    row = make_record(17)
    out = StringIO()
    call_command("unreadable_records", "list", stdout=out)
    assert "2" in out.getvalue()
    call_command("unreadable_records", "retry", "3@17", stdout=out)
    assert "event-store/3@17: cannot be read" in out.getvalue()
    row.refresh_from_db()
    call_command("unreadable_records", "retry", cause=row.fingerprint, stdout=out)
    call_command("unreadable_records", "skip", "3@17", reason="of the network team", stdout=out)
    assert "event-store/3@17: acknowledged" in out.getvalue()
    assert len(recorded()) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("retry",),
        ("retry", "3@17", "--cause", "x"),
        ("retry", "3@99"),
        ("retry", "there"),
        ("skip", "3@17"),
        ("skip", "--cause", "nothing", "--reason", "x"),
        ("explode", "3@17"),
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_refused_and_change_nothing(arguments: tuple[str, ...]) -> None:
    make_record(17)
    with pytest.raises(CommandError):
        call_command("unreadable_records", *arguments)
    assert not recorded() and not AcknowledgedRecord.objects.exists()
