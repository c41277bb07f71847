"""The commands that run, rebuild, retry and show projections, and their output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from random import Random

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.operations.staff_actors import command_line_actor
from eventshop.projections import checkpoints, lag
from eventshop.projections.dead_letter_retry import RETRY_BATCH
from eventshop.projections.lag import ProjectionStatus, list_statuses
from eventshop.projections.models import Checkpoint, DeadLetter, Rebuild
from eventshop.projections.projection import projection_registry
from eventshop.projections.targets import rebuild_target
from eventshop.runtime.database_clock import database_now
from projections.daily_sales import daily_sales
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.conftest import BASE_DIR
from tests.support.command_output import numbers_in
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.read_models import (
    append,
    append_order_histories,
    assert_rows_equal_fold,
    catch_up,
    checkpoint_of,
    stored_rows,
)
from tests.support.sales import Sale
from tests.support.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(order_summary))


def run_command(*command: str) -> str:
    """The output of a management command."""
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def run_refused_command(*command: str) -> str:
    """The error text of a management command that fails with status 1."""
    with pytest.raises(CommandError) as refusal:
        run_command(*command)
    assert refusal.value.returncode == 1
    return str(refusal.value)


def status_of(name: str) -> ProjectionStatus:
    [found] = [
        status for status in list_statuses(projection_registry.select([]), DatabaseEventLog()) if status.name == name
    ]
    return found


# --- run_projections -----------------------------------------------------------------------------


def test_run_projections_once_catches_up_with_everything() -> None:
    append_order_histories(Random(1), range(10))
    events = StoredEvent.objects.count() * len(projection_registry.select([]))
    assert numbers_in(run_command("run_projections", "--once")) == [events]
    assert_rows_equal_fold()
    assert numbers_in(run_command("run_projections", "--once")) == [0]


def test_run_projections_runs_those_it_is_told_to() -> None:
    append(sale.order_id, sale.created, sale.paid)
    assert numbers_in(run_command("run_projections", "order-summary", "daily-sales", "--once")) == [4]
    assert_rows_equal_fold(order_summary, daily_sales)
    assert set(Checkpoint.objects.values_list("projection", flat=True)) == {"order-summary", "daily-sales"}


@pytest.mark.parametrize("command", [["run_projections", "--once"], ["rebuild_projection"], ["retry_dead_letters"]])
def test_an_unknown_projection_is_refused_with_the_known_names(command: list[str]) -> None:
    name, *options = command
    refusal = run_refused_command(name, "nonsense", *options)
    assert "nonsense" in refusal
    for projection in projection_registry.select([]):
        assert projection.name in refusal
    assert not Checkpoint.objects.exists()
    assert not Rebuild.objects.exists()


def test_run_projections_goes_on_until_it_is_told_to_stop(database_url: str) -> None:
    environment = os.environ | {"DATABASE_URL": database_url, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_projections", "order-summary"],
        cwd=BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        append(sale.order_id, sale.created)
        wait_until(lambda: OrderSummary.objects.exists() or process.poll() is not None, seen=process.poll)
        assert f":{process.pid}:" in Checkpoint.objects.get().owner
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, output
    assert len(output.splitlines()) == 2  # when it starts and when it has stopped
    assert Checkpoint.objects.get().owner == ""


def test_an_unknown_name_ends_the_process_with_status_1(database_url: str) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "run_projections", "nonsense"],
        cwd=BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert result.returncode == 1
    assert "nonsense" in result.stderr
    assert "order-summary" in result.stderr
    assert "Traceback" not in result.stderr


# --- rebuild_projection --------------------------------------------------------------------------


def test_rebuild_projection_says_what_it_put_right() -> None:
    append(sale.order_id, sale.created, sale.paid)
    append(other.order_id, other.created)
    catch_up(order_summary)
    OrderSummary.objects.filter(pk=sale.order_id).update(reference="tampered")
    OrderSummary.objects.filter(pk=other.order_id).delete()
    output = run_command("rebuild_projection", "order-summary", "--reason", "drift")
    head = StoredEvent.objects.latest("position").position
    assert ("order-summary" in output, numbers_in(output.splitlines()[-1])) == (True, [1, 1, 0, head])
    assert (Rebuild.objects.get().reason, Rebuild.objects.get().requested_by) == ("drift", command_line_actor())
    assert_rows_equal_fold(order_summary)


def test_rebuild_projection_follows_a_worker_that_was_faster_and_goes_on_when_it_is_gone() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    target, log = rebuild_target(order_summary), DatabaseEventLog()
    rows = checkpoints.open_checkpoints(target.name, log.partitions, order_summary.version)
    checkpoints.acquire_leases(rows.values(), "a worker that is killed")
    Checkpoint.objects.filter(projection=target.name).update(leased_until=database_now() + timedelta(seconds=0.6))
    assert "order-summary rebuilt" in run_command("rebuild_projection", "order-summary")
    assert Rebuild.objects.get().state == Rebuild.State.DONE


def test_rebuild_projection_says_why_it_kept_the_old_rows(flaky: Flaky) -> None:
    append(sale.order_id, sale.created)
    catch_up(flaky.projection)
    before = stored_rows(flaky.projection)
    flaky.spoils[sale.order_id, 1] = fail
    refusal = run_refused_command("rebuild_projection", "flaky")
    assert "Broken: cannot digest this" in refusal  # the error that the projection raised
    assert stored_rows(flaky.projection) == before


@pytest.mark.parametrize(
    "command", [["rebuild_projection"], ["retry_dead_letters", "--aggregate", "17"], ["run_projections", "-x"]]
)
def test_wrong_arguments_are_refused(command: list[str]) -> None:
    with pytest.raises(CommandError):
        run_command(*command)


# --- retry_dead_letters --------------------------------------------------------------------------------


def test_retry_dead_letters_folds_what_works_now(flaky: Flaky) -> None:
    flaky.spoils |= {(sale.order_id, 1): fail, (other.order_id, 1): fail}
    append(sale.order_id, sale.created, sale.paid)
    append(other.order_id, other.created)
    catch_up(flaky.projection)
    run_refused_command("retry_dead_letters")
    assert DeadLetter.objects.count() == 3
    flaky.repair()
    assert numbers_in(run_command("retry_dead_letters", "flaky", "--aggregate", str(sale.order_id))) == [2, 0]
    assert DeadLetter.objects.get().aggregate_id == other.order_id
    assert numbers_in(run_command("retry_dead_letters")) == [1, 0]
    assert numbers_in(run_command("retry_dead_letters")) == [0, 0]
    assert_rows_equal_fold(flaky.projection)


def test_retry_dead_letters_folds_the_longest_queue(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created, *[sale.requested] * (2 * RETRY_BATCH + 10))
    catch_up(flaky.projection)
    flaky.repair()
    assert numbers_in(run_command("retry_dead_letters")) == [2 * RETRY_BATCH + 11, 0]


def test_retry_dead_letters_says_how_many_remain(flaky: Flaky) -> None:
    flaky.spoils |= {(sale.order_id, 1): fail, (sale.order_id, 2): fail}
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    catch_up(flaky.projection)
    del flaky.spoils[sale.order_id, 1]
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("retry_dead_letters", stdout=out)
    assert numbers_in(out.getvalue()) == [1, 2]


@pytest.mark.parametrize(
    ("old_name", "new_name", "arguments", "numbers"),
    [
        ("retry_parked", "retry_dead_letters", [], [0, 0]),
        ("run_processes", "run_sagas", ["--once"], [0]),
    ],
)
def test_an_old_name_runs_the_command_and_names_the_new_one(
    old_name: str, new_name: str, arguments: list[str], numbers: list[int]
) -> None:
    out, err = StringIO(), StringIO()
    call_command(old_name, *arguments, stdout=out, stderr=err)
    assert numbers_in(out.getvalue()) == numbers
    [hint] = err.getvalue().splitlines()
    assert old_name in hint and new_name in hint


# --- how far everything is -----------------------------------------------------------------------


def test_a_projection_that_never_ran_is_behind_by_everything() -> None:
    append(sale.order_id, sale.created, sale.paid)
    found = status_of("order-summary")
    assert (found.position, found.head, found.lag, found.state) == (0, 2, 2, "behind")
    assert (found.dead_letters, found.owner, found.paused, found.needs_rebuild) == (0, "", False, False)
    assert 0 < found.lag_s < 60
    assert not Checkpoint.objects.exists()  # looking changes nothing


def test_a_projection_that_has_caught_up_is_up_to_date() -> None:
    assert status_of("order-summary").state == "up to date"  # nothing has ever happened
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    found = status_of("order-summary")
    assert (found.position, found.lag, found.lag_s, found.state) == (1, 0, 0.0, "up to date")
    assert found.advanced_at is not None


def test_waiting_is_counted_from_the_oldest_event_not_yet_folded() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    append(sale.order_id, sale.paid)
    append(sale.order_id, sale.shipped)
    waiting = StoredEvent.objects.get(version=2).recorded_at
    before = (timezone.now() - waiting).total_seconds()
    found = status_of("order-summary")
    after = (timezone.now() - waiting).total_seconds()
    assert before <= found.lag_s <= after
    assert found.lag == 2


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"lag_s": lag.STALLED_AFTER.total_seconds() + 1}, "stalled"),
        ({"lag_s": lag.STALLED_AFTER.total_seconds() - 1}, "behind"),
        ({"position": 5, "lag_s": 0.0}, "up to date"),
        ({"position": 5, "lag_s": 0.0, "dead_letters": 2}, "dead letters"),
        ({"dead_letters": 2, "lag_s": 1000.0}, "stalled"),
        ({"needs_rebuild": True, "dead_letters": 2}, "needs rebuild"),
        ({"paused": True, "needs_rebuild": True, "lag_s": 1000.0}, "paused"),
    ],
)
def test_the_worst_is_named_first(changed: dict[str, object], state: str) -> None:
    behind = ProjectionStatus("x", 0, 3, 5, 1.0, 0, None, None, "", False, False)
    assert behind._replace(**changed).state == state  # type: ignore[arg-type]


def test_status_shows_what_the_checkpoint_says(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created, sale.paid)
    catch_up(flaky.projection, order_summary, daily_sales)
    assert (status_of("flaky").dead_letters, status_of("flaky").state) == (2, "dead letters")
    rows = Checkpoint.objects
    rows.filter(projection="order-summary").update(owner="shop:17", leased_until=timezone.now() + timedelta(hours=1))
    rows.filter(projection="flaky").update(owner="dead:18", leased_until=timezone.now() - timedelta(seconds=1))
    rows.filter(projection="daily-sales").update(version=0, paused=True)
    assert status_of("order-summary").owner == "shop:17"
    assert status_of("flaky").owner == ""
    found = status_of("daily-sales")
    assert (found.paused, found.needs_rebuild, found.state) == (True, True, "paused")


def test_the_projection_furthest_behind_comes_first() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary, daily_sales)
    append(sale.order_id, sale.paid)
    catch_up(daily_sales)
    names = [found.name for found in list_statuses([daily_sales, order_summary], DatabaseEventLog())]
    assert names == ["order-summary", "daily-sales"]


def test_projections_status_prints_a_line_for_each(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created, sale.paid)
    catch_up(flaky.projection)
    output = run_command("projections_status")
    lines = [[cell.strip() for cell in text.strip("│┃ ").split("│")] for text in output.splitlines()]
    for projection in projection_registry.select([]):
        [cells] = [cells for cells in lines if cells[0] == projection.name]
        expected = ["dead letters", "2", "2", "0"] if projection.name == "flaky" else ["behind", "0", "2", "2"]
        assert cells[1:5] == expected
    assert checkpoint_of(flaky.projection).parked == 2
