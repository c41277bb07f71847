"""An operator skips a dead letter: the projection goes on without it, and so do rebuilds, until it is restored."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.utils import timezone

from eventshop.core.errors import InvalidMessage, ProjectionError, UnknownProjection
from eventshop.core.messages import new_id
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections import dead_letter_retry, skipped_events
from eventshop.projections.historical_queries import dry_run, rows_as_of
from eventshop.projections.models import DeadLetter, Rebuild, SkippedEvent
from eventshop.projections.rebuild import rebuild
from projections.models import OrderSummary
from tests.support.failing_projection import Flaky, fail, queue, retry, with_a_dead_letter
from tests.support.read_models import append, catch_up, checkpoint_of
from tests.support.sales import Sale

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    """An order summary that cannot fold the second event of the sale; the third and fourth wait."""
    yield from with_a_dead_letter(sale.order_id, sale.created, sale.paid, sale.shipped, sale.delivered)


def skip(flaky: Flaky, event_id: UUID) -> SkippedEvent:
    return skipped_events.skip(flaky.projection.name, event_id, reason="known duplicate", actor="staff:1")


def first(stream: UUID = sale.order_id) -> UUID:
    row = DeadLetter.objects.filter(aggregate_id=stream).order_by("position").first()
    assert row is not None
    return row.event_id


def fold_again(flaky: Flaky) -> Rebuild:
    return rebuild(flaky.projection, create_event_log(), requested_by="staff:1")


def test_what_waited_behind_a_skipped_event_is_folded(flaky: Flaky) -> None:
    skipped = skip(flaky, first())
    assert (skipped.version, skipped.reason, skipped.skipped_by) == (2, "known duplicate", "staff:1")
    assert "cannot digest" in skipped.error
    assert retry(flaky).remaining == 0
    assert checkpoint_of(flaky.projection).parked == 0
    assert OrderSummary.objects.get().status == "DELIVERED"


def test_rebuilds_dry_runs_and_views_of_the_past_leave_it_out(flaky: Flaky) -> None:
    skip(flaky, first())
    retry(flaky)
    before = OrderSummary.objects.values().get()
    assert fold_again(flaky).state == Rebuild.State.DONE
    assert OrderSummary.objects.values().get() == before
    assert not dry_run(flaky.projection).has_differences
    [row] = rows_as_of(flaky.projection, timezone.now()).values()
    assert row.status == "DELIVERED"


def test_a_restored_event_is_folded_by_the_rebuild_that_this_requests(flaky: Flaky) -> None:
    event_id = first()
    skip(flaky, event_id)
    retry(flaky)
    flaky.repair()
    job = skipped_events.restore("flaky", event_id, reason="mended", actor="staff:2")
    assert (job.requested_by, str(event_id) in job.reason) == ("staff:2", True)
    assert fold_again(flaky).state == Rebuild.State.DONE
    assert not SkippedEvent.objects.exists()
    assert not dry_run(flaky.projection).has_differences


def test_a_restored_event_that_fails_again_is_a_dead_letter_again(flaky: Flaky) -> None:
    event_id = first()
    skip(flaky, event_id)
    retry(flaky)
    skipped_events.restore("flaky", event_id, reason="perhaps mended", actor="staff:2")
    assert fold_again(flaky).state == Rebuild.State.DONE
    assert queue(flaky) == [(2, True), (3, False), (4, False)]
    assert checkpoint_of(flaky.projection).parked == 3
    assert not SkippedEvent.objects.exists()


def test_what_cannot_be_skipped_is_refused_and_changes_nothing(flaky: Flaky) -> None:
    head, waiting = list(DeadLetter.objects.order_by("position").values_list("event_id", flat=True)[:2])
    for name, event_id, reason, error in (
        ("nonsense", head, "why", UnknownProjection),
        ("flaky", head, "  ", InvalidMessage),
        ("flaky", new_id(), "why", ProjectionError),
        ("flaky", waiting, "why", ProjectionError),
    ):
        with pytest.raises(error):
            skipped_events.skip(name, event_id, reason=reason, actor="staff:1")
    with pytest.raises(ProjectionError, match="was not skipped"):
        skipped_events.restore("flaky", head, reason="why", actor="staff:1")
    Rebuild.objects.create(projection="flaky", requested_by="ada", requested_at=timezone.now())
    with pytest.raises(ProjectionError, match="being rebuilt"):
        skip(flaky, head)
    DeadLetter.objects.filter(event_id=head).update(waits_for="OrderPaid/9")
    Rebuild.objects.all().delete()
    with pytest.raises(ProjectionError, match="OrderPaid/9"):
        skip(flaky, head)
    assert [version for version, _ in queue(flaky)] == [2, 3, 4]
    assert checkpoint_of(flaky.projection).parked == 3
    assert not SkippedEvent.objects.exists()


def test_all_events_of_one_cause_have_one_fingerprint(flaky: Flaky) -> None:
    flaky.spoils[other.order_id, 2] = fail
    flaky.lost_keys.add((Sale(3).order_id, 1))
    append(other.order_id, other.created, other.paid)
    append(Sale(3).order_id, Sale(3).created)
    catch_up(flaky.projection)
    causes = set(DeadLetter.objects.exclude(error="").values_list("fingerprint", flat=True))
    assert causes == {"PaymentProcessed: Broken: cannot digest this", "OrderCreated: Broken: whose is this?"}


def test_a_dry_run_of_a_retry_says_which_rows_would_change_and_changes_nothing(flaky: Flaky) -> None:
    failing = dead_letter_retry.preview_retry("flaky", sale.order_id)
    assert (failing.folded, failing.remaining, failing.rows) == (0, 3, [])
    assert "cannot digest" in failing.error
    flaky.repair()
    mended = dead_letter_retry.preview_retry("flaky", sale.order_id)
    assert (mended.folded, mended.remaining, mended.error) == (3, 0, "")
    [row] = mended.rows
    assert row.columns["status"] == ("CREATED", "DELIVERED")
    assert [version for version, _ in queue(flaky)] == [2, 3, 4]
    assert OrderSummary.objects.get().status == "CREATED"
