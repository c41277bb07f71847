"""A fork is resolved by one command: the table is kept, Kafka's events are a record, positions never repeat."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connections, models

from eventshop.eventstore import store_epochs
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.models import StoreFork
from eventshop.messaging.relay.event_batches import RelayStopped
from eventshop.operations.fork_resolution import POSITION_COLUMNS
from eventshop.runtime import wake_signals
from eventshop.runtime.fault_injection import CRASH_POINTS
from tests.support.database_copy import copy_database, put_in_place
from tests.support.event_table_tampering import triggers_disabled
from tests.support.kafka.forked_store import WHO, assert_resolved, fork_the_store, resolve, sell, stored
from tests.support.kafka.topic_contents import relay_all, run_command, running_relay
from tests.support.processes import manage_process
from tests.support.waiting import wait_for_exit

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


@pytest.fixture(autouse=True)
def noticed_late(settings: Any) -> Iterator[None]:
    """No reader notices the older database by itself; and what this process knows of it does not outlive the test."""
    settings.DIVERGENCE_CHECK_S = 3_600
    yield
    store_epochs.clear_divergence()


def test_the_table_is_kept_and_what_kafka_had_is_a_record(kafka_topics: str, tmp_path: Path) -> None:
    store = fork_the_store()
    with pytest.raises(RelayStopped, match="resolve_fork"), running_relay():
        pass
    before = stored()
    planned = resolve("--dry-run")
    assert planned.code == 0, planned.failure
    common = store.common[-1].position
    expected = [
        f"are the same up to position {common}.",
        f"Only the table has {len(store.database)} events, at positions {common + 1} to {newest_position()}",
        f"Only Kafka has {len(store.kafka)} events, at positions {common + 1} to {store.kafka[-1].position}",
        "Both have continued stream",
        f"{len(store.kafka)} events are set aside, {len(store.database)} get positions",
    ]
    assert [text for text in expected if text not in planned.out] == [], planned.out
    assert (stored(), StoreFork.objects.count()) == (before, 0)
    assert "--operator" in resolve().failure

    done = resolve(*WHO)
    assert done.code == 0, done.failure
    assert "order-summary has read events" in done.out
    assert_resolved(store, kafka_topics)

    listed = run_command("resolve_fork", "--list").out
    assert all(str(row.command_id) in listed for row in store.kafka)
    file = tmp_path / "forked.jsonl"
    assert run_command("resolve_fork", "--export", str(file)).code == 0
    exported = [json.loads(text) for text in file.read_text().splitlines()]
    assert [(each["event_id"], each["payload"]) for each in exported] == [
        (str(row.event_id), row.payload) for row in store.kafka
    ]
    assert exported[-1]["receipt"]["command_id"] == str(store.kafka[-1].command_id)
    assert "have not forked" in resolve(*WHO).failure


@pytest.mark.chaos
@pytest.mark.long
@pytest.mark.parametrize("point", [*(name for name in CRASH_POINTS if name.startswith("fork.")), "relay.mid-send"])
def test_killed_at_any_point_it_goes_on(
    kafka_topics: str, kafka_process_env: dict[str, str], tmp_path: Path, point: str
) -> None:
    store, log = fork_the_store(), tmp_path / "resolve.log"
    wake_signals.stop_listening()
    connections.close_all()
    with manage_process("resolve_fork", *WHO, env={**kafka_process_env, "CRASH_AT": point}, log=log) as process:
        assert wait_for_exit(process, log=log) == -signal.SIGKILL, log.read_text()
    done = resolve()
    assert done.code == 0, done.failure
    assert "is continued" in done.out
    assert_resolved(store, kafka_topics)


def test_without_a_fork_it_is_refused(kafka_topics: str) -> None:
    sell(paid=True)
    relay_all()
    assert "have not forked" in resolve(*WHO).failure
    copy = copy_database()
    sell(paid=True)
    relay_all()
    put_in_place(copy)
    refused = resolve(*WHO)
    assert (refused.code, StoreFork.objects.count()) == (1, 0)
    assert "restore_events_from_kafka" in refused.failure


def test_an_event_that_was_changed_is_no_fork_to_resolve(kafka_topics: str) -> None:
    sell(paid=True)
    relay_all()
    with triggers_disabled() as cursor:
        cursor.execute("UPDATE event SET hash = sha256(hash) WHERE position = %s", [newest_position()])
    refused = resolve(*WHO)
    assert "does not match its hash" in refused.failure
    assert not StoreFork.objects.exists()


def test_every_column_that_refers_to_an_event_is_renumbered() -> None:
    """A new one belongs into `POSITION_COLUMNS`, or here with the reason why it does not."""
    names = {"position", "cursor", "live_from", "routed_to", "store_position", "after_position", "to_position"}
    columns = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.fields
        if isinstance(field, models.BigIntegerField) and field.name in names
    }
    others = {
        *("store.StoredEvent.position", "store.StoredReceipt.position"),  # renumbered by the event store
        "process.PartitionLease.position",  # the router's is renumbered; others are of releases before
        "store.SnapshotProgress.position",  # what is read again is due again, or not
        "log.RelayCheckpoint.position",  # of the topic that is deleted
        *("log.StoreFork.common_position", "log.ForkedEvent.position"),  # of the side that is set aside
        "ops.SignedRoot.after_position",  # signed, and true when it was; the next root has the events again
        "ops.SignedRoot.to_position",
        *("projection_engine.Checkpoint.position", "projection_engine.Checkpoint.store_position"),  # of Kafka
        *("projection_engine.DeadLetter.position", "projection_engine.SkippedEvent.position"),  # from Kafka; rebuilt
        "projection_engine.DeadLetterJob.position",  # of dead letters, which are rebuilt
        "projection_engine.EventCorrection.position",  # of a dead letter, as it was when it was corrected
        "users.Newsletter.cursor",  # the ground of each letter is asked once, however often it is looked at
        "ops.Stream.position",  # a view
        *("projection_engine.Rebuild.position", "projection_engine.Replay.position"),  # how far it was
        "projection_engine.OutboxRecord.position",  # its own numbers
        "projections.ActivityTimeline.position",  # a read model
    }
    assert columns - others == {f"{label}.{column}" for label, column in POSITION_COLUMNS}
