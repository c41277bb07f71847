"""A projection meets an event that only a newer release knows: its aggregate waits, by name, and nothing is skipped."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import F

from eventshop.core.errors import ProgramTooOld, ProjectionError
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.operations.projection_health import check_projections
from eventshop.projections import dead_letter_retry, dead_letters
from eventshop.projections.dead_letter_retry import RetryResult
from eventshop.projections.lag import list_statuses
from eventshop.projections.models import DeadLetter
from eventshop.projections.rebuild import rebuild
from orders.domain.commands import CancelOrder
from orders.domain.events import OrderShipped
from projections.models import OrderSummary
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.support.event_table_tampering import triggers_disabled
from tests.support.failing_projection import Broken
from tests.support.older_program import older_program
from tests.support.read_models import append, assert_rows_equal_fold, catch_up, checkpoint_of, running_projections
from tests.support.sales import Sale
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)
SHIPPED = f"OrderShipped/{OrderShipped.schema_version}"


def ship_as_newer_release() -> None:
    """Two orders, of which one is shipped: a type that the older program does not know."""
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    append(other.order_id, other.created, other.paid)


def waiting() -> list[tuple[int, str]]:
    return list(DeadLetter.objects.order_by("projection", "position").values_list("version", "waits_for"))


def test_its_aggregate_waits_and_others_go_on() -> None:
    ship_as_newer_release()
    with older_program("OrderShipped"):
        assert catch_up(order_summary) == 5
        append(sale.order_id, sale.delivered)
        append(other.order_id, other.cancelled())
        catch_up(order_summary)
    assert waiting() == [(3, SHIPPED), (4, SHIPPED)]
    assert not DeadLetter.objects.exclude(attempts=0, error="", traceback="", next_attempt_at=None).exists()
    assert OrderSummary.objects.get(pk=sale.order_id).status == "PAID"
    assert OrderSummary.objects.get(pk=other.order_id).status == "CANCELLED"


def test_the_status_names_what_is_waited_for() -> None:
    ship_as_newer_release()
    with older_program("OrderShipped"):
        catch_up(order_summary)
    [status] = list_statuses([order_summary], DatabaseEventLog())
    assert (status.waiting, status.dead_letters) == (1, 0)
    assert status.state == f"waits for a release with {SHIPPED}"
    assert SHIPPED in check_projections().detail
    output = StringIO()
    call_command("projections_status", stdout=output)
    assert SHIPPED in output.getvalue()


def test_an_old_program_does_not_try_again() -> None:
    ship_as_newer_release()
    with older_program("OrderShipped"):
        catch_up(order_summary)
        assert dead_letters.due_retries([order_summary.name]) == []
        assert dead_letter_retry.retry(order_summary.name, sale.order_id) == RetryResult(0, 1)
    assert waiting() == [(3, SHIPPED)]
    assert DeadLetter.objects.get().attempts == 0


def test_a_worker_of_the_newer_release_goes_on_with_it() -> None:
    ship_as_newer_release()
    with older_program("OrderShipped"):
        catch_up(order_summary, product_sales)
        append(sale.order_id, sale.delivered)
        catch_up(order_summary, product_sales)
    with running_projections(order_summary, product_sales):
        wait_until(lambda: not DeadLetter.objects.exists(), seen=waiting)
    assert checkpoint_of(order_summary).parked == checkpoint_of(product_sales).parked == 0
    assert_rows_equal_fold(order_summary, product_sales)


def test_a_newer_version_of_a_known_type_concerns_only_who_handles_it() -> None:
    ship_as_newer_release()
    with triggers_disabled():
        StoredEvent.objects.filter(event_type="OrderShipped").update(schema_version=F("schema_version") + 1)
    catch_up(order_summary, product_sales)
    assert [(row.projection, row.waits_for) for row in DeadLetter.objects.all()] == [
        (order_summary.name, f"OrderShipped/{OrderShipped.schema_version + 1}")
    ]


def test_what_then_fails_in_the_newer_release_is_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    ship_as_newer_release()
    with older_program("OrderShipped"):
        append(sale.order_id, sale.delivered)
        catch_up(order_summary)
    [handler] = order_summary.handlers[type(sale.shipped)]

    def fail(*_: object) -> None:
        raise Broken("cannot digest this")

    monkeypatch.setitem(order_summary.handlers, type(sale.shipped), [handler._replace(change=fail)])
    dead_letter_retry.retry(order_summary.name, sale.order_id)
    assert waiting() == [(3, ""), (4, "")]
    first = DeadLetter.objects.order_by("position")[0]
    assert (first.error, first.attempts, first.next_attempt_at is None) == ("Broken: cannot digest this", 1, False)


def test_a_rebuild_by_the_old_program_is_refused_by_name() -> None:
    append(sale.order_id, sale.created, sale.paid)
    catch_up(order_summary)
    append(sale.order_id, sale.shipped)
    with older_program("OrderShipped"), pytest.raises(ProjectionError, match=f"only a newer release .*{SHIPPED}"):
        rebuild(order_summary, DatabaseEventLog(), requested_by="ada")


def test_a_command_on_such_an_aggregate_is_refused() -> None:
    ship_as_newer_release()
    with older_program("OrderShipped"), pytest.raises(ProgramTooOld, match="OrderShipped"):
        send(CancelOrder(order_id=sale.order_id, reason="late"))
