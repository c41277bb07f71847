"""The access log: every read of events, streams, states and rows leaves a record that nobody can change."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from io import StringIO
from itertools import pairwise
from threading import Event
from time import monotonic
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import User as Login
from django.core.management import call_command, get_commands, load_command_class
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse

from eventshop.core.messages import new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.access_log import batch, recorder
from eventshop.operations.access_log.declarations import Logged, access_of
from eventshop.operations.access_log.logged_command import LoggedCommand
from eventshop.operations.access_log.writer import AccessLogFull, AccessLogWriter, write_batch
from eventshop.operations.models import AccessRecord
from eventshop.operations.row_retention import delete_expired, registered_retentions
from eventshop.operations.staff_actors import staff_actor
from eventshop.runtime.database_clock import database_now
from tests.support.access_log import accesses
from tests.support.api_clients import ApiClient, staff
from tests.support.customers import sign_in_customer
from tests.support.sales import Sale
from tests.support.staff import boss, clerk, record_sales
from tests.support.waiting import DEADLINE_S
from users.domain.commands import RecordAccess

pytestmark = pytest.mark.usefixtures("clean_database")

Kind, Door = AccessRecord.Kind, AccessRecord.Door
sale: Final = Sale(1)

#: Views of Django's own that show no data of the shop.
DJANGOS_OWN: Final = {
    "index": "the dashboard: figures, and the latest activity without personal values",
    "app_index": "the models of an app",
    "login": "a form",
    "logout": "a form",
    "password_change": "a form",
    "password_change_done": "a sentence",
    "user_change_password": "a form",
    "autocomplete_view": "no admin offers it a field",
    "i18n_javascript": "texts of the program",
    "shortcut": "a redirect",
    "catch_all_view": "a redirect, or 404",
}


def views(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each path of the admin and the API, and its view."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from views(entry, path)
        elif path.startswith(("admin/", "api/")):
            yield path, entry.callback


def test_every_view_of_the_admin_and_the_api_declares_what_it_shows() -> None:
    undeclared = [
        path
        for path, view in views()
        if access_of(view) is None
        and view.__name__ not in DJANGOS_OWN
        # What has no GET shows nothing.
        and not (hasattr(view, "cls") and not hasattr(view.cls, "get"))
    ]
    assert undeclared == []
    assert len(list(views())) > 200


@pytest.mark.parametrize(
    "name", ["as_of", "backup", "dry_run_projection", "export_trades", "read_model_as_of", "trace"]
)
def test_a_command_that_shows_data_is_recorded(name: str) -> None:
    assert isinstance(load_command_class(get_commands()[name], name), LoggedCommand)


LISTS: Final = [
    (model, model_admin)
    for model, model_admin in admin.site._registry.items()
    if isinstance(getattr(model_admin, "access", None), Logged)
]


@pytest.mark.long(on="postgres")  # about the pages; single records are written on both
@pytest.mark.parametrize(("model", "model_admin"), LISTS, ids=[model._meta.label for model, _ in LISTS])
def test_each_list_and_page_of_the_admin_leaves_a_record(model: Any, model_admin: Any) -> None:
    record_sales(sale)
    client = boss()
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert client.get(reverse(f"{name}_changelist")).status_code == 200
    row = model_admin.get_queryset(_request_of(client)).first()
    pages = 1
    if row is not None:
        key = row.aggregate_id if model._meta.model_name == "stream" else row.pk
        pages += client.get(reverse(f"{name}_change", args=(key,))).status_code == 200
    records = accesses()
    assert len(records) == pages
    assert {(record.door, record.kind) for record in records} == {(Door.ADMIN, model_admin.access.kind)}
    assert {record.actor for record in records} == {staff_actor(Login.objects.get(username="boss"))}
    assert all(record.request_id for record in records)


def _request_of(client: Client) -> Any:
    return client.get(reverse("admin:index")).wsgi_request


API_READS: Final = [
    *((f"{path}", Kind.ROWS) for path in ("orders", "order-lines", "customers", "activity", "stock", "people")),
    (f"orders/{sale.order_id}", Kind.ROWS),
    (f"streams/{sale.order_id}/events", Kind.STREAM),
    (f"streams/{sale.order_id}/state", Kind.STATE),
    (f"streams/{sale.order_id}/diff", Kind.STATE),
    ("events", Kind.FEED),
]
VIEWS: Final = (
    *("view_storedevent", "view_ordersummary", "view_orderline", "view_customersummary", "view_activitytimeline"),
    *("view_stocklevel", "view_userprofile"),
)


@pytest.mark.parametrize(("path", "kind"), API_READS, ids=[path.replace("/", "-") for path, _ in API_READS])
def test_each_read_of_a_program_leaves_a_record(path: str, kind: Any) -> None:
    record_sales(sale)
    program = ApiClient(staff("robot", *VIEWS))
    answer = program.get(path)
    assert answer.status_code == 200
    [record] = accesses()
    assert (record.door, record.kind, record.actor) == (Door.API, kind, staff_actor(program.login))
    assert record.program.startswith("eshop_")
    assert record.request_id == UUID(answer.headers["X-Request-ID"])
    assert record.stream == (sale.order_id if str(sale.order_id) in path else None)


@pytest.mark.parametrize("method", ["head", "put", "patch", "delete", "options"])
def test_a_list_that_is_read_by_another_method_is_recorded_too(method: str) -> None:
    record_sales(sale)
    answer = getattr(boss(), method)(reverse("admin:projections_ordersummary_changelist"))
    assert len(accesses()) == (answer.status_code == 200)


def test_a_refused_read_and_one_without_content_leave_none() -> None:
    record_sales(sale)
    assert ApiClient(staff("robot")).get("events").status_code == 403
    assert clerk().get(reverse("admin:store_storedevent_changelist")).status_code == 403
    allowed = ApiClient(staff("robot", *VIEWS))
    assert allowed.get(f"events?after={StoredEvent.objects.latest('position').position}").json()["results"] == []
    assert accesses() == []


def test_a_feed_is_recorded_as_spans() -> None:
    record_sales(sale, Sale(2))
    program = ApiClient(staff("robot", *VIEWS))
    after, pages = 0, 0
    while (page := program.get(f"events?after={after}&limit=1").json())["results"]:
        after, pages = page["cursor"], pages + 1
    records = accesses()
    assert pages == StoredEvent.objects.count()
    assert sum(record.rows or 0 for record in records) == pages
    assert (records[0].first, records[-1].last) == (1, after)
    assert all(later.first == (earlier.last or 0) + 1 for earlier, later in pairwise(records))


def test_pages_of_a_feed_that_follow_each_other_are_one_row() -> None:
    page = pending(kind=Kind.FEED, first=1, last=10, rows=4)
    spans = batch.join_spans(
        [
            page,
            page._replace(actor="another", first=11, last=20),
            page._replace(first=11, last=20, rows=3),
            page._replace(first=31, last=40, rows=2),
        ]
    )
    assert [(span.actor, span.first, span.last, span.rows) for span in spans] == [
        ("ada", 1, 20, 7),
        ("another", 11, 20, 4),
        ("ada", 31, 40, 2),
    ]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("q", "ada@example.org", "q=(typed)"),
        ("q", "Ada", "q=(typed)"),
        ("type", "OrderCreated", "type=OrderCreated"),
        ("status__exact", "paid", "status__exact=paid"),
        ("before", "417", "before=417"),
        ("q", "0b9cf0a2-6a4f-4d2c-8f43-1f4b6f3f2a11", "q=0b9cf0a2-6a4f-4d2c-8f43-1f4b6f3f2a11"),
        ("ada@example.org", "1", "adaexampleorg=1"),
    ],
)
def test_typed_text_is_left_out(name: str, value: str, text: str) -> None:
    assert recorder.describe_filters([(name, [value])]) == text


def test_shown_personal_values_name_the_command_that_holds_the_reason() -> None:
    _, person = sign_in_customer()
    record_sales(sale)
    client, command = clerk("view_userprofile", "reveal_personal"), new_id()
    form = {"fields_asked": ["phone"], "reason": "parcel came back", "command_id": str(command)}
    answer = client.post(reverse("admin:projections_userprofile_reveal", args=(person,)), form)
    assert answer.status_code == 200
    [record] = [record for record in accesses() if record.kind == Kind.PERSONAL]
    assert (record.stream, record.command_id, record.door) == (person, command, Door.ADMIN)
    event = StoredEvent.objects.get(command_id=command)
    assert (event.event_type, event.actor) == ("DataAccessed", record.actor)


def test_the_person_sees_who_opened_their_records_and_no_name() -> None:
    client, person = sign_in_customer()
    record_sales(sale)
    send(RecordAccess(person, ("phone",), "parcel came back", staff_actor(staff("grace"))))
    reader = boss()
    reader.get(reverse("admin:ops_stream_change", args=(person,)))
    ApiClient(staff("robot", *VIEWS)).get(f"streams/{person}/events")
    reader.get(reverse("admin:ops_stream_change", args=(sale.order_id,)))  # somebody else's
    assert accesses()
    page = client.get("/my/log/")
    assert [read.text for read in page.context["reads"]] == [
        "A program of our staff read the history of your account.",
        "A member of our staff read the history of your account.",
    ]
    text = page.content.decode()
    assert "boss" not in text and "grace" not in text and "staff:" not in text


def test_the_console_finds_reads_by_staff_by_person_and_by_stream() -> None:
    record_sales(sale)
    client = boss()
    client.get(reverse("admin:ops_stream_change", args=(sale.order_id,)))
    ApiClient(staff("robot", *VIEWS)).get("events")
    [stream_read, feed_read] = accesses()
    address = reverse("admin:ops_accessrecord_changelist")
    for query, found in (
        (f"q={sale.order_id}", stream_read),
        ("q=boss&kind__exact=stream", stream_read),
        ("q=robot", feed_read),
        (f"q={feed_read.actor}", feed_read),
        ("door__exact=api", feed_read),
        (f"q={stream_read.request_id}", stream_read),
    ):
        assert list(client.get(f"{address}?{query}").context["cl"].result_list) == [found], query
    assert client.get(reverse("admin:ops_accessrecord_change", args=(feed_read.pk,))).status_code == 200


def test_a_command_is_recorded_before_it_shows_anything() -> None:
    record_sales(sale)
    call_command("as_of", str(sale.order_id), stdout=StringIO())
    [record] = accesses()
    assert (record.door, record.kind, record.route, record.stream) == (
        Door.COMMAND_LINE,
        Kind.STATE,
        "as_of",
        sale.order_id,
    )
    assert record.actor.startswith(("os:", "staff:"))


def test_nobody_changes_or_deletes_a_record() -> None:
    read_once()
    table = AccessRecord._meta.db_table
    statements = [f"UPDATE {table} SET actor = 'nobody'", f"DELETE FROM {table}"]
    statements.append(
        f"TRUNCATE {table}"
        if connection.vendor == "postgresql"
        else f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
    )
    for statement in statements:
        with pytest.raises(DatabaseError, match="access_append_only"), transaction.atomic():
            connection.cursor().execute(statement)
    assert len(accesses()) == 1


def test_the_retention_deletes_what_is_old_and_nothing_else() -> None:
    old = pending()._replace(read_at_s=pending().read_at_s - timedelta(days=2_000).total_seconds())
    write_batch([old, pending()])
    retention = next(each for each in registered_retentions() if each.name == "remove-old-accesses")
    assert delete_expired(retention) == 1
    [left] = accesses()
    assert database_now() - left.at < timedelta(days=1)
    with pytest.raises(DatabaseError, match="access_append_only"):
        AccessRecord.objects.all().delete()


def fill(may_write: Event) -> tuple[AccessLogWriter, int]:
    """A writer with a full queue that writes after the signal, and the number of reads in it."""

    is_writing = Event()

    def write_later(waiting: Sequence[batch.PendingAccess]) -> None:
        is_writing.set()
        may_write.wait()
        write_batch(waiting)

    full, accepted = AccessLogWriter(write_later, size=1, max_wait_s=0), 1
    full.add(pending())
    assert is_writing.wait(DEADLINE_S)
    try:
        while True:
            full.add(pending())
            accepted += 1
    except AccessLogFull:
        return full, accepted


def test_a_read_is_refused_while_the_queue_is_full_and_those_in_it_are_written() -> None:
    may_write = Event()
    full, accepted = fill(may_write)
    may_write.set()
    assert full.flush(DEADLINE_S)
    assert AccessRecord.objects.count() == accepted == 2


def test_without_a_record_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    record_sales(sale)
    program, client, may_write = ApiClient(staff("robot", *VIEWS)), boss(), Event()
    client.raise_request_exception = False
    full, _ = fill(may_write)
    monkeypatch.setattr(recorder, "writer", full)
    answer = program.get("events")
    assert (answer.status_code, answer.json()["code"]) == (503, "access-log-unavailable")
    assert client.get(reverse("admin:store_storedevent_changelist")).status_code == 503
    may_write.set()
    assert full.flush(DEADLINE_S)


def test_what_the_database_does_not_accept_at_first_is_written_later() -> None:
    failures = iter([DatabaseError("down"), DatabaseError("down")])

    def fail_twice(waiting: Sequence[batch.PendingAccess]) -> None:
        if failure := next(failures, None):
            raise failure
        write_batch(waiting)

    patient = AccessLogWriter(fail_twice, retry_s=0)
    patient.add(pending())
    assert patient.flush(DEADLINE_S)
    assert AccessRecord.objects.count() == 1


def test_a_process_that_ends_writes_everything_first(database_url: str) -> None:
    code = (
        "import django; django.setup()\n"
        "from time import monotonic\n"
        "from eventshop.operations.access_log.writer import writer\n"
        "from eventshop.operations.access_log.batch import PendingAccess\n"
        "for n in range(100): writer.add(PendingAccess("
        "monotonic(), 'ada', 'api', 'rows', 'r', key=str(n)))\n"
    )
    environment = os.environ | {"DATABASE_URL": database_url}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert AccessRecord.objects.count() == 100


def read_once() -> None:
    write_batch([pending()])


def pending(**values: Any) -> batch.PendingAccess:
    access = batch.PendingAccess(
        read_at_s=monotonic(),
        actor="ada",
        door=Door.API,
        kind=Kind.ROWS,
        route="api/v1/orders",
        stream=uuid4(),
        request_id=new_id(),
    )
    return access._replace(**values)
