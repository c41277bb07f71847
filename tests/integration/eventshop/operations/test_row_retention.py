"""Rows that nobody needs any more are deleted after their number of days, and nothing that is still needed."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from io import StringIO
from typing import Any, Final
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.messaging.models import AcknowledgedRecord, KnownTopic
from eventshop.operations.models import PeriodicWork, WebRequest
from eventshop.operations.periodic_jobs import run_due_jobs
from eventshop.operations.row_retention import Retention, delete_expired, registered_retentions, run_retention
from eventshop.projections.models import Rebuild, Replay, ReplayedRow, UnreadableRecord
from eventshop.projections.read_model import ReadModel
from eventshop.projections.row_details import RowDetail
from eventshop.sagas.models import Timer
from eventshop.web.models import ApiToken, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from eventshop.web.webhooks.delivery import resend
from orders.models import GatewayMessage
from tests.support.command_output import numbers_in
from tests.support.staff import clerk
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.usefixtures("clean_database")

NOW: Final = timezone.now()
LONG_AGO: Final = NOW - timedelta(days=5_000)
TICK: Final = timedelta(milliseconds=1)

#: Tables that are not emptied, and why they do not grow without an end, or must.
WITHOUT_RETENTION: Final[Mapping[str, str]] = {
    "store.StoredEvent": "the source of truth",
    "store.StoredReceipt": "the same command is answered alike for ever",
    "store.Snapshot": "one for each aggregate",
    "store.SnapshotProgress": "one row",
    "store.StoreEpoch": "one for each restore",
    "log.KnownTopic": "one for each topic",
    "log.RelayCheckpoint": "one for each topic",
    "log.StoreFork": "one for each fork that was resolved",
    "log.ForkedEvent": "what was accepted once is kept as a record",
    "process.Saga": "may go on after years; one for each subject",
    "process.InboxMessage": "deleted saga by saga, eventshop/sagas/retention.py",
    "process.SagaStep": "deleted saga by saga, eventshop/sagas/retention.py",
    "process.PartitionLease": "one for each partition",
    "process.SagaLivePoint": "one for each kind and version",
    "process.SagaWorker": "deleted by the heartbeats of others",
    "projection_engine.Checkpoint": "one for each projection and partition",
    "projection_engine.EffectCursor": "one for each projection of effects",
    "orders.Category": "shelves that staff name",
    "orders.DeliveryOption": "ways of delivery that staff name",
    "projection_engine.Worker": "deleted by the heartbeats of others",
    "projection_engine.DeadLetter": "waits for staff; deleted once it is folded",
    "projection_engine.SkippedEvent": "each rebuild asks for it; one for each decision of staff",
    "projection_engine.EventCorrection": "each rebuild asks for it; one for each decision of staff",
    "projection_engine.KeptRows": "one for each projection, deleted by the periodic job of kept rows",
    "projection_engine.ReplayedRow": "deleted with its replay",
    "projection_engine.OutboxRecord": "deleted once Kafka has confirmed it",
    "runtime.WorkerProcess": "deleted by the heartbeats of others",
    "ops.SignedRoot": "evidence; one for each interval with something new",
    "ops.RootAnchor": "evidence; one for each root and anchor",
    "ops.StaffActor": "who did what as staff, for ever; one for each member of staff",
    "ops.StaffName": "one for each user name of a member of staff",
    "ops.AccessLogCutoff": "one row",
    "ops.PeriodicWork": "one for each job",
    "ops.PartitionTally": "one for each partition of the log",
    "privacy.PersonalKey": "deleted by the erasure",
    "privacy.ErasedPerson": "no key may be made again",
    "privacy.Claim": "deleted by the erasure",
    "privacy.RetentionRun": "evidence; one for each day on which something was due",
    "privacy.ExpiredRecord": "evidence; one for each stream that a retention rule has erased",
    "users.Newsletter": "evidence of what people were sent; names nobody",
    "privacy.Erasure": "evidence; one for each erased person",
    "privacy.Certificate": "evidence; one for each erased person",
    "privacy.ErasureFinding": "evidence; a few of an erasure, at most a hundred and one of a place",
    "web.WebhookEndpoint": "set up by its owner",
    "web.ImportFile": "deleted when its import ends",
    "web.SandboxClock": "one for each customer of a sandbox",
    "web.WebhookAttempt": "deleted with its delivery",
    "orders.Payment": "its key must mean the same payment for ever; one for each request to the gateway",
    "orders.Product": "the price list",
    "trading.InstrumentVersion": "what was traded by; one for each change of an instrument by staff",
    "trading.FeeSchedule": "what fees were computed by; one for each change that staff enter",
    "trading.ExchangeRate": "what limits were checked by; one for each rate that staff enter or import",
    "ops.AttentionNotice": "deleted with its item",
    "ops.SavedFilter": "at most fifty for each list and member of staff; deleted with them",
    "ops.ListColumns": "one for each list and member of staff; deleted with them",
    "otp_totp.TOTPDevice": "set up by its owner",
    "otp_static.StaticDevice": "one for each account",
    "otp_static.StaticToken": "ten for each account",
    "django_otp_webauthn.WebAuthnCredential": "set up by its owner",
    "django_otp_webauthn.WebAuthnAttestation": "one for each passkey",
    "django_otp_webauthn.WebAuthnUserHandle": "one for each account with a passkey",
    "users.Account": "deleted by the erasure",
    "auth.User": "set up by staff, or an account",
    "auth.Group": "set up by staff",
    "auth.Permission": "of the program",
    "contenttypes.ContentType": "of the program",
}


def named(name: str) -> Retention:
    return next(retention for retention in registered_retentions() if retention.name == name)


def create_requests(count: int) -> list[WebRequest]:
    common = {"method": "POST", "route": "/", "status": 200, "took_ms": 1, "commands": "", "sent": 1}
    return [WebRequest.objects.create(request_id=new_id(), **common) for _ in range(count)]


def backdate(row: Model, column: str, moment: datetime = LONG_AGO) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**{column: moment})


def delivery(endpoint: WebhookEndpoint, position: int, state: str) -> WebhookDelivery:
    made = WebhookDelivery.objects.create(
        id=new_id(), endpoint=endpoint, position=position, event_type="X", state=state, due_at=LONG_AGO
    )
    WebhookAttempt.objects.create(delivery=made, took_ms=1)
    return made


def test_every_table_has_a_retention_or_a_reason_to_have_none() -> None:
    tables = {model._meta.label for model in apps.get_models() if model._meta.managed and not model._meta.proxy}
    read_models = {model._meta.label for model in apps.get_models() if issubclass(model, ReadModel | RowDetail)}
    retained = {retention.model._meta.label for retention in registered_retentions()}
    assert tables - read_models == retained | set(WITHOUT_RETENTION)
    assert not retained & set(WITHOUT_RETENTION)


@pytest.mark.parametrize("retention", registered_retentions(), ids=lambda retention: retention.name)
def test_a_row_stays_until_its_last_day_is_over(retention: Retention, settings: Any) -> None:
    if retention.setting:
        setattr(settings, retention.setting, 40)
    assert retention.kept == timedelta(days=40 if retention.setting else 0)
    sql = str(retention.expired_rows(now=NOW).query)
    assert f"{retention.since}" in sql and f"{NOW - retention.kept:%Y-%m-%d %H:%M:%S.%f}" in sql


def test_the_bound_is_exact(settings: Any) -> None:
    settings.WEB_REQUESTS_KEPT_DAYS = 10
    on_the_bound, past_it = create_requests(2)
    backdate(on_the_bound, "answered_at", NOW - timedelta(days=10))
    backdate(past_it, "answered_at", NOW - timedelta(days=10) - TICK)
    assert delete_expired(named("remove-old-requests"), now=NOW) == 1
    assert WebRequest.objects.get() == on_the_bound


def test_rows_go_in_batches_each_in_a_transaction_of_its_own() -> None:
    for row in create_requests(5):
        backdate(row, "answered_at")
    new = create_requests(1)
    small = Retention(name="small", model=WebRequest, since="answered_at", setting="WEB_REQUESTS_KEPT_DAYS", batch=2)
    with CaptureQueriesContext(connection) as queries:
        assert delete_expired(small) == 5
    assert sum(query["sql"].startswith("DELETE") for query in queries) == 3
    assert list(WebRequest.objects.all()) == new


def test_a_run_ends_at_its_limit_and_the_next_one_goes_on() -> None:
    for row in create_requests(5):
        backdate(row, "answered_at")
    small = Retention(name="small", model=WebRequest, since="answered_at", setting="WEB_REQUESTS_KEPT_DAYS", batch=2)
    assert [delete_expired(small, limit=timedelta(seconds=-1)) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.postgres
def test_a_row_that_somebody_works_on_is_left_and_not_waited_for() -> None:
    busy, free = create_requests(2)
    for row in (busy, free):
        backdate(row, "answered_at")

    def delete() -> int:
        try:
            return delete_expired(named("remove-old-requests"))
        finally:
            connections.close_all()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        WebRequest.objects.select_for_update().get(pk=busy.pk)
        assert pool.submit(delete).result(DEADLINE_S) == 1
    assert WebRequest.objects.get() == busy


def test_deliveries_that_wait_stay_and_finished_ones_go_with_their_attempts() -> None:
    owner = User.objects.create(username="integrator")
    endpoint = WebhookEndpoint.objects.create(owner=owner, url="https://example.org/", active=False)
    waiting, delivered, failed, resent = (
        delivery(endpoint, position, state)
        for position, state in enumerate(("waiting", "delivered", "failed", "failed"))
    )
    resend(resent)
    assert delete_expired(named("remove-old-webhook-deliveries")) == 2
    assert {row.pk for row in WebhookDelivery.objects.all()} == {waiting.pk, resent.pk}
    assert WebhookAttempt.objects.count() == 2
    assert delivered.pk != failed.pk


@pytest.mark.parametrize(("model", "name"), [(Rebuild, "remove-old-rebuilds"), (Replay, "remove-old-replays")])
def test_jobs_that_are_not_finished_stay_however_old_they_are(model: type[Rebuild | Replay], name: str) -> None:
    for state in ("requested", "running", "done", "failed"):
        model._default_manager.create(
            projection="daily-sales", state=state, requested_by="ada", requested_at=LONG_AGO, finished_at=LONG_AGO
        )
    assert delete_expired(named(name)) == 2
    assert sorted(model._default_manager.values_list("state", flat=True)) == ["requested", "running"]


def test_a_replay_goes_with_its_rows() -> None:
    job = Replay.objects.create(
        kind="as-of",
        projection="daily-sales",
        state="done",
        requested_by="ada",
        requested_at=LONG_AGO,
        finished_at=LONG_AGO,
    )
    ReplayedRow.objects.create(replay=job, number=1, key="k", columns="{}")
    assert delete_expired(named("remove-old-replays")) == 1
    assert not ReplayedRow.objects.exists()


def test_an_acknowledgement_stays_as_long_as_its_topic() -> None:
    present, gone = new_id(), new_id()
    KnownTopic.objects.create(name="event-store", cluster_id="c", topic_id=present, partitions=12)
    for topic_id in (present, gone):
        AcknowledgedRecord.objects.create(
            topic="event-store", topic_id=topic_id, partition=0, offset=1, digest="d", acknowledged_at=LONG_AGO
        )
    assert delete_expired(named("remove-acknowledgements-of-gone-topics")) == 1
    assert AcknowledgedRecord.objects.get().topic_id == UUID(str(present))


def test_what_is_old_goes_from_the_other_tables_and_what_is_new_stays() -> None:
    owner = User.objects.create(username="integrator")
    for name, moment in (("old", LONG_AGO), ("new", NOW)):
        ApiToken.objects.create(digest=name, begins=name, owner=owner, name=name, expires_at=moment)
        GatewayMessage.objects.create(source="notice", verdict="accepted", same_as=name, last_at=moment)
        LogEntry.objects.create(user=owner, action_flag=1, object_repr=name, action_time=moment)
        Timer.objects.create(key=name, due_at=moment, looked_at_from=moment, fired_at=moment)
        UnreadableRecord.objects.create(projection=name, topic="t", partition=0, offset=0, error="", found_at=moment)
    Timer.objects.create(key="waiting", due_at=LONG_AGO, looked_at_from=LONG_AGO)
    run_due_jobs()
    assert ApiToken.objects.get().name == "new"
    assert GatewayMessage.objects.get().same_as == "new"
    assert LogEntry.objects.get().object_repr == "new"
    assert set(Timer.objects.values_list("key", flat=True)) == {"new", "waiting"}
    assert UnreadableRecord.objects.get().projection == "new"


def test_staff_see_how_much_is_kept_and_since_when() -> None:
    old, new = create_requests(2)
    backdate(old, "answered_at")
    backdate(new, "answered_at", NOW)
    result = f"1 web requests removed; 1 kept, the oldest of {NOW:%Y-%m-%d}"
    assert run_retention(named("remove-old-requests")) == result
    assert run_retention(named("remove-old-requests")).startswith("0 web requests removed; 1 kept")
    run_due_jobs()
    said = PeriodicWork.objects.get(name="remove-old-requests").said
    assert said in clerk("view_periodicwork").get("/admin/ops/periodicwork/").content.decode()


def test_the_command_says_what_it_would_delete_and_deletes_it() -> None:
    old, _new = create_requests(2)
    backdate(old, "answered_at")

    def printed(*arguments: str) -> list[int]:
        out = StringIO()
        call_command("delete_old_rows", "remove-old-requests", *arguments, stdout=out)
        [line] = [line for line in out.getvalue().splitlines() if "remove-old-requests" in line]
        return numbers_in(line)[:3]

    assert printed("--dry-run") == [400, 1, 2]
    assert printed() == [400, 1, 1]
    assert printed("--dry-run") == [400, 0, 1]
    with pytest.raises(CommandError, match="remove-nothing"):
        call_command("delete_old_rows", "remove-nothing")
