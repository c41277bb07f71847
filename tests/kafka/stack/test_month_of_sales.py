"""Real sales, imported while relay, publisher and Celery workers run: every total is right."""

from __future__ import annotations

import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.stack.app import WORKER_COMMAND
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.topic_end import read_topic_end
from eventshop.messaging.kafka_event_log import KafkaEventLog
from eventshop.projections.lag import list_statuses, sum_by_projection
from eventshop.projections.models import Checkpoint, DeadLetter, OutboxRecord, UnreadableRecord
from eventshop.projections.projection import projection_registry
from tests.support.kafka.read_models import assert_read_models_equal_fold
from tests.support.kafka.topic_contents import run_command
from tests.support.processes import manage_process, python_process
from tests.support.retail_import import (
    CONTROL_TOTALS,
    DAY_EVENTS,
    MONTH,
    MONTH_EVENTS,
    MONTH_RECEIPTS,
    count_events_and_receipts,
    differing_totals,
    write_first_days,
)
from tests.support.waiting import wait_for_exit, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.data, pytest.mark.usefixtures("clean_database", "projection_topics")]


def is_caught_up(events: int) -> bool:
    """Whether the relay has sent all events, every read model has processed them, and the outbox is empty."""
    return (
        read_topic_end(topics.event_store_topic(), PARTITIONS).position == events
        and all(
            status.lag == 0
            for status in sum_by_projection(list_statuses(projection_registry.select([]), KafkaEventLog()))
        )
        and not OutboxRecord.objects.exists()
    )


def test_a_day_through_the_whole_stack_agrees_with_its_file(stack_env: dict[str, str], tmp_path: Path) -> None:
    day = write_first_days(tmp_path, "2010-12-01")
    import_through_the_stack(day, stack_env, tmp_path / "stack.log", events=DAY_EVENTS)
    assert differing_totals(day, None) == set()


@pytest.mark.long
def test_the_month_through_the_whole_stack_agrees_with_the_books(stack_env: dict[str, str], tmp_path: Path) -> None:
    import_through_the_stack(MONTH, stack_env, tmp_path / "stack.log", events=MONTH_EVENTS)
    assert count_events_and_receipts() == (MONTH_EVENTS, MONTH_RECEIPTS)
    assert differing_totals(MONTH, CONTROL_TOTALS) == set()


@pytest.fixture
def stack_env(redis_env: dict[str, str], kafka_process_env: dict[str, str]) -> dict[str, str]:
    return {**kafka_process_env, **redis_env}


def import_through_the_stack(file: Path, env: dict[str, str], log: Path, *, events: int) -> None:
    """Import a file beside all processes; then tables, topic and read models have its events."""
    with ExitStack() as at_the_end:
        processes: list[subprocess.Popen[bytes]] = []
        for command in ("relay", "publish_projections"):
            processes.append(at_the_end.enter_context(manage_process(command, env=env, log=log)))
        for name in ("one", "two"):
            celery = ("-m", *WORKER_COMMAND.split(), "--hostname", f"{name}@test")
            processes.append(at_the_end.enter_context(python_process(*celery, env=env, log=log)))
        wait_until(both_work, seen=log)  # they share the partitions
        with manage_process("import_online_retail", str(file), env=env, log=log) as importing:
            assert wait_for_exit(importing, log=log) == 0, log.read_text()
        wait_until(lambda: is_caught_up(events), seen=log)
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert [wait_for_exit(process, log=log) for process in processes] == [0, 0, 0, 0], log.read_text()

    assert not DeadLetter.objects.exists()
    assert not UnreadableRecord.objects.exists()
    assert_read_models_equal_fold()
    verified = run_command("verify_log")
    assert (verified.code, verified.failure) == (0, "")
    assert verified.comparison[:3] == [events, events, 0]


def both_work() -> bool:
    owners = Checkpoint.objects.exclude(owner="").values_list("owner", flat=True)
    return len({owner.partition("/")[0] for owner in owners}) == 2
