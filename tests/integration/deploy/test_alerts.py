"""Each fault of the runbook's table, by what it leaves in the tables: health names it, and its own alert fires.

tests/kafka/stack/test_faults.py makes the faults themselves on the whole stack, under a Prometheus that scrapes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.cache import cache
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.eventstore import store_epochs
from eventshop.eventstore.store_epochs import Divergence
from eventshop.messaging.kafka import topics
from eventshop.messaging.models import RelayCheckpoint
from eventshop.operations import health_checks, tasks
from eventshop.operations.health_checks import check_components
from eventshop.operations.models import PeriodicWork
from eventshop.operations.objectives import State
from eventshop.operations.work_health import check_effects
from eventshop.privacy.models import Erasure
from eventshop.projections.models import Checkpoint, DeadLetter, OutboxRecord, ProjectedEffect, UnreadableRecord
from eventshop.projections.projection import projection_registry
from eventshop.runtime import metrics
from eventshop.runtime.models import WorkerProcess
from eventshop.sagas.effects import NO_RESULT
from eventshop.sagas.models import PartitionLease, Saga, SagaStep, Timer
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from projections.order_summary import order_summary
from tests.support.api_clients import staff
from tests.support.certificates import tls_server, write_certificate
from tests.support.gateway_process import SECRET, running_gateway
from tests.support.order_fulfilment import receive_stock
from tests.support.prometheus import firing_alerts
from tests.support.read_models import catch_up, running_projections
from tests.support.waiting import wait_until
from tests.support.web_server import free_port

pytestmark = pytest.mark.usefixtures("clean_database")

EXPIRED: Final = "whsec_ZXhwaXJlZC1rZXktb2YtMzItYnl0ZXMtMDEyMzQ1Njc4OQ=="
BROKEN: Final = {"bootstrap_servers": ["127.0.0.1:1"]}


def ago(seconds: float) -> Any:
    return Now() - timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def fresh_checks() -> Iterator[None]:
    health_checks._circuit_breakers.clear()
    yield
    health_checks._circuit_breakers.clear()


def silent_worker(settings: Any) -> None:
    WorkerProcess.objects.create(owner="host:1:x", started_at=ago(90), seen_at=ago(30))


def ended_thread(settings: Any) -> None:
    state = {"alive": False, "last_error": "MemoryError", "restarted_s_ago": None}
    WorkerProcess.objects.create(owner="host:1:x", started_at=Now(), seen_at=Now(), threads={"sagas": state})


def wrong_clock(settings: Any) -> None:
    WorkerProcess.objects.create(owner="host:1:x", started_at=Now(), seen_at=Now(), clock_ahead_s=3600.0)


def projection_that_nobody_runs(settings: Any) -> None:
    catch_up(order_summary)
    Checkpoint.objects.update(polled_at=ago(25), advanced_at=ago(25))
    receive_stock("mug", 1)
    settings.HEALTH_LAG_S = 0


def no_worker_has_ever_run(settings: Any) -> None:
    receive_stock("mug", 1)
    settings.HEALTH_LAG_S = 0


def late_router(settings: Any) -> None:
    receive_stock("mug", 1)
    PartitionLease.objects.create(name="database", number=0)
    settings.HEALTH_LAG_S = 0


def relay_without_leader(settings: Any) -> None:
    settings.KAFKA_OPTIONS = BROKEN
    receive_stock("mug", 1)


def full_outbox(settings: Any) -> None:
    settings.KAFKA_OPTIONS = BROKEN
    OutboxRecord.objects.create(topic="t", key="k", created_at=ago(90))


def beat_stopped(settings: Any) -> None:
    PeriodicWork.objects.create(name="look-for-jobs", due_at=ago(35))


def kafka_away(settings: Any) -> None:
    settings.KAFKA_OPTIONS = {"bootstrap_servers": [f"127.0.0.1:{free_port()}"]}


def broker_of_tasks_away(settings: Any) -> None:
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{free_port()}/0"


def old_database(settings: Any) -> None:
    store_epochs.record_divergence(Divergence.DATABASE_BEHIND, "the topic has more")


def new_topic(settings: Any) -> None:
    store_epochs.record_divergence(Divergence.TOPIC_ANEW, "the topic was made anew")


def records_deleted(settings: Any) -> None:
    settings.KAFKA_OPTIONS = BROKEN
    RelayCheckpoint.objects.create(topic=topics.event_store_topic(), deleted_records=7)


def gateway_away(settings: Any) -> None:
    settings.PAYMENT_GATEWAY_URL = f"http://127.0.0.1:{free_port()}"


def venue_away(settings: Any) -> None:
    settings.VENUE_URL = f"http://127.0.0.1:{free_port()}"


def failing_gateway(settings: Any) -> None:
    add_effect("OutcomeUnknown: the gateway responded with status 500")


def dead_letter(settings: Any) -> None:
    catch_up(order_summary)
    known = {"projection": "order-summary", "aggregate_type": "Order", "event_type": "OrderCreated"}
    DeadLetter.objects.create(
        aggregate_id=new_id(), position=1, version=1, event_id=new_id(), parked_at=timezone.now(), **known
    )


def unreadable_record(settings: Any) -> None:
    settings.KAFKA_OPTIONS = BROKEN
    topic = topics.event_store_topic()
    UnreadableRecord.objects.create(
        projection="order-summary", topic=topic, partition=0, offset=1, error="no", found_at=timezone.now()
    )


def expired_client_certificate(settings: Any) -> None:
    file = write_certificate(Path(settings.TEST_FOLDER) / "client.pem", days_left=-1)
    settings.KAFKA_OPTIONS = {**BROKEN, "ssl_certfile": str(file)}


def suspended_saga(settings: Any) -> None:
    now = timezone.now()
    begun: dict[str, Any] = {"kind": "k", "version": 1, "slot": 0, "state": "{}", "started_at": now, "moved_at": now}
    Saga.objects.create(
        saga_id=new_id(), subject_id=new_id(), correlation_id=new_id(), sequence_number=1, status="stuck", **begun
    )


def late_timer(settings: Any) -> None:
    Timer.objects.create(key="t", due_at=ago(90), looked_at_from=ago(90))


def unsent_webhook(settings: Any) -> None:
    endpoint = WebhookEndpoint.objects.create(owner=staff("hooked"), url="https://example.org/")
    WebhookDelivery.objects.create(id=new_id(), due_at=ago(90), endpoint=endpoint, event_type="E", position=1)


def unsent_letter(settings: Any) -> None:
    ids = {name: new_id() for name in ("id", "event_id", "aggregate_id")}
    ProjectedEffect.objects.create(
        projection="letters", kind="order-confirmation", event_type="OrderCreated", position=1, due_at=ago(90), **ids
    )


def stopped_erasure(settings: Any) -> None:
    Erasure.objects.create(subject=new_id(), step="scan", problem="KeyError")


def failed_job(settings: Any) -> None:
    PeriodicWork.objects.create(name="take-snapshots", due_at=Now() + timedelta(hours=1), failed=True)


def failed_verification(settings: Any) -> None:
    PeriodicWork.objects.create(name="verify-chains", due_at=Now() + timedelta(hours=1), failed=True)


def open_ledger(settings: Any) -> None:
    """As if an event had been folded twice."""
    receive_stock("mug", 1)
    catch_up(order_summary)
    tasks.close_ledger()
    Checkpoint.objects.update(events=F("events") + 1)


def add_effect(answer: str) -> None:
    SagaStep.objects.create(
        step_id=new_id(), saga_id=new_id(), slot=0, number=1, cause_id=new_id(), sequence_number=1, what="effect",
        name="TakePayment", payload="{}", answer=answer, attempts=1, failing_since=Now(), made_at=Now(),
        looked_at_from=Now() + timedelta(seconds=5),
    )  # fmt: skip


FAULTS: Final[list[Any]] = [
    (silent_worker, "workers", "EventShopWorkerSilent"),
    (ended_thread, "workers", "EventShopThreadEnded"),
    (wrong_clock, "clocks", "EventShopClockWrong"),
    (projection_that_nobody_runs, "projections", "EventShopProjectionFailing"),
    (no_worker_has_ever_run, "projections", "EventShopProjectionFailing"),
    (late_router, "event router", "EventShopSagasFailing"),
    (relay_without_leader, "relay", "EventShopRelayFailing"),
    pytest.param(full_outbox, "publisher", "EventShopPublisherFailing", marks=pytest.mark.postgres),
    (beat_stopped, "periodic jobs", "EventShopJobsLate"),
    (kafka_away, "event log", "EventShopKafkaDown"),
    (broker_of_tasks_away, "broker", "EventShopBrokerDown"),
    (old_database, "divergence", "EventShopDiverged"),
    (new_topic, "divergence", "EventShopDiverged"),
    (records_deleted, "deleted records", "EventShopRecordsDeleted"),
    (gateway_away, "payments", "EventShopGatewayAway"),
    (venue_away, "venue", "EventShopVenueAway"),
    (failing_gateway, "effects", "EventShopEffectsFailing"),
    (suspended_saga, "saga runner", "EventShopSagaSuspended"),
    (late_timer, "timers", "EventShopTimersLate"),
    (unsent_webhook, "webhooks", "EventShopWebhooksLate"),
    (unsent_letter, "letters", "EventShopLettersLate"),
    (stopped_erasure, "erasures", "EventShopErasureStopped"),
    (failed_job, "periodic jobs", "EventShopJobFailed"),
    (failed_verification, "periodic jobs", "EventShopVerificationFailed"),
    (open_ledger, "projections", "EventShopLedgerOpen"),
    (dead_letter, "projections", "EventShopDeadLetters"),
    (unreadable_record, "unreadable records", "EventShopUnreadableRecords"),
    (expired_client_certificate, "certificates", "EventShopCertificateExpired"),
]


def part_states() -> dict[str, State]:
    parts = check_components()
    return {part.name: part.state for one in parts for part in (one, *one.parts)}


def scrape(client: Client) -> str:
    return client.get("/metrics").content.decode()


@pytest.mark.parametrize(("fault", "part", "alert"), FAULTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_fault_is_seen_in_health_and_by_its_own_alert(
    fault: Callable[[Any], None], part: str, alert: str, client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.TEST_FOLDER = tmp_path
    if part != "projections":  # nobody runs projections here
        assert part_states()[part] is State.OK
    cache.clear()
    fault(settings)
    assert part_states()[part] is not State.OK
    assert alert in firing_alerts(scrape(client))


def test_slow_commands_fire_and_a_system_that_works_fires_nothing(client: Client) -> None:
    with running_projections(*projection_registry.select([]), owner="test"):
        wait_until(lambda: part_states()["projections"] is State.OK)
        before = scrape(client)
        receive_stock("mug", 1)
        quick = scrape(client)
        assert firing_alerts(before, quick) == set()
        metrics.COMMAND_SECONDS.observe(1.5)
        assert firing_alerts(quick, scrape(client)) == {"EventShopCommandsSlow"}


@pytest.mark.parametrize(("days", "state"), [(-1, State.FAILING), (3, State.DEGRADED), (30, State.OK)])
def test_the_certificate_that_a_server_shows_is_read_also_when_it_has_expired(
    days: int, state: State, settings: Any, tmp_path: Path
) -> None:
    with tls_server(write_certificate(tmp_path / "server.pem", days_left=days)) as server:
        settings.PAYMENT_GATEWAY_URL = f"https://localhost:{server.port}"
        [health] = [part for part in check_components() if part.name == "certificates"]
        assert health.state is state and ("expire" in health.detail) == (state is not State.OK)


def test_a_gateway_that_refuses_our_key_is_seen_without_any_payment(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    with running_gateway(tmp_path) as gateway:
        settings.PAYMENT_GATEWAY_URL, settings.PAYMENT_GATEWAY_SECRET = gateway.url, SECRET
        assert part_states()["gateway key"] is State.OK
        cache.clear()
        settings.PAYMENT_GATEWAY_SECRET = EXPIRED
        assert part_states()["gateway key"] is State.FAILING
        assert "EventShopGatewayKeyRefused" in firing_alerts(scrape(client))


def test_a_payment_whose_result_is_still_to_come_fails_nothing() -> None:
    add_effect(NO_RESULT)
    assert check_effects().ok
