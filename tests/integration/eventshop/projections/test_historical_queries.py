"""A read model as it was, and as changed code would make it, without touching a row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from random import Random
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from eventshop.core.errors import InvalidMessage, UnknownProjection
from eventshop.eventstore.models import StoredEvent
from eventshop.projections.historical_queries import LINEAGE, dry_run, rows_as_of
from eventshop.projections.projection import Projection, projection_registry
from eventshop.testing.given_when_then import columns
from orders.domain.events import OrderShipped
from projections.daily_sales import daily_sales
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.support.command_output import numbers_in
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.raised import caused_by, with_data
from tests.support.read_models import append, append_order_histories, catch_up, history, stored_rows
from tests.support.sales import Sale

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)


def recording_time(order: Sale, version: int) -> datetime:
    return StoredEvent.objects.get(aggregate_id=order.order_id, version=version).recorded_at


def as_dicts(rows: dict[Any, Any]) -> dict[Any, dict[str, Any]]:
    return {
        key: {name: value for name, value in columns(row).items() if name not in LINEAGE} for key, row in rows.items()
    }


def run_command(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def printed_rows(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run_command("read_model_as_of", *arguments).splitlines()]


def test_one_row_is_folded_as_it_was() -> None:
    append(sale.order_id, sale.created)
    append(sale.order_id, sale.paid)
    append(other.order_id, other.created)
    append(sale.order_id, sale.shipped)
    key = str(sale.order_id)
    for version, status in ((1, "CREATED"), (2, "PAID"), (3, "SHIPPED")):
        rows = rows_as_of(order_summary, recording_time(sale, version), key=key)
        assert {pk: row.status for pk, row in rows.items()} == {sale.order_id: status}
    assert rows_as_of(order_summary, recording_time(sale, 1) - timedelta(seconds=1), key=key) == {}
    assert not OrderSummary.objects.exists()


@pytest.mark.parametrize("projection", projection_registry.select([]), ids=lambda projection: str(projection.name))
def test_every_read_model_as_of_now_is_what_its_rows_say(projection: Projection[Any]) -> None:
    append_order_histories(Random(3), range(12))
    catch_up(projection)
    live = {key: {n: v for n, v in row.items() if n not in LINEAGE} for key, row in stored_rows(projection).items()}
    assert as_dicts(rows_as_of(projection, timezone.now())) == live


def test_business_time_is_another_question_than_recorded_time() -> None:
    append(sale.order_id, sale.created, sale.paid)
    first = min(item.meta.occurred_at for item in history())
    assert rows_as_of(daily_sales, first - timedelta(days=1), business=True) == {}
    assert rows_as_of(daily_sales, timezone.now(), business=True)
    naive = datetime(2026, 1, 31)
    with pytest.raises(InvalidMessage, check=with_data(as_of=naive)):
        rows_as_of(daily_sales, naive)


def test_the_command_shows_a_whole_read_model_or_one_row() -> None:
    append(sale.order_id, sale.created, sale.paid)
    append(other.order_id, other.created)
    assert {row["status"] for row in printed_rows("order-summary", "--at", "2999-01-01")} == {"PAID", "CREATED"}
    [one] = printed_rows("order-summary", "--at", "2999-01-01", "--key", str(sale.order_id))
    assert (one["order_id"], one["status"]) == (str(sale.order_id), "PAID")
    assert printed_rows("daily-sales", "--happened-by", "2001-01-01") == []
    with pytest.raises(CommandError, match=str(sale.order_id)):
        run_command("read_model_as_of", "order-summary", "--at", "2001-01-01", "--key", str(sale.order_id))
    with pytest.raises(CommandError, check=caused_by(UnknownProjection)):
        run_command("read_model_as_of", "nothing", "--at", "2001-01-01")


# --- what if -----------------------------------------------------------------------------------------------------


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(order_summary))


def test_the_same_code_would_change_nothing(flaky: Flaky) -> None:
    append_order_histories(Random(3), range(12))
    catch_up(flaky.projection)
    result = dry_run(flaky.projection)
    assert not result.has_differences
    assert result.rows == OrderSummary.objects.count() > 0
    append(sale.order_id, sale.created)  # not projected yet: no difference
    assert not dry_run(flaky.projection).has_differences


def test_changed_code_is_run_over_the_real_history_and_nothing_is_touched(flaky: Flaky) -> None:
    for one in (sale, other):
        append(one.order_id, one.created, one.paid, one.shipped)
    catch_up(flaky.projection)
    before = stored_rows(flaky.projection)

    @flaky.projection.on(OrderShipped, key=lambda event: event.order_id)
    def shouted(row: OrderSummary, event: OrderShipped, meta: Any) -> None:
        row.carrier = str(event.carrier).upper()

    result = dry_run(flaky.projection)
    assert (result.added, result.changed, result.removed, result.failed) == (0, 2, 0, 0)
    assert {example.key for example in result.examples} == {str(sale.order_id), str(other.order_id)}
    assert result.examples[0].columns == {"carrier": ("Royal Mail", "ROYAL MAIL")}
    assert stored_rows(flaky.projection) == before
    output = run_command("dry_run_projection", "flaky")
    assert "ROYAL MAIL" in output
    assert numbers_in(output)[-3:] == [0, 2, 0]  # rows added, changed and removed


def test_rows_that_would_come_or_go_and_events_that_would_fail_are_told(flaky: Flaky) -> None:
    for one in (sale, other):
        append(one.order_id, one.created)
    catch_up(flaky.projection)
    OrderSummary.objects.filter(pk=other.order_id).update(order_id=Sale(3).order_id)
    flaky.spoils[sale.order_id, 1] = fail
    result = dry_run(flaky.projection)
    assert (result.added, result.changed, result.removed, result.failed) == (1, 0, 2, 1)
    assert "OrderCreated" in result.first_failure and "Broken: " in result.first_failure
    assert numbers_in(result.first_failure)[:1] == [1]  # its position
    output = run_command("dry_run_projection", "flaky")
    failures = next(line for line in output.splitlines() if "Broken: " in line)
    assert numbers_in(failures)[:2] == [1, 1]  # events that fail, the position of the first
